package expr

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// Precision is the number of digits to which arithmetic rounds, half to even
// (IEEE 754 decimal128, DMN 1.5 section 10.3.2.3.1). Numbers that are only
// carried keep all their digits.
const Precision = 34

// maxExponent bounds the magnitude of numbers: 10^±6144, as decimal128.
const maxExponent = 6144

// maxDigits bounds the digits of a number that is read.
const maxDigits = 1000

var decimal128 = apd.Context{
	Precision:   Precision,
	MaxExponent: maxExponent,
	MinExponent: -maxExponent,
	Rounding:    apd.RoundHalfEven,
}

// DecimalContext is the arithmetic of numbers: 34 digits, half to even, no traps.
func DecimalContext() apd.Context { return decimal128 }

// Number makes a number of a decimal, which must not be changed afterwards.
// NaN and infinities give null.
func Number(d *apd.Decimal) Value {
	if d.Form != apd.Finite {
		return Null()
	}
	if d.Exponent > 0 && d.IsZero() {
		return Int(0)
	}
	if d.Exponent >= -maxCompactScale && d.Exponent <= 0 && d.Coeff.IsInt64() {
		n := d.Coeff.Int64()
		if d.Negative {
			n = -n
		}
		return Value{kind: KindNumber, n: n, aux: d.Exponent}
	}
	return Value{kind: KindNumber, ref: d}
}

// maxCompactScale bounds the exponent of numbers kept in the Value itself.
const maxCompactScale = 18

// ParseNumber reads a number: digits, fraction and exponent as in JSON, but
// leading zeros and a missing integer part (.5) are allowed.
func ParseNumber(s string) (Value, bool) {
	if v, ok := parseCompact(s); ok {
		return v, true
	}
	if !isNumberText(s) {
		return Value{}, false
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite {
		return Value{}, false
	}
	magnitude := int64(d.Exponent) + d.NumDigits()
	if magnitude > maxExponent || magnitude < -maxExponent {
		return Value{}, false
	}
	return Number(d), true
}

// parseCompact reads numbers of up to 18 digits without an exponent, and nothing
// else: nearly all there are, without allocating.
func parseCompact[T string | []byte](s T) (Value, bool) {
	v := Value{kind: KindNumber}
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	if len(s)-i > maxCompactScale {
		return Value{}, false
	}
	negative, point := i == 1, -1
	for start := i; i < len(s); i++ {
		switch {
		case isDigit(s[i]):
			v.n = v.n*10 + int64(s[i]-'0')
		case s[i] == '.' && point < 0 && i > start:
			point = i
		default:
			return Value{}, false
		}
	}
	if point >= 0 {
		v.aux = int32(point + 1 - len(s))
	}
	if negative {
		v.n = -v.n
	}
	return v, i > 0 && point != len(s)-1 && isDigit(s[len(s)-1])
}

func isNumberText(s string) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	digits := 0
	i := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		fraction := 0
		for i++; i < len(s) && isDigit(s[i]); i++ {
			fraction++
		}
		if fraction == 0 {
			return false
		}
		digits += fraction
	}
	return digits > 0 && digits <= maxDigits && isExponentText(s[i:])
}

