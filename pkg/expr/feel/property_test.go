package feel_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel"
)

// The properties compare with arithmetic that is not ours: math/big for numbers,
// package time for dates, slices of runes for strings.

// compute evaluates text with variables in order a, b, c.
func compute(t *rapid.T, text string, variables ...expr.Value) expr.Value {
	b := expr.NewContextBuilder(len(variables))
	for i, v := range variables {
		b.Put(string(rune('a'+i)), v)
	}
	scope, _ := b.Build().AsContext()
	e, err := feel.Compile(text)
	require.NoError(t, err, text)
	v, err := e.Evaluate(&expr.Env{Scope: scope})
	require.NoError(t, err, text)
	return v
}

// numbers have up to 34 digits and an exponent of -20 to 20.
func numbers() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := rapid.OneOf(rapid.StringMatching(`[0-9]{1,3}`), rapid.StringMatching(`[1-9][0-9]{0,33}`)).Draw(t, "digits")
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		if exponent := rapid.SampledFrom([]int{0, 0, -1, -2, 3, -20, 20, -7}).Draw(t, "exponent"); exponent != 0 {
			return fmt.Sprintf("%s%se%d", sign, digits, exponent)
		}
		return sign + digits
	})
}

func number(t *rapid.T, text string) (expr.Value, *big.Rat) {
	v, ok := expr.ParseNumber(text)
	require.True(t, ok, text)
	r, ok := new(big.Rat).SetString(text)
	require.True(t, ok, text)
	return v, r
}

func power10(n int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		return p.Inv(p)
	}
	return p
}

// rounding is how a quotient with a remainder becomes an integer: half is how the
// remainder compares with one half.
type rounding func(whole *big.Int, half int, negative bool) bool // away from zero?

func halfEven(whole *big.Int, half int, _ bool) bool {
	return half > 0 || half == 0 && whole.Bit(0) == 1
}

// toInteger rounds a rational number.
func toInteger(r *big.Rat, away rounding) *big.Int {
	negative := r.Sign() < 0
	abs := new(big.Rat).Abs(r)
	whole, rest := new(big.Int).QuoRem(abs.Num(), abs.Denom(), new(big.Int))
	if rest.Sign() != 0 && away(whole, new(big.Int).Lsh(rest, 1).Cmp(abs.Denom()), negative) {
		whole.Add(whole, big.NewInt(1))
	}
	if negative {
		whole.Neg(whole)
	}
	return whole
}

// at scale digits behind the point.
func toScale(r *big.Rat, scale int, away rounding) *big.Rat {
	shifted := new(big.Rat).Mul(r, power10(scale))
	return new(big.Rat).Mul(new(big.Rat).SetInt(toInteger(shifted, away)), power10(-scale))
}

// to34 rounds to 34 significant digits, half to even.
func to34(r *big.Rat) *big.Rat {
	if r.Sign() == 0 {
		return r
	}
	abs := new(big.Rat).Abs(r)
	scale := 0
	for ; abs.Cmp(power10(34-scale)) >= 0; scale-- {
	}
	for ; abs.Cmp(power10(33-scale)) < 0; scale++ {
	}
	return toScale(r, scale, halfEven)
}

func requireNumber(t *rapid.T, want *big.Rat, got expr.Value, what string) {
	require.Equal(t, expr.KindNumber, got.Kind(), what)
	text, err := got.AppendJSON(nil)
	require.NoError(t, err)
	r, ok := new(big.Rat).SetString(string(text))
	require.True(t, ok, string(text))
	require.Zero(t, want.Cmp(r), "%s: want %s, got %s", what, want.FloatString(40), text)
}

func TestArithmeticAgreesWithRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := numbers().Draw(t, "a"), numbers().Draw(t, "b")
		a, p := number(t, x)
		b, q := number(t, y)
		requireNumber(t, to34(new(big.Rat).Add(p, q)), compute(t, "a + b", a, b), x+" + "+y)
		requireNumber(t, to34(new(big.Rat).Sub(p, q)), compute(t, "a - b", a, b), x+" - "+y)
		requireNumber(t, to34(new(big.Rat).Mul(p, q)), compute(t, "a * b", a, b), x+" * "+y)
		require.Equal(t, p.Cmp(q) < 0, compute(t, "a < b", a, b).IsTrue())
		require.Equal(t, p.Cmp(q) == 0, compute(t, "a = b", a, b).IsTrue())
		if q.Sign() == 0 {
			require.True(t, compute(t, "a / b", a, b).IsNull())
			return
		}
		requireNumber(t, to34(new(big.Rat).Quo(p, q)), compute(t, "a / b", a, b), x+" / "+y)
	})
}

