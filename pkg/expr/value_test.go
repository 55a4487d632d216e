package expr_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

func number(t testing.TB, text string) expr.Value {
	t.Helper()
	v, ok := expr.ParseNumber(text)
	require.True(t, ok, text)
	return v
}

func TestJSONKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-1`, `9223372036854775807`, `9223372036854775808`, `1.0`, `100.00`, `0.1`,
		`12345678901234567890123456789012345678901234567890.5`, `-0.000000000000000000000000000001`,
		`"a\"b\\c\n"`, `"žluťoučký 🐎"`, `[]`, `{}`, `[1,[2,{"a":[null]}]]`, `{"z":1,"a":{"y":"x"},"":2}`,
	} {
		v, err := expr.FromJSON([]byte(text))
		require.NoError(t, err, text)
		out, err := v.AppendJSON(nil)
		require.NoError(t, err, text)
		require.Equal(t, text, string(out))
	}
}

func TestJSONOfManyMembers(t *testing.T) {
	t.Parallel()
	v, err := expr.FromJSON([]byte(`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"a":11}`))
	require.NoError(t, err)
	c, ok := v.AsContext()
	require.True(t, ok)
	require.Equal(t, 10, c.Len())
	last, _ := c.Get("j")
	require.Equal(t, "10", last.Text())
	first, _ := c.Get("a")
	require.Equal(t, "11", first.Text())
}

func TestJSONEscapes(t *testing.T) {
	t.Parallel()
	v, err := expr.FromJSON([]byte(` "\u00e9\ud83d\ude00\/\b\f\r\t \ud800x" `))
	require.NoError(t, err)
	require.Equal(t, "é😀/\b\f\r\t \uFFFDx", v.Text())
}

func TestJSONErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                        "ends where a value is expected",
		`nul`:                     `unexpected 'n'`,
		`[1,]`:                    `byte 3: unexpected ']'`,
		`{"a" 1}`:                 `a colon is expected after member name "a"`,
		`{a:1}`:                   "a member name in quotes",
		`[1 2]`:                   `a comma or ']'`,
		`"abc`:                    "not closed",
		`01`:                      "not a JSON number",
		`1e9999`:                  "not a JSON number",
		`.5`:                      "unexpected '.'",
		`"\x"`:                    "is not an escape",
		"\"\n\"":                  "has to be escaped",
		`1 2`:                     `unexpected '2' after the value`,
		strings.Repeat("[", 1000): "nested deeper than 200 levels",
	} {
		_, err := expr.FromJSON([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestDeepestJSONIsReadAndWritten(t *testing.T) {
	t.Parallel()
	deepest := strings.Repeat("[", expr.MaxJSONDepth) + strings.Repeat("]", expr.MaxJSONDepth)
	v, err := expr.FromJSON([]byte(deepest))
	require.NoError(t, err)
	require.Equal(t, expr.MaxJSONDepth, v.Depth())
	_, err = v.AppendJSON(nil)
	require.NoError(t, err)
	_, err = expr.List(v).AppendJSON(nil)
	require.ErrorContains(t, err, "nested 201 levels")
}

func TestValuesMarshal(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(map[string]expr.Value{"n": number(t, "1.50"), "s": expr.String("<a>")})
	require.NoError(t, err)
	require.JSONEq(t, `{"n":1.50,"s":"<a>"}`, string(out))
}

func TestRangesHaveNoJSON(t *testing.T) {
	t.Parallel()
	b := expr.NewContextBuilder(1)
	b.Put("window", expr.List(expr.OfRange(expr.Range{Low: expr.Int(1), High: expr.Int(2)})))
	_, err := b.Build().AppendJSON(nil)
	require.ErrorContains(t, err, `entry "window": element 1: a range has no JSON form`)
}

func TestTextForCorrelation(t *testing.T) {
	t.Parallel()
	require.Equal(t, "5", number(t, "5.00").Text())
	require.Equal(t, "0", number(t, "0e+1").Text())
	require.Equal(t, "500", number(t, "5E+2").Text())
	require.Equal(t, "0.1", number(t, "0.10").Text())
	require.Equal(t, "", expr.Null().Text())
	require.Equal(t, "a b", expr.String("a b").Text())
	require.Equal(t, `["a",1]`, expr.List(expr.String("a"), expr.Int(1)).Text())
	date, ok := expr.Date(2024, 2, 29)
	require.True(t, ok)
	require.Equal(t, "2024-02-29", date.Text())
}

func TestArithmeticIsDecimal(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0.3", expr.Add(number(t, "0.1"), number(t, "0.2")).Text())
	require.Equal(t, "9223372036854775808", expr.Add(expr.Int(9223372036854775807), expr.Int(1)).Text())
	require.Equal(t, "-9223372036854775809", expr.Subtract(expr.Int(-9223372036854775808), expr.Int(1)).Text())
	require.Equal(t, "85070591730234615847396907784232500000", expr.Multiply(number(t, "9223372036854775807"), number(t, "9223372036854775807")).Text())
	require.Equal(t, "0.3333333333333333333333333333333333", expr.Divide(expr.Int(1), expr.Int(3)).Text())
	require.Equal(t, "2.5", expr.Divide(expr.Int(5), expr.Int(2)).Text())
	require.True(t, expr.Divide(expr.Int(1), number(t, "0.0")).IsNull())
	require.Equal(t, "9223372036854775808", expr.Negate(expr.Int(-9223372036854775808)).Text())
	require.Equal(t, 0, expr.CompareNumbers(number(t, "1.0"), expr.Int(1)))
	require.True(t, expr.Multiply(number(t, "1e6000"), number(t, "1e6000")).IsNull())
}

func TestIntegers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"3": 3, "3.00": 3, "1e3": 1000, "-7": -7, "0.0": 0} {
		n, ok := number(t, text).AsInt()
		require.True(t, ok, text)
		require.Equal(t, want, n)
	}
	for _, text := range []string{"3.5", "1e30", "9223372036854775808"} {
		_, ok := number(t, text).AsInt()
		require.False(t, ok, text)
	}
}

func TestTemporalTextsRoundTrip(t *testing.T) {
	t.Parallel()
	parse := map[expr.Kind]func(string) (expr.Value, bool){
		expr.KindDate: expr.ParseDate, expr.KindTime: expr.ParseTime, expr.KindDateTime: expr.ParseDateTime,
		expr.KindYearsMonths: expr.ParseDuration, expr.KindDaysTime: expr.ParseDuration,
	}
	for kind, texts := range map[expr.Kind][]string{
		expr.KindDate:        {"2024-02-29", "-0004-12-31", "999999999-01-01"},
		expr.KindTime:        {"10:00:00", "23:59:59.123456789", "10:00:00Z", "10:00:00+02:00", "10:00:00-02:00:30", "10:00:00@Europe/Prague"},
		expr.KindDateTime:    {"2024-02-29T10:00:00", "2024-07-01T10:00:00.5@Europe/Prague", "2024-07-01T10:00:00Z"},
		expr.KindYearsMonths: {"P1Y2M", "-P3M", "P0M"},
		expr.KindDaysTime:    {"P1DT2H3M4.5S", "-PT0.001S", "PT0S", "P10D"},
	} {
		for _, text := range texts {
			v, ok := parse[kind](text)
			require.True(t, ok, text)
			require.Equal(t, kind, v.Kind(), text)
			require.Equal(t, text, v.Text())
		}
	}
}

func TestImpossibleTemporalTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2023-02-29", "2024-13-01", "24-01-01", "02024-01-01", "", "2024-1-1", "9999999999-01-01"} {
		_, ok := expr.ParseDate(text)
		require.False(t, ok, text)
	}
	for _, text := range []string{"24:00:00", "10:60:00", "10:00", "10:00:00.", "10:00:00+19:00", "10:00:00@Nowhere/City", "10:00:00@../etc"} {
		_, ok := expr.ParseTime(text)
		require.False(t, ok, text)
	}
	for _, text := range []string{"P", "PT", "P1Y1D", "1D", "P1.5D", "P-1D", "P1W", "PT1S1M", "P99999999999999999999D"} {
		_, ok := expr.ParseDuration(text)
		require.False(t, ok, text)
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2024-07-01T10:00:00+02:00":         "2024-07-01T08:00:00Z",
		"2024-07-01T10:00:00@Europe/Prague": "2024-07-01T08:00:00Z",
		"2024-07-01T10:00:00":               "2024-07-01T10:00:00Z",
		"2024-07-01T10:00":                  "2024-07-01T10:00:00Z",
		"2024-07-01T10:00+02:00":            "2024-07-01T08:00:00Z",
		"2024-07-01":                        "2024-07-01T00:00:00Z",
	} {
		at, ok := expr.String(text).AsTime()
		require.True(t, ok, text)
		require.Equal(t, want, at.UTC().Format(time.RFC3339), text)
	}
	local := expr.DateTime(time.Date(2024, 7, 1, 10, 0, 0, 0, time.Local))
	require.NotContains(t, local.Text(), "Local")
	_, ok := expr.String("tomorrow").AsTime()
	require.False(t, ok)
}

