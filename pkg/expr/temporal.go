package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every machine that has none installed
)

const (
	secondsPerDay = 24 * 60 * 60
	nanosPerDay   = int64(24 * time.Hour)
	maxYear       = 999_999_999 // XML Schema part 2 as limited by DMN 1.5 section 10.3.2.3.4
)

// Date makes a date; ok is false if there is no such day.
func Date(year, month, day int) (v Value, ok bool) {
	if year < -maxYear || year > maxYear || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return Value{}, false
	}
	return dateOf(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func dateOf(midnight time.Time) Value {
	return Value{kind: KindDate, n: floorDiv(midnight.Unix(), secondsPerDay)}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// DateTime makes a date and time in the zone of t; the zone of the machine counts
// as its offset.
func DateTime(t time.Time) Value {
	if t.Location() == time.Local {
		_, offset := t.Zone()
		t = t.In(FixedZone(offset))
	}
	return Value{kind: KindDateTime, n: t.Unix(), aux: int32(t.Nanosecond()), ref: t.Location()}
}

// LocalDateTime makes a date and time without a zone: what t's clock shows.
func LocalDateTime(t time.Time) Value {
	_, offset := t.Zone()
	return Value{kind: KindDateTime, n: t.Unix() + int64(offset), aux: int32(t.Nanosecond())}
}

// TimeOfDay makes a time, in a zone unless that is nil; sinceMidnight is less
// than 24 hours.
func TimeOfDay(sinceMidnight time.Duration, zone *time.Location) Value {
	v := Value{kind: KindTime, n: int64(sinceMidnight)}
	if zone != nil {
		v.ref = zone
	}
	return v
}

// Zone is the time zone of a time or a date and time, nil if it has none.
func (v Value) Zone() *time.Location {
	if v.kind != KindTime && v.kind != KindDateTime {
		return nil
	}
	zone, _ := v.ref.(*time.Location)
	return zone
}

func (v Value) location() *time.Location {
	if zone := v.Zone(); zone != nil {
		return zone
	}
	return time.UTC
}

// Clock is what calendar and clock show for a date (midnight), a time (on
// 2000-01-01) or a date and time; without a zone it is given in UTC.
func (v Value) Clock() (time.Time, bool) {
	switch v.kind {
	case KindDate, KindDateTime:
		return v.AsTime()
	case KindTime:
		n := v.n
		return time.Date(2000, 1, 1, int(n/int64(time.Hour)), int(n/int64(time.Minute)%60),
			int(n/int64(time.Second)%60), int(n%int64(time.Second)), v.location()), true
	}
	return time.Time{}, false
}

// ParseDate reads [-]YYYY-MM-DD, years of up to nine digits.
func ParseDate(s string) (Value, bool) {
	year, rest, ok := parseYear(s)
	if !ok || len(rest) != 6 || rest[0] != '-' || rest[3] != '-' {
		return Value{}, false
	}
	month, ok1 := twoDigits(rest[1:3])
	day, ok2 := twoDigits(rest[4:6])
	if !ok1 || !ok2 {
		return Value{}, false
	}
	return Date(year, month, day)
}

func parseYear(s string) (year int, rest string, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	n := 0
	for n < len(digits) && isDigit(digits[n]) {
		n++
	}
	if n < 4 || n > 9 || n > 4 && digits[0] == '0' {
		return 0, "", false
	}
	year, err := strconv.Atoi(digits[:n])
	if len(digits) != len(s) {
		year = -year
	}
	return year, digits[n:], err == nil
}

func twoDigits(s string) (int, bool) {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

// ParseTime reads hh:mm:ss[.fraction] and optionally Z, ±hh:mm[:ss] or @zone id.
func ParseTime(s string) (Value, bool) {
	clock, zone, ok := parseClock(s)
	if !ok {
		return Value{}, false
	}
	return TimeOfDay(clock, zone), true
}

func parseClock(s string) (clock time.Duration, zone *time.Location, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, nil, false
	}
	hour, ok1 := twoDigits(s[0:2])
	minute, ok2 := twoDigits(s[3:5])
	second, ok3 := twoDigits(s[6:8])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, nil, false
	}
	nanos, rest, ok := parseFraction(s[8:])
	if !ok {
		return 0, nil, false
	}
	zone, ok = ParseZone(rest)
	clock = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	return clock + time.Duration(nanos), zone, ok
}

// parseFraction reads .digits, if any; digits past the ninth are dropped.
func parseFraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	end := 1
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	if end == 1 {
		return 0, "", false
	}
	digits := (s[1:end] + "000000000")[:9]
	nanos, err := strconv.Atoi(digits)
	return nanos, s[end:], err == nil
}

