package expr

import "time"

// Equal tells whether two values are equal (DMN 1.5 section 10.3.2.3, table 42).
// ok is false where they cannot be compared: values of different kinds, neither
// of which is null, and functions.
func Equal(a, b Value) (equal, ok bool) {
	if a.kind == KindNull || b.kind == KindNull {
		return a.kind == b.kind, true
	}
	if a.kind != b.kind {
		return false, false
	}
	switch a.kind {
	case KindBoolean, KindDate, KindYearsMonths:
		return a.n == b.n, true
	case KindString:
		return a.s == b.s, true
	case KindNumber:
		return CompareNumbers(a, b) == 0, true
	case KindDaysTime:
		return a.n == b.n && a.aux == b.aux, true
	case KindTime, KindDateTime:
		order, ok := compareClocks(a, b)
		return order == 0, ok
	case KindList:
		return equalLists(a.ref.([]Value), b.ref.([]Value))
	case KindContext:
		return equalContexts(a.ref.(*Context), b.ref.(*Context))
	case KindRange:
		return equalRanges(a.ref.(*Range), b.ref.(*Range)), true
	}
	return false, false
}

func equalLists(a, b []Value) (equal, ok bool) {
	if len(a) != len(b) {
		return false, true
	}
	for i := range a {
		if equal, _ := Equal(a[i], b[i]); !equal {
			return false, true
		}
	}
	return true, true
}

func equalContexts(a, b *Context) (equal, ok bool) {
	if len(a.keys) != len(b.keys) {
		return false, true
	}
	for i, key := range a.keys {
		other, found := b.Get(key)
		if !found {
			return false, true
		}
		if equal, _ := Equal(a.values[i], other); !equal {
			return false, true
		}
	}
	return true, true
}

func equalRanges(a, b *Range) bool {
	low, _ := Equal(a.Low, b.Low)
	high, _ := Equal(a.High, b.High)
	return low && high && a.LowClosed == b.LowClosed && a.HighClosed == b.HighClosed
}

// Compare orders two values: −1, 0 or 1 for a < b, a = b, a > b. ok is false
// where they have no order: different kinds, and kinds without one.
func Compare(a, b Value) (order int, ok bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case KindNumber:
		return CompareNumbers(a, b), true
	case KindString:
		return sign(a.s, b.s), true
	case KindDate, KindYearsMonths:
		return sign(a.n, b.n), true
	case KindDaysTime:
		if a.n != b.n {
			return sign(a.n, b.n), true
		}
		return sign(a.aux, b.aux), true
	case KindTime, KindDateTime:
		return compareClocks(a, b)
	}
	return 0, false
}

func sign[T int32 | int64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareClocks orders times or dates and times by the instant; with a zone and
// without one they have no order.
func compareClocks(a, b Value) (order int, ok bool) {
	if (a.Zone() == nil) != (b.Zone() == nil) {
		return 0, false
	}
	if a.kind == KindTime {
		return sign(a.utcNanos(), b.utcNanos()), true
	}
	if a.n != b.n {
		return sign(a.n, b.n), true
	}
	return sign(a.aux, b.aux), true
}

// utcNanos is a time of day moved to UTC; before or past midnight it goes on
// counting.
func (v Value) utcNanos() int64 {
	t, _ := v.Clock()
	_, offset := t.Zone()
	return v.n - int64(offset)*int64(time.Second)
}