func TestDurationsAdvanceByTheCalendar(t *testing.T) {
	t.Parallel()
	from := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"P1M": "2024-02-29T12:00:00Z", "P1Y": "2025-01-31T12:00:00Z", "-P1M": "2023-12-31T12:00:00Z",
		"PT36H": "2024-02-02T00:00:00Z", "P1W": "2024-02-07T12:00:00Z", "P1M1DT1H": "2024-03-01T13:00:00Z",
	} {
		at, ok := expr.String(text).AsDuration(from)
		require.True(t, ok, text)
		require.Equal(t, want, at.Format(time.RFC3339), text)
	}
	at, ok := expr.Months(13).AsDuration(from)
	require.True(t, ok)
	require.Equal(t, "2025-02-28T12:00:00Z", at.Format(time.RFC3339))
	_, ok = expr.Months(12 * 999_999_999).AsDuration(from)
	require.False(t, ok)
}

func TestEqualAndCompare(t *testing.T) {
	t.Parallel()
	equal, ok := expr.Equal(expr.List(expr.Int(1), expr.Null()), expr.List(number(t, "1.0"), expr.Null()))
	require.True(t, equal && ok)
	_, ok = expr.Equal(expr.Int(1), expr.String("1"))
	require.False(t, ok)
	equal, ok = expr.Equal(expr.Null(), expr.Int(1))
	require.True(t, !equal && ok)

	utc, _ := expr.ParseDateTime("2024-07-01T08:00:00Z")
	prague, _ := expr.ParseDateTime("2024-07-01T10:00:00@Europe/Prague")
	order, ok := expr.Compare(utc, prague)
	require.True(t, ok)
	require.Zero(t, order)
	local, _ := expr.ParseDateTime("2024-07-01T10:00:00")
	_, ok = expr.Compare(utc, local)
	require.False(t, ok)
}