// ParseZone reads Z (or z, as the specification's own examples have it), ±hh:mm[:ss] or @zone id; the empty string is no zone (nil).
// Offsets reach to 18 hours. Zone ids are those of the tz database.
func ParseZone(s string) (*time.Location, bool) {
	switch {
	case s == "":
		return nil, true
	case s == "Z" || s == "z":
		return time.UTC, true
	case s[0] == '@':
		return loadZone(s[1:])
	case s[0] == '+' || s[0] == '-':
		return parseOffset(s)
	}
	return nil, false
}

func loadZone(id string) (*time.Location, bool) {
	if id == "" || id == "Local" {
		return nil, false
	}
	if id == "UTC" || id == "Z" {
		id = "Etc/UTC"
	}
	zone, err := time.LoadLocation(id)
	return zone, err == nil
}

func parseOffset(s string) (*time.Location, bool) {
	if len(s) != 6 && len(s) != 9 || s[3] != ':' {
		return nil, false
	}
	hours, ok1 := twoDigits(s[1:3])
	minutes, ok2 := twoDigits(s[4:6])
	seconds, ok3 := 0, true
	if len(s) == 9 {
		seconds, ok3 = twoDigits(s[7:9])
		ok3 = ok3 && s[6] == ':'
	}
	offset := (hours*60+minutes)*60 + seconds
	if !ok1 || !ok2 || !ok3 || minutes > 59 || seconds > 59 || offset > 18*60*60 {
		return nil, false
	}
	if s[0] == '-' {
		offset = -offset
	}
	return FixedZone(offset), true
}

// FixedZone is the zone of an offset from UTC in seconds.
func FixedZone(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", offset)
}

// ZoneID is the id of a zone of the tz database; offsets have none.
func ZoneID(zone *time.Location) (string, bool) {
	if zone == nil || zone == time.UTC || zone.String() == "" {
		return "", false
	}
	return zone.String(), true
}

// ParseDateTime reads a date, T, and a time with or without a zone.
func ParseDateTime(s string) (Value, bool) {
	day, clockText, found := strings.Cut(s, "T")
	if !found {
		return Value{}, false
	}
	date, ok := ParseDate(day)
	if !ok {
		return Value{}, false
	}
	clock, zone, ok := parseClock(clockText)
	if !ok {
		return Value{}, false
	}
	return At(date, TimeOfDay(clock, zone)), true
}

// withSeconds adds ":00" to a date and time whose clock is hh:mm.
func withSeconds(s string) string {
	i := strings.IndexByte(s, 'T')
	if i < 0 || len(s) < i+6 || s[i+3] != ':' || len(s) > i+6 && s[i+6] == ':' {
		return s
	}
	return s[:i+6] + ":00" + s[i+6:]
}

// ParseTemporal reads whatever is temporal: a date, date and time, time or
// duration. It gives null if s is none of them.
func ParseTemporal(s string) Value {
	for _, parse := range []func(string) (Value, bool){ParseDate, ParseDateTime, ParseTime, ParseDuration} {
		if v, ok := parse(s); ok {
			return v
		}
	}
	return Null()
}

// At joins a date and a time to a date and time.
func At(date, clock Value) Value {
	day := time.Unix(date.n*secondsPerDay, 0).UTC()
	zone := clock.Zone()
	seconds, nanos := clock.n/int64(time.Second), clock.n%int64(time.Second)
	t := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, int(seconds), int(nanos), clock.location())
	if zone == nil {
		return LocalDateTime(t)
	}
	return DateTime(t)
}

// appendTemporal writes temporal values and durations in ISO 8601, zone ids as
// DMN does (…@Europe/Prague).
func (v Value) appendTemporal(dst []byte) []byte {
	switch v.kind {
	case KindYearsMonths:
		return appendMonths(dst, v.n)
	case KindDaysTime:
		return appendSeconds(dst, v.n, v.aux)
	}
	t, _ := v.Clock()
	if v.kind != KindTime {
		dst = appendDate(dst, t)
	}
	if v.kind == KindDateTime {
		dst = append(dst, 'T')
	}
	if v.kind == KindDate {
		return dst
	}
	dst = t.AppendFormat(dst, "15:04:05.999999999")
	return appendZone(dst, t, v.Zone())
}

func appendDate(dst []byte, t time.Time) []byte {
	year := t.Year()
	if year < 0 {
		dst = append(dst, '-')
		year = -year
	}
	return fmt.Appendf(dst, "%04d-%02d-%02d", year, int(t.Month()), t.Day())
}

func appendZone(dst []byte, t time.Time, zone *time.Location) []byte {
	if zone == nil {
		return dst
	}
	if id, named := ZoneID(zone); named {
		return append(append(dst, '@'), id...)
	}
	_, offset := t.Zone()
	if offset%60 != 0 {
		return t.AppendFormat(dst, "-07:00:00")
	}
	return t.AppendFormat(dst, "Z07:00")
}
