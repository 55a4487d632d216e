package wire

import (
	"math"
	"strconv"
	"time"
)

// maxDuration bounds durations in headers: ten years of 365 days.
const maxDuration = 10 * 365 * 24 * time.Hour

const durationForm = "an ISO 8601 duration of weeks, days, hours, minutes and seconds (PT30S, P1DT12H), or milliseconds (30000), at most 10 years"

// parseDuration reads an ISO 8601 duration (ISO 8601-1, 5.5.2.3) without years
// and months, which have no fixed length, or a whole number of milliseconds; at
// most ten years.
func parseDuration(text []byte) (time.Duration, bool) {
	if len(text) == 0 || len(text) > 64 {
		return 0, false
	}
	if text[0] != 'P' {
		ms, rest, ok := leadingNumber(text)
		if !ok || len(rest) != 0 || ms.fraction != 0 {
			return 0, false
		}
		return ms.times(time.Millisecond)
	}
	return parseISO(text[1:])
}

// isoUnits are the designators in the order they must come in; those from
// isoTime on follow a T.
var isoUnits = [...]struct {
	designator byte
	unit       time.Duration
}{{'W', 7 * 24 * time.Hour}, {'D', 24 * time.Hour}, {'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}}

const isoTime = 2

func parseISO(text []byte) (total time.Duration, ok bool) {
	next, parts, inTime := 0, 0, false
	for len(text) > 0 {
		if text[0] == 'T' {
			if inTime || len(text) == 1 {
				return 0, false
			}
			inTime, next, text = true, max(next, isoTime), text[1:]
		}
		n, rest, ok := leadingNumber(text)
		if !ok || len(rest) == 0 {
			return 0, false
		}
		for next < len(isoUnits) && (isoUnits[next].designator != rest[0] || (next >= isoTime) != inTime) {
			next++
		}
		if next == len(isoUnits) || (n.fraction != 0 && len(rest) > 1) {
			return 0, false
		}
		part, ok := n.times(isoUnits[next].unit)
		if total += part; !ok || total > maxDuration {
			return 0, false
		}
		next++
		parts++
		text = rest[1:]
	}
	return total, parts > 0
}

// number is a decimal number in two parts, since a float64 can't tell the
// nanoseconds of ten years apart.
type number struct {
	whole    int64   // at most maxDuration, which is too much of anything
	fraction float64 // 0 ≤ fraction < 1
}

// leadingNumber reads digits with an optional fraction (dot or comma).
func leadingNumber(text []byte) (n number, rest []byte, ok bool) {
	scale, point, digits := 1.0, false, 0
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		if (c == '.' || c == ',') && !point && digits > 0 {
			point, digits = true, 0
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if point {
			scale *= 10
			n.fraction = n.fraction*10 + float64(c-'0')
		} else {
			n.whole = min(n.whole*10+int64(c-'0'), int64(maxDuration))
		}
	}
	n.fraction /= scale
	return n, text[i:], digits > 0
}

func (n number) times(unit time.Duration) (time.Duration, bool) {
	if n.whole > int64(maxDuration/unit) {
		return 0, false
	}
	d := time.Duration(n.whole)*unit + time.Duration(math.Round(n.fraction*float64(unit)))
	return d, d <= maxDuration
}

// appendDuration appends d as ISO 8601 seconds (PT1.5S), which parseDuration
// reads; negative durations become PT0S.
func appendDuration(dst []byte, d time.Duration) []byte {
	d = max(d, 0)
	dst = append(dst, "PT"...)
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	if nanos := int64(d % time.Second); nanos != 0 {
		dst = append(dst, '.')
		for unit := int64(100_000_000); nanos > 0; unit /= 10 {
			dst = append(dst, byte('0'+nanos/unit))
			nanos %= unit
		}
	}
	return append(dst, 'S')
}

// ParseDuration reads a duration as headers have it: ISO 8601 in weeks, days,
// hours, minutes and seconds, or whole milliseconds.
func ParseDuration(text string) (d time.Duration, ok bool) { return parseDuration([]byte(text)) }
