package feel

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// decimals is the arithmetic of FEEL with another precision or rounding.
func decimals(precision uint32, rounding apd.Rounder) *apd.Context {
	c := expr.DecimalContext()
	c.Precision = precision
	c.Rounding = rounding
	return &c
}

// rounded has the given number of digits after the point; null if it would need
// more digits than a number may have.
func rounded(v expr.Value, scale int64, mode apd.Rounder) expr.Value {
	d, ok := v.AsDecimal()
	if !ok || scale > 6176 || scale < -6111 {
		return expr.Null()
	}
	if int64(d.Exponent) >= -scale && scale >= 0 {
		return v // nothing to round
	}
	if !d.IsZero() && d.NumDigits()+int64(d.Exponent) < -scale {
		// Below a tenth of the last digit, where the library gives 0 in every mode.
		tiny := apd.New(1, int32(-scale-1))
		tiny.Negative = d.Negative
		d = tiny
	}
	var result apd.Decimal
	precision := uint32(max(d.NumDigits()+int64(d.Exponent)+scale, 1) + 2)
	if _, err := decimals(precision, mode).Quantize(&result, d, int32(-scale)); err != nil {
		return expr.Null()
	}
	return expr.Number(&result)
}

// costOfSeries is the number of steps that a logarithm, a root or a power counts:
// they can take milliseconds.
const costOfSeries = 500

// power is a to the power of b; null where that is not a real number or too
// large.
func power(a, b expr.Value) expr.Value {
	x, _ := a.AsDecimal()
	y, _ := b.AsDecimal()
	if tooLarge(x, y) {
		return expr.Null()
	}
	var result apd.Decimal
	if _, err := decimals(expr.Precision, apd.RoundHalfEven).Pow(&result, x, y); err != nil || result.Form != apd.Finite {
		return expr.Null()
	}
	return expr.Number(&result)
}

// tooLarge estimates whether x**y has an exponent that no number has, to save
// the work.
func tooLarge(x, y *apd.Decimal) bool {
	exponent, err := y.Float64()
	if err != nil {
		return true
	}
	magnitude := float64(int64(x.Exponent) + x.NumDigits())
	return magnitude > 1 && exponent*(magnitude-1) > 7000 || exponent > 1e6 || exponent < -1e6
}

// elementary applies a function of the decimal library; null outside its domain.
func elementary(v expr.Value, f func(c *apd.Context, d, x *apd.Decimal) (apd.Condition, error)) expr.Value {
	x, ok := v.AsDecimal()
	if !ok {
		return expr.Null()
	}
	var result apd.Decimal
	c := decimals(expr.Precision, apd.RoundHalfEven)
	if _, err := f(c, &result, x); err != nil || result.Form != apd.Finite {
		return expr.Null()
	}
	result.Reduce(&result)
	if result.Exponent > 0 {
		if _, err := c.Quantize(&result, &result, 0); err != nil {
			return expr.Null()
		}
	}
	return expr.Number(&result)
}
