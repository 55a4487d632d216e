package expr

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

const (
	maxMonths  = 12 * 2 * maxYear
	maxSeconds = math.MaxInt64 / 1_000 // well within what adding two of them can take
)

// Months makes a years and months duration; null beyond ±1,999,999,998 years.
func Months(n int64) Value {
	if n > maxMonths || n < -maxMonths {
		return Null()
	}
	return Value{kind: KindYearsMonths, n: n}
}

// Seconds makes a days and time duration; null beyond ±292 million years.
func Seconds(seconds, nanos int64) Value {
	seconds += nanos / 1e9
	nanos %= 1e9
	if seconds > 0 && nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	if seconds < 0 && nanos > 0 {
		seconds, nanos = seconds+1, nanos-1e9
	}
	if seconds > maxSeconds || seconds < -maxSeconds {
		return Null()
	}
	return Value{kind: KindDaysTime, n: seconds, aux: int32(nanos)}
}

// AsMonths is a years and months duration in months.
func (v Value) AsMonths() (int64, bool) { return v.n, v.kind == KindYearsMonths }

// AsSeconds is a days and time duration in seconds and nanoseconds, both of the
// same sign.
func (v Value) AsSeconds() (seconds, nanos int64, ok bool) {
	return v.n, int64(v.aux), v.kind == KindDaysTime
}

// isoDuration has every unit of ISO 8601; months and the rest are separate since
// months have no fixed length.
type isoDuration struct {
	months, seconds int64
	nanos           int32
	hasMonths       bool // years or months were written
	hasSeconds      bool // weeks, days or smaller were written
	hasWeeks        bool
}

// ParseDuration reads a duration of either kind, P[nY][nM] or
// P[nD][T[nH][nM][n.nS]]; the kinds cannot be mixed.
func ParseDuration(s string) (Value, bool) {
	d, ok := parseISODuration(s)
	if !ok || d.hasMonths == d.hasSeconds || d.hasWeeks {
		return Value{}, false
	}
	v := Seconds(d.seconds, int64(d.nanos))
	if d.hasMonths {
		v = Months(d.months)
	}
	return v, !v.IsNull()
}

// parseISODuration reads [-]P[nY][nM][nW][nD][T[nH][nM][n.nS]].
func parseISODuration(s string) (isoDuration, bool) {
	text := strings.TrimPrefix(s, "-")
	if !strings.HasPrefix(text, "P") {
		return isoDuration{}, false
	}
	days, clock, timed := strings.Cut(text[1:], "T")
	var d isoDuration
	ok := d.read(days, "YMWD", []int64{12, 1, 7 * secondsPerDay, secondsPerDay}, 2)
	if !ok || timed && (clock == "" || !d.read(clock, "HMS", []int64{3600, 60, 1}, 0)) {
		return isoDuration{}, false
	}
	if len(text) != len(s) {
		d.months, d.seconds, d.nanos = -d.months, -d.seconds, -d.nanos
	}
	return d, d.hasMonths || d.hasSeconds
}

// read takes numbers followed by units, in the order of units; the first
// monthly of them count months, the others seconds.
func (d *isoDuration) read(s, units string, factors []int64, monthly int) bool {
	next := 0
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 {
			return false
		}
		nanos, rest, ok := parseFraction(s[end:])
		if !ok && strings.HasPrefix(s[end:], ".S") {
			rest, ok = s[end+1:], true // "5.S" has no digit after the point
		}
		if !ok || rest == "" || rest != s[end:] && rest[0] != 'S' {
			return false
		}
		i := strings.IndexByte(units[next:], rest[0])
		if i < 0 {
			return false
		}
		i += next
		if !d.add(s[:end], factors[i], i < monthly) {
			return false
		}
		d.nanos += int32(nanos)
		d.hasWeeks = d.hasWeeks || units[i] == 'W'
		next, s = i+1, rest[1:]
	}
	return true
}

func (d *isoDuration) add(digits string, factor int64, monthly bool) bool {
	n, err := strconv.ParseInt(digits, 10, 64)
	hi, lo := bits.Mul64(uint64(n), uint64(factor))
	if err != nil || hi != 0 || lo > maxSeconds {
		return false
	}
	if monthly {
		d.months += int64(lo)
		d.hasMonths = true
		return d.months <= maxMonths
	}
	d.seconds += int64(lo)
	d.hasSeconds = true
	return d.seconds <= maxSeconds
}

func appendMonths(dst []byte, n int64) []byte {
	if n == 0 {
		return append(dst, "P0M"...)
	}
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(dst, 'P')
	dst = appendUnit(dst, n/12, 'Y')
	return appendUnit(dst, n%12, 'M')
}

func appendUnit(dst []byte, n int64, unit byte) []byte {
	if n == 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, n, 10), unit)
}

func appendSeconds(dst []byte, seconds int64, nanos int32) []byte {
	if seconds == 0 && nanos == 0 {
		return append(dst, "PT0S"...)
	}
	if seconds < 0 || nanos < 0 {
		dst, seconds, nanos = append(dst, '-'), -seconds, -nanos
	}
	dst = append(dst, 'P')
	dst = appendUnit(dst, seconds/secondsPerDay, 'D')
	seconds %= secondsPerDay
	if seconds == 0 && nanos == 0 {
		return dst
	}
	dst = append(dst, 'T')
	dst = appendUnit(dst, seconds/3600, 'H')
	dst = appendUnit(dst, seconds/60%60, 'M')
	if nanos == 0 {
		return appendUnit(dst, seconds%60, 'S')
	}
	dst = strconv.AppendInt(dst, seconds%60, 10)
	fraction := strconv.Itoa(1_000_000_000 + int(nanos))[1:]
	dst = append(append(dst, '.'), strings.TrimRight(fraction, "0")...)
	return append(dst, 'S')
}

// addMonths keeps the day of the month where the month has it, else takes its
// last; ok is false beyond the years that a date may have.
func addMonths(t time.Time, months int64) (time.Time, bool) {
	total := int64(t.Year())*12 + int64(t.Month()) - 1 + months
	year, month := int(floorDiv(total, 12)), int(total-12*floorDiv(total, 12))+1
	if year < -maxYear || year > maxYear {
		return time.Time{}, false
	}
	day := min(t.Day(), daysIn(year, month))
	return time.Date(year, time.Month(month), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()), true
}

func addSeconds(t time.Time, seconds int64, nanos int32) (time.Time, bool) {
	moved := time.Unix(t.Unix()+seconds, int64(t.Nanosecond())+int64(nanos)).In(t.Location())
	year := moved.Year()
	return moved, year >= -maxYear && year <= maxYear
}