func TestModuloIsThatOfTheFloor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,4})?`).Draw(t, "a")
		y := rapid.StringMatching(`-?[1-9][0-9]{0,6}(\.[0-9]{1,4})?`).Draw(t, "b")
		a, p := number(t, x)
		b, q := number(t, y)
		floor := toInteger(new(big.Rat).Quo(p, q), func(_ *big.Int, _ int, negative bool) bool { return negative })
		want := new(big.Rat).Sub(p, new(big.Rat).Mul(q, new(big.Rat).SetInt(floor)))
		requireNumber(t, want, compute(t, "modulo(a, b)", a, b), "modulo("+x+", "+y+")")
	})
}

func TestPowersAgreeWithRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.StringMatching(`-?[1-9][0-9]{0,5}(\.[0-9]{1,4})?`).Draw(t, "a")
		n := rapid.IntRange(-30, 30).Draw(t, "n")
		a, p := number(t, x)
		exact := big.NewRat(1, 1)
		for range max(n, -n) {
			exact.Mul(exact, p)
		}
		if n < 0 {
			exact.Inv(exact)
		}
		v := compute(t, "a ** b", a, expr.Int(int64(n)))
		text, err := v.AppendJSON(nil)
		require.NoError(t, err)
		got, ok := new(big.Rat).SetString(string(text))
		require.True(t, ok)
		apart := new(big.Rat).Quo(new(big.Rat).Sub(got, exact), exact)
		require.Negative(t, apart.Abs(apart).Cmp(power10(-33)), "%s ** %d = %s", x, n, text)
	})
}

func TestRoundingsAgreeWithRationals(t *testing.T) {
	t.Parallel()
	modes := map[string]rounding{
		"decimal(a, b)":         halfEven,
		"round half up(a, b)":   func(_ *big.Int, half int, _ bool) bool { return half >= 0 },
		"round half down(a, b)": func(_ *big.Int, half int, _ bool) bool { return half > 0 },
		"round up(a, b)":        func(*big.Int, int, bool) bool { return true },
		"round down(a, b)":      func(*big.Int, int, bool) bool { return false },
		"floor(a, b)":           func(_ *big.Int, _ int, negative bool) bool { return negative },
		"ceiling(a, b)":         func(_ *big.Int, _ int, negative bool) bool { return !negative },
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,15}(\.[0-9]{1,12})?`), rapid.StringMatching(`-?[0-9]{1,3}\.[05]{1,3}`)).Draw(t, "a")
		scale := rapid.IntRange(-4, 10).Draw(t, "scale")
		a, p := number(t, x)
		for text, away := range modes {
			requireNumber(t, toScale(p, scale, away), compute(t, text, a, expr.Int(int64(scale))), fmt.Sprintf("%s for %s, %d", text, x, scale))
		}
	})
}

// days are dates of four millennia.
func days() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-62135596800, 95617584000).Draw(t, "second")/86400*86400, 0).UTC()
	})
}

func dateOf(t *rapid.T, day time.Time) expr.Value {
	v, ok := expr.Date(day.Year(), int(day.Month()), day.Day())
	require.True(t, ok)
	return v
}

func TestDatesAgreeWithPackageTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := days().Draw(t, "day")
		n := rapid.Int64Range(-100_000, 100_000).Draw(t, "n")
		a := dateOf(t, day)
		want := func(text string, v any) {
			require.Equal(t, fmt.Sprint(v), compute(t, text, a, expr.Int(n)).Text(), "%s of %s", text, day)
		}
		_, week := day.ISOWeek()
		want("day of week(a)", day.Weekday())
		want("a.weekday", (int(day.Weekday())+6)%7+1)
		want("day of year(a)", day.YearDay())
		want("week of year(a)", week)
		want("month of year(a)", day.Month())
		want("last day of month(a).day", day.AddDate(0, 1, -day.Day()).Day())
		want("string(a + @\"P1D\" * b)", day.AddDate(0, 0, int(n)).Format(time.DateOnly))
		want("(a + @\"P1D\" * b) - a = @\"P1D\" * b", true)
		want("[a.year, a.month, a.day] = [date(string(a)).year, date(a).month, date(a).day]", true)
	})
}

// TestMonthsAreAddedByTheCalendar: the day becomes the last one of a shorter month.
func TestMonthsAreAddedByTheCalendar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := days().Draw(t, "day")
		n := rapid.IntRange(-500, 500).Draw(t, "months")
		first := time.Date(day.Year(), day.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		want := first.AddDate(0, 0, min(day.Day(), last)-1)
		got := compute(t, "a + @\"P1M\" * b", dateOf(t, day), expr.Int(int64(n)))
		require.Equal(t, dateOf(t, want).Text(), got.Text(), "%s + %d months", day, n)
	})
}

