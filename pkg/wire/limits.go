package wire

import (
	"cmp"
	"fmt"

	"github.com/tidwall/gjson"
)

// Limits bounds what a consumed record may be. Zero fields mean the defaults.
type Limits struct {
	Value       int // bytes of the value, default 1 MiB
	Key         int // bytes of the key and of a correlation key, default 2 KiB
	Headers     int // number of headers, default 64
	HeaderBytes int // bytes of all header names and values, default 32 KiB
	Name        int // bytes of a message name, message id, error code, business key or tenant, default 256
	Depth       int // nesting of the JSON value, default 100
}

// maxErrorMessage is how many bytes of a worker's error message are kept; the
// rest is cut off.
const maxErrorMessage = 4 << 10

func (l Limits) value() int       { return cmp.Or(l.Value, 1<<20) }
func (l Limits) key() int         { return cmp.Or(l.Key, 2<<10) }
func (l Limits) headers() int     { return cmp.Or(l.Headers, 64) }
func (l Limits) headerBytes() int { return cmp.Or(l.HeaderBytes, 32<<10) }
func (l Limits) name() int        { return cmp.Or(l.Name, 256) }
func (l Limits) depth() int       { return cmp.Or(l.Depth, 100) }

// check finds what of the record's outside is too large.
func (l Limits) check(r *Record) error {
	if n := len(r.Value); n > l.value() {
		return tooLarge("the value", n, l.value(), "bytes")
	}
	if n := len(r.Key); n > l.key() {
		return tooLarge("the key", n, l.key(), "bytes")
	}
	if n := len(r.Headers); n > l.headers() {
		return tooLarge("the number of headers", n, l.headers(), "headers")
	}
	size := 0
	for i := range r.Headers {
		size += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	if size > l.headerBytes() {
		return tooLarge("the size of the headers", size, l.headerBytes(), "bytes")
	}
	return nil
}

// CheckName finds what keeps text from being a name, an id, a business key or a
// tenant: what comes otherwise than as a record has the same bounds.
func (l Limits) CheckName(what, text string) error { return checkText(what, text, l.name()) }

// CheckKey finds what keeps text from being a correlation key.
func (l Limits) CheckKey(what, text string) error { return checkText(what, text, l.key()) }

// CheckObject finds what keeps value from being the JSON object of variables of a
// record. The error is a *PoisonError.
func (l Limits) CheckObject(what string, value []byte) error {
	if n := len(value); n > l.value() {
		return tooLarge(what, n, l.value(), "bytes")
	}
	object, err := l.object(what, value)
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	gjson.ParseBytes(object).ForEach(func(key, _ gjson.Result) bool {
		name := key.String()
		if seen[name] {
			err = badValue("%s has member %q twice", what, name)
		}
		seen[name] = true
		return err == nil
	})
	return err
}

func checkText(what, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%s has %d bytes, the limit is %d", what, len(text), most)
	}
	if !validText([]byte(text)) {
		return fmt.Errorf("%s is %s: expected text without control characters", what, excerpt([]byte(text)))
	}
	return nil
}

// correlationKey reads a key that messages are matched by.
func (l Limits) correlationKey(name string, value []byte) (string, error) {
	l.Name = l.key()
	return l.text(name, value)
}

// text reads a header that must be UTF-8 of at most Name bytes.
func (l Limits) text(name string, value []byte) (string, error) {
	if len(value) > l.name() {
		return "", tooLarge("header "+name, len(value), l.name(), "bytes")
	}
	if !validText(value) {
		return "", badHeader(name, value, "UTF-8 text without control characters")
	}
	return string(value), nil
}
