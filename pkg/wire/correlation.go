package wire

import (
	"errors"
	"strconv"
)

// CorrelationID names one attempt at one task. Workers copy it from the command
// to the result, unread. Since the attempt is part of it, a worker that copies
// nothing else is fenced all the same.
type CorrelationID struct {
	Instance [16]byte
	Home     int32 // the instance's home: the partition of the result topic to reply to
	Task     uint64
	Attempt  uint32
}

// maxCorrelationID is the length of the longest text form.
const maxCorrelationID = uuidLen + 1 + 10 + 1 + 20 + 1 + 10

var errCorrelationID = errors.New("correlation id is not <uuid>.<home>.<task>.<attempt>")

// AppendTo appends the text form <uuid>.<home>.<task>.<attempt>, at most 79 bytes.
func (id CorrelationID) AppendTo(dst []byte) []byte {
	dst = AppendUUID(dst, id.Instance)
	dst = strconv.AppendInt(append(dst, '.'), int64(id.Home), 10)
	dst = strconv.AppendUint(append(dst, '.'), id.Task, 10)
	return strconv.AppendUint(append(dst, '.'), uint64(id.Attempt), 10)
}

func (id CorrelationID) String() string {
	return string(id.AppendTo(make([]byte, 0, maxCorrelationID)))
}

// ParseCorrelationID reads the text form. It accepts exactly what AppendTo
// writes: a lower-case UUID and decimal numbers without sign or leading zeros.
func ParseCorrelationID(text []byte) (CorrelationID, error) {
	var id CorrelationID
	if len(text) < uuidLen || len(text) > maxCorrelationID {
		return id, errCorrelationID
	}
	instance, ok := ParseUUID(text[:uuidLen])
	if !ok {
		return id, errCorrelationID
	}
	home, rest, ok1 := dottedNumber(text[uuidLen:], 1<<31-1)
	task, rest, ok2 := dottedNumber(rest, 1<<64-1)
	attempt, rest, ok3 := dottedNumber(rest, 1<<32-1)
	if !ok1 || !ok2 || !ok3 || len(rest) != 0 {
		return id, errCorrelationID
	}
	return CorrelationID{Instance: instance, Home: int32(home), Task: task, Attempt: uint32(attempt)}, nil
}

// dottedNumber reads "." and a canonical decimal number up to limit.
func dottedNumber(text []byte, limit uint64) (n uint64, rest []byte, ok bool) {
	if len(text) < 2 || text[0] != '.' {
		return 0, nil, false
	}
	i := 1
	for ; i < len(text) && text[i] != '.'; i++ {
		d := uint64(text[i] - '0')
		if d > 9 || n > (limit-d)/10 || (n == 0 && i > 1) {
			return 0, nil, false
		}
		n = n*10 + d
	}
	return n, text[i:], i > 1
}

// uuidLen is the length of a UUID's text form.
const uuidLen = 36

const hexDigits = "0123456789abcdef"

// AppendUUID appends the canonical lower-case text of id.
func AppendUUID(dst []byte, id [16]byte) []byte {
	var t [uuidLen]byte
	j := 0
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			t[j] = '-'
			j++
		}
		t[j], t[j+1] = hexDigits[b>>4], hexDigits[b&15]
		j += 2
	}
	return append(dst, t[:]...)
}

// ParseUUID reads the canonical lower-case text of a UUID.
func ParseUUID(text []byte) (id [16]byte, ok bool) {
	if len(text) != uuidLen {
		return id, false
	}
	j := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if text[j] != '-' {
				return id, false
			}
			j++
		}
		high, low := nibble(text[j]), nibble(text[j+1])
		if high > 15 || low > 15 {
			return id, false
		}
		id[i] = high<<4 | low
		j += 2
	}
	return id, true
}

// nibble is the value of a lower-case hex digit, or 255.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