func TestSizeIsKnownAndNeverOverflows(t *testing.T) {
	t.Parallel()
	v := expr.String(strings.Repeat("x", 1000))
	for range 200 {
		v = expr.List(v, v)
	}
	require.Greater(t, v.Size(), int64(1<<39))
	require.Equal(t, 200, v.Depth())
}

func TestDescriptionsAreShort(t *testing.T) {
	t.Parallel()
	require.Equal(t, `the string "`+strings.Repeat("ž", 40)+`…"`, expr.String(strings.Repeat("ž", 1000)).Describe())
	require.Equal(t, "the number 1.5", number(t, "1.50").Describe())
	require.Equal(t, "a list", expr.List(expr.Int(1)).Describe())
	require.Equal(t, "null", expr.Null().Describe())
}

func TestErrorShowsTheExpression(t *testing.T) {
	t.Parallel()
	source := "a +\n  žž ?"
	err := &expr.Error{Source: source, Position: expr.PositionAt(source, strings.Index(source, "?")), Message: "unexpected ?"}
	require.EqualError(t, err, `expression "a +\n  žž ?", line 2, column 6: unexpected ?`)
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,"x\u00e9",null,true]}`, `"\ud83d"`, `[[[`, `-0`, `1e5`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := expr.FromJSON(raw)
		if err != nil {
			return
		}
		require.True(t, json.Valid(raw), "accepted what encoding/json does not: %q", raw)
		out, err := v.AppendJSON(nil)
		require.NoError(t, err)
		again, err := expr.FromJSON(out)
		require.NoError(t, err, "%q", out)
		equal, _ := expr.Equal(v, again)
		require.True(t, equal, "%q became %q", raw, out)
	})
}

func BenchmarkFromJSON(b *testing.B) {
	for name, text := range map[string]string{
		"string": `"open"`, "integer": `250`, "decimal": `12.50`,
		"order": `{"id":"o-1","customer":{"name":"Joe","vip":true},"lines":[{"sku":"a","qty":2,"price":9.90},{"sku":"b","qty":5,"price":0.5}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := expr.FromJSON(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