func TestInstantsAgreeWithPackageTime(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Prague", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		other, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "other"))
		require.NoError(t, err)
		at := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).In(zone)
		later := at.Add(time.Duration(rapid.Int64Range(-1e17, 1e17).Draw(t, "span"))).In(other)
		a, b := expr.DateTime(at), expr.DateTime(later)
		_, offset := at.Zone()
		require.Equal(t, later.Before(at), compute(t, "b < a", a, b).IsTrue())
		seconds, nanos, ok := compute(t, "b - a", a, b).AsSeconds()
		require.True(t, ok)
		require.Equal(t, later.Sub(at), time.Duration(seconds)*time.Second+time.Duration(nanos))
		moved, ok := compute(t, "a + (b - a)", a, b).AsTime()
		require.True(t, ok)
		require.True(t, moved.Equal(later), "%s, %s", moved, later)
		seconds, _, _ = compute(t, "a.time offset", a).AsSeconds()
		require.EqualValues(t, offset, seconds)
		require.Equal(t, fmt.Sprint(at.Hour(), at.Minute(), at.Second(), at.YearDay()),
			fmt.Sprint(compute(t, "a.hour", a), compute(t, "a.minute", a), compute(t, "a.second", a), compute(t, "day of year(a)", a)))
	})
}

func TestStringsAgreeWithRunes(t *testing.T) {
	t.Parallel()
	texts := rapid.StringOfN(rapid.RuneFrom([]rune("aábß🐎 \u0301\n")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		s, part := texts.Draw(t, "a"), texts.Draw(t, "b")
		a, b := expr.String(s), expr.String(part)
		runes := []rune(s)
		require.Equal(t, fmt.Sprint(len(runes)), compute(t, "string length(a)", a).Text())
		require.Equal(t, strings.Contains(s, part), compute(t, "contains(a, b)", a, b).IsTrue())
		require.Equal(t, s+part, compute(t, "a + b", a, b).Text())
		if before, after, found := strings.Cut(s, part); found {
			require.Equal(t, before, compute(t, "substring before(a, b)", a, b).Text())
			require.Equal(t, after, compute(t, "substring after(a, b)", a, b).Text())
		}
		if len(runes) == 0 {
			return
		}
		start := rapid.IntRange(1, len(runes)).Draw(t, "start")
		length := rapid.IntRange(1, len(runes)+2).Draw(t, "length")
		want := runes[start-1 : min(start-1+length, len(runes))]
		require.Equal(t, string(want), compute(t, "substring(a, b, c)", a, expr.Int(int64(start)), expr.Int(int64(length))).Text())
		fromEnd := expr.Int(int64(start - 1 - len(runes)))
		require.Equal(t, string(want), compute(t, "substring(a, b, c)", a, fromEnd, expr.Int(int64(length))).Text())
		joined := compute(t, "string join(for i in 1..string length(a) return substring(a, i, 1))", a)
		require.Equal(t, s, joined.Text())
	})
}

// values are all kinds that have a literal.
func values(depth int) *rapid.Generator[expr.Value] {
	return rapid.Custom(func(t *rapid.T) expr.Value {
		kinds := 8
		if depth > 0 {
			kinds = 10
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return expr.Null()
		case 1:
			return expr.Bool(rapid.Bool().Draw(t, "bool"))
		case 2, 3:
			v, _ := number(t, numbers().Draw(t, "number"))
			return v
		case 4:
			return expr.String(rapid.String().Draw(t, "string"))
		case 5:
			return dateOf(t, days().Draw(t, "date"))
		case 6:
			return expr.DateTime(days().Draw(t, "date and time").Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "clock"))))
		case 7:
			return expr.Seconds(rapid.Int64Range(-1e9, 1e9).Draw(t, "seconds"), 0)
		case 8:
			return expr.List(rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "list")...)
		}
		b := expr.NewContextBuilder(0)
		for _, key := range rapid.SliceOfNDistinct(rapid.OneOf(rapid.StringMatching(`[a-z]{1,3}( [a-z]{1,3})?`), rapid.String()), 0, 4, func(s string) string { return s }).Draw(t, "keys") {
			b.Put(key, values(depth-1).Draw(t, "entry"))
		}
		return b.Build()
	})
}

func TestLiteralsGiveTheirValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		text := feel.Literal(v)
		got := compute(t, text)
		equal, ok := expr.Equal(v, got)
		require.True(t, equal && ok, "%s became %s", text, feel.Literal(got))
		require.Equal(t, text, feel.Literal(got))
	})
}

// TestJSONIsLossless: digits, characters and order of what comes in go out again.
func TestJSONIsLossless(t *testing.T) {
	t.Parallel()
	plain := func(v expr.Value) bool {
		return slices.Contains([]expr.Kind{expr.KindNull, expr.KindBoolean, expr.KindNumber, expr.KindString}, v.Kind())
	}
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		text, err := v.AppendJSON(nil)
		require.NoError(t, err)
		back, err := expr.FromJSON(text)
		require.NoError(t, err, string(text))
		again, err := back.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		if plain(v) {
			equal, ok := expr.Equal(v, back)
			require.True(t, equal && ok)
		}
		parsed := compute(t, "from json(to json(a))", v)
		again, err = parsed.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}