func isExponentText(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	if s == "" || len(s) > 6 {
		return false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// AsDecimal is the number as a decimal, not to be changed; ok is false if the
// value is not a number.
func (v Value) AsDecimal() (*apd.Decimal, bool) {
	if v.kind != KindNumber {
		return nil, false
	}
	return v.decimal(&apd.Decimal{}), true
}

// decimal gives the number, using space where it is not kept as a decimal.
func (v Value) decimal(space *apd.Decimal) *apd.Decimal {
	if d, ok := v.ref.(*apd.Decimal); ok {
		return d
	}
	space.SetFinite(v.n, v.aux)
	return space
}

func (v Value) isSmallInt() bool { return v.ref == nil && v.aux == 0 }

// sameScale tells whether two compact numbers have equal exponents, so that
// their coefficients can be computed with directly.
func sameScale(a, b Value) bool { return a.ref == nil && b.ref == nil && a.aux == b.aux }

// aligned gives two compact numbers the smaller of their exponents, if their
// coefficients still fit: then sameScale holds.
func aligned(a, b Value) (Value, Value) {
	if a.ref != nil || b.ref != nil || a.aux == b.aux {
		return a, b
	}
	if a.aux < b.aux {
		b, a = aligned(b, a)
		return a, b
	}
	if n, ok := multiplyInt(a.n, powersOfTen[a.aux-b.aux]); ok {
		a.n, a.aux = n, b.aux
	}
	return a, b
}

// powersOfTen are those that an int64 can hold; compact exponents differ by no more.
var powersOfTen = [maxCompactScale + 1]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

// Add is a + b of two numbers; null where the result is too large.
func Add(a, b Value) Value {
	if a, b = aligned(a, b); sameScale(a, b) {
		if sum := a.n + b.n; (sum > a.n) == (b.n > 0) {
			return Value{kind: KindNumber, n: sum, aux: a.aux}
		}
	}
	return compute(decimal128.Add, a, b)
}

// Subtract is a − b of two numbers; null where the result is too large.
func Subtract(a, b Value) Value {
	if a, b = aligned(a, b); sameScale(a, b) {
		if diff := a.n - b.n; (diff < a.n) == (b.n > 0) {
			return Value{kind: KindNumber, n: diff, aux: a.aux}
		}
	}
	return compute(decimal128.Sub, a, b)
}

// Multiply is a · b of two numbers; null where the result is too large.
func Multiply(a, b Value) Value {
	if a.ref == nil && b.ref == nil && a.aux+b.aux >= -maxCompactScale {
		if n, ok := multiplyInt(a.n, b.n); ok {
			return Value{kind: KindNumber, n: n, aux: a.aux + b.aux}
		}
	}
	return compute(decimal128.Mul, a, b)
}

func multiplyInt(a, b int64) (int64, bool) {
	if a == math.MinInt64 || b == math.MinInt64 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(max(a, -a)), uint64(max(b, -b)))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// Divide is a / b of two numbers; null for b = 0 and where the result is too
// large.
func Divide(a, b Value) Value {
	if b.isZero() {
		return Null()
	}
	if a.isSmallInt() && b.isSmallInt() && b.n != -1 && a.n%b.n == 0 {
		return Int(a.n / b.n)
	}
	v := compute(decimal128.Quo, a, b)
	return v.reduced()
}

// Negate is −a of a number.
func Negate(a Value) Value {
	if a.ref == nil && a.n != math.MinInt64 {
		a.n = -a.n
		return a
	}
	d := apd.Decimal{}
	d.Neg(a.decimal(&apd.Decimal{}))
	return Number(&d)
}

type binaryOperation func(d, x, y *apd.Decimal) (apd.Condition, error)

func compute(op binaryOperation, a, b Value) Value {
	var x, y apd.Decimal
	d := new(apd.Decimal)
	if _, err := op(d, a.decimal(&x), b.decimal(&y)); err != nil {
		return Null()
	}
	return Number(d)
}

func (v Value) isZero() bool {
	if d, ok := v.ref.(*apd.Decimal); ok {
		return d.IsZero()
	}
	return v.n == 0
}

// Sign is −1, 0 or 1 for a number that is negative, zero or positive.
func (v Value) Sign() int {
	if d, ok := v.ref.(*apd.Decimal); ok {
		return d.Sign()
	}
	switch {
	case v.n < 0:
		return -1
	case v.n > 0:
		return 1
	}
	return 0
}

// CompareNumbers is −1, 0 or 1 for a < b, a = b, a > b.
func CompareNumbers(a, b Value) int {
	if !sameScale(a, b) {
		if a, b = aligned(a, b); !sameScale(a, b) {
			var x, y apd.Decimal
			return a.decimal(&x).Cmp(b.decimal(&y))
		}
	}
	return sign(a.n, b.n)
}

// SmallInt is the number if it is kept as an integer of 64 bits, which is the case for
// those that are written as one; ok is false for anything else.
func (v *Value) SmallInt() (n int64, ok bool) {
	return v.n, v.kind == KindNumber && v.ref == nil && v.aux == 0
}

// reduced drops trailing zeros of the fraction.
func (v Value) reduced() Value {
	if v.kind != KindNumber || v.ref == nil && v.aux == 0 {
		return v
	}
	if v.ref == nil {
		for v.aux < 0 && v.n%10 == 0 {
			v.n /= 10
			v.aux++
		}
		return v
	}
	d := new(apd.Decimal)
	d.Reduce(v.ref.(*apd.Decimal))
	if d.Exponent > 0 && d.Exponent+int32(d.NumDigits()) <= Precision {
		var zero apd.Decimal
		grown := new(apd.Decimal)
		if _, err := decimal128.Add(grown, d, &zero); err == nil && grown.Exponent == 0 {
			d = grown
		}
	}
	return Number(d)
}

// numberText is the shortest plain form of a number; beyond 40 places it has an
// exponent.
func (v Value) numberText() string { return string(v.reduced().appendNumber(nil)) }

// appendNumber writes a number with all its digits, trailing zeros included.
func (v Value) appendNumber(dst []byte) []byte {
	if v.isSmallInt() {
		return strconv.AppendInt(dst, v.n, 10)
	}
	d := v.decimal(&apd.Decimal{})
	if d.Exponent > 40 || int64(d.Exponent)+d.NumDigits() < -40 {
		return d.Append(dst, 'e')
	}
	return d.Append(dst, 'f')
}
