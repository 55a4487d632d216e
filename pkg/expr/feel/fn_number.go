package feel

import (
	"math/bits"

	"github.com/cockroachdb/apd/v3"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func numberFunctions() []*builtin {
	return []*builtin{
		function("decimal", rounding(apd.RoundHalfEven), "n, scale"),
		function("floor", rounding(apd.RoundFloor), "n, scale?"),
		function("ceiling", rounding(apd.RoundCeiling), "n, scale?"),
		function("round up", rounding(apd.RoundUp), "n, scale?"),
		function("round down", rounding(apd.RoundDown), "n, scale?"),
		function("round half up", rounding(apd.RoundHalfUp), "n, scale?"),
		function("round half down", rounding(apd.RoundHalfDown), "n, scale?"),
		function("abs", absolute, "n"),
		function("modulo", modulo, "dividend, divisor"),
		function("sqrt", numeric((*apd.Context).Sqrt), "number"),
		function("log", numeric((*apd.Context).Ln), "number"),
		function("exp", exponential, "number"),
		function("odd", parity(1), "number"),
		function("even", parity(0), "number"),
		function("random number", randomNumber, ""),
		function("uuid", uuid, ""),
	}
}

func rounding(mode apd.Rounder) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		v, ok := c.num(0)
		if !ok {
			return expr.Null()
		}
		scale := int64(0)
		if c.n > 1 {
			if scale, ok = c.integer(1); !ok {
				return expr.Null()
			}
		}
		result := rounded(v, scale, mode)
		if result.IsNull() {
			return c.null("the scale %d is out of range", scale)
		}
		return result
	}
}

func absolute(c *invocation) expr.Value {
	v := c.args[0]
	switch v.Kind() {
	case expr.KindNumber:
		if v.Sign() < 0 {
			return expr.Negate(v)
		}
		return v
	case expr.KindYearsMonths, expr.KindDaysTime:
		if magnitude(v).Sign() < 0 {
			return negateDuration(v)
		}
		return v
	}
	return c.want(0, "number or duration")
}

// modulo has the sign of the divisor: dividend − divisor·floor(dividend/divisor).
func modulo(c *invocation) expr.Value {
	a, ok1 := c.num(0)
	b, ok2 := c.num(1)
	if !ok1 || !ok2 {
		return expr.Null()
	}
	if b.Sign() == 0 {
		return c.null("division by zero")
	}
	x, _ := a.AsDecimal()
	y, _ := b.AsDecimal()
	if int64(x.Exponent)+x.NumDigits()-int64(y.Exponent)-y.NumDigits() > 1000 {
		return c.null("the numbers are too far apart")
	}
	var rest apd.Decimal
	if _, err := decimals(2000, apd.RoundHalfEven).Rem(&rest, x, y); err != nil {
		return c.null("%v", err)
	}
	result := expr.Number(&rest)
	if result.Sign() != 0 && result.Sign() != b.Sign() {
		result = expr.Add(result, b)
	}
	return result
}

func numeric(f func(c *apd.Context, d, x *apd.Decimal) (apd.Condition, error)) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		v, ok := c.num(0)
		if !ok || !c.charge(costOfSeries) {
			return expr.Null()
		}
		result := elementary(v, f)
		if result.IsNull() {
			return c.null("%s has no such value", v.Describe())
		}
		return result
	}
}

func exponential(c *invocation) expr.Value {
	v, ok := c.num(0)
	if !ok {
		return expr.Null()
	}
	if f, ok := v.AsFloat(); !ok || f > 14200 || f < -14200 {
		return c.null("the result is not a number that can be represented")
	} else if f > 50 || f < -50 {
		c.charge(3 * costOfSeries)
	}
	return numeric((*apd.Context).Exp)(c)
}

func parity(rest int64) func(*invocation) expr.Value {
	return func(c *invocation) expr.Value {
		v, ok := c.num(0)
		if !ok {
			return expr.Null()
		}
		half := expr.Divide(v, expr.Int(2))
		twice := expr.Multiply(rounded(half, 0, apd.RoundFloor), expr.Int(2))
		difference, whole := expr.Subtract(v, twice).AsInt()
		return expr.Bool(whole && difference == rest)
	}
}

// random draws 64 bits of the sequence that Env.Seed begins (SplitMix64).
func (m *machine) random() uint64 {
	m.drawn++
	z := m.env.Seed + m.drawn*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// randomNumber is at least 0 and less than 1.
func randomNumber(c *invocation) expr.Value {
	high, _ := bits.Mul64(c.random(), 1_000_000_000_000_000_000)
	return expr.Number(apd.New(int64(high), -18))
}

// uuid has the form of version 4, with the digits that Env.Seed gives.
func uuid(c *invocation) expr.Value {
	high := c.random()&^0xF000 | 0x4000
	low := c.random()&^(3<<62) | 2<<62
	return c.str(uuidText(high, low))
}

func uuidText(high, low uint64) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 36)
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			text = append(text, '-')
		}
		word := high
		if i >= 16 {
			word = low
		}
		text = append(text, digits[word>>(60-4*(i%16))&15])
	}
	return string(text)
}
