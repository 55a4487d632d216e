package juel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/juel"
)

func env(t testing.TB, variables string) *expr.Env {
	t.Helper()
	v, err := expr.FromJSON([]byte(variables))
	require.NoError(t, err)
	scope, ok := v.AsContext()
	require.True(t, ok)
	return &expr.Env{Scope: scope, Now: time.Date(2024, 2, 29, 10, 30, 0, 0, time.UTC)}
}

const variables = `{"amount": 250, "status": "open", "none": null, "empty": "", "flag": true, "text": "5",
	"order": {"id": "o-1", "lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 5}], "first name": "Joe"},
	"json": "{\"a\": {\"b\": [1, 2]}}", "execution": {"processBusinessKey": "bk", "id": "e1"}}`

// requireAll evaluates ${…} and compares the JSON of its value, so that kinds show.
func requireAll(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		e, err := juel.Compile("${" + c[0] + "}")
		require.NoError(t, err, c[0])
		v, err := e.Evaluate(env(t, variables))
		require.NoError(t, err, c[0])
		text, err := v.AppendJSON(nil)
		require.NoError(t, err, c[0])
		require.Equal(t, c[1], string(text), c[0])
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	requireAll(t, [][2]string{
		{`1 + 2 * 3`, `7`}, {`7 - 2 - 1`, `4`}, {`7 div 2`, `3.5`}, {`7 mod 4`, `3`}, {`-7 % 4`, `-3`}, {`- amount`, `-250`}, {`0.1 + 0.2`, `0.3`},
		{`amount > 100 && status == 'open'`, `true`}, {`amount gt 100 and status eq "open"`, `true`}, {`amount le 10 or not flag`, `false`},
		{`amount ne 250`, `false`}, {`1 < 2 == true`, `true`}, {`flag ? 'y' : 'n'`, `"y"`}, {`false ? 1 : true ? 2 : 3`, `2`},
		{`empty none and empty order.nope and not empty order`, `true`}, {`!empty status`, `true`}, {`(1 + 2) * 3`, `9`}, {`1e3 + .5`, `1000.5`},
		{`'it\'s' += "\""`, `"it's\""`},
	})
}

// TestCoercions follows EL 2.2 sections 1.9 and 1.18.
func TestCoercions(t *testing.T) {
	t.Parallel()
	requireAll(t, [][2]string{
		{`text + 1`, `6`}, {`none + 1`, `1`}, {`none == null ? 1 : 2`, `1`}, {`text == 5`, `true`}, {`text < 10`, `true`}, {`text < '10'`, `false`},
		{`none < 1`, `false`}, {`none >= 1`, `false`}, {`none <= none`, `true`}, {`flag == 'true'`, `true`}, {`none ? 1 : 2`, `2`}, {`'TRUE' && flag`, `true`},
		{`status == none`, `false`}, {`'1' == 1.0`, `true`},
	})
}

func TestPropertiesAndIndexes(t *testing.T) {
	t.Parallel()
	requireAll(t, [][2]string{
		{`order.id`, `"o-1"`}, {`order['first name']`, `"Joe"`}, {`order.lines[1].qty`, `5`}, {`order.lines['0'].sku`, `"a"`}, {`order.lines[7]`, `null`},
		{`order.nope`, `null`}, {`order.nope.deeper`, `null`}, {`none.x`, `null`}, {`execution.processBusinessKey`, `"bk"`}, {`execution.getProcessBusinessKey()`, `"bk"`},
		{`execution.getVariable('status')`, `"open"`}, {`execution.getVariable('nobody')`, `null`}, {`execution.hasVariable("none")`, `true`},
	})
}

func TestMethods(t *testing.T) {
	t.Parallel()
	requireAll(t, [][2]string{
		{`status.toUpperCase().concat("!").length()`, `5`}, {`status.substring(1, 3)`, `"pe"`}, {`status.substring(2)`, `"en"`}, {`status.charAt(0)`, `"o"`},
		{`status.equals('open')`, `true`}, {`status.equalsIgnoreCase('OPEN')`, `true`}, {`status.contains('pe')`, `true`}, {`'a,b,,'.split(',')`, `["a","b"]`},
		{`'a.b'.replace('.', '-')`, `"a-b"`}, {`'abc'.matches('a.c')`, `true`}, {`'abc'.indexOf('c')`, `2`}, {`'🐎'.length()`, `2`},
		{`order.lines.size()`, `2`}, {`order.lines.get(0).sku`, `"a"`}, {`order.containsKey('id')`, `true`}, {`order.keySet()`, `["id","lines","first name"]`},
		{`order.size()`, `3`}, {`'a,b'.split(',').contains('b')`, `true`}, {`'a,b'.split(',').contains('c')`, `false`}, {`'a,b'.split(',').indexOf('b')`, `1`},
		{`S('{"a":1}').values()`, `[1]`}, {`' '.isBlank()`, `true`}, {`status.startsWith('op')`, `true`}, {`status.endsWith('en')`, `true`}, {`' x '.trim()`, `"x"`},
		{`order.lines.isEmpty()`, `false`}, {`amount.toString()`, `"250"`}, {`'7.9'.intValue()`, `7`}, {`amount.compareTo(3)`, `1`},
		{`S(json).prop("a").prop("b").elements().size()`, `2`}, {`JSON(json).hasProp("z")`, `false`}, {`S(order).prop("id").stringValue()`, `"o-1"`},
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	requireAll(t, [][2]string{
		{`now()`, `"2024-02-29T10:30:00Z"`}, {`dateTime().plusYears(1).toDate()`, `"2025-02-28T10:30:00Z"`}, {`dateTime().minusHours(12)`, `"2024-02-28T22:30:00Z"`},
		{`now().monthOfYear`, `2`}, {`now().dayOfMonth`, `29`}, {`now().dayOfWeek`, `4`}, {`now().hourOfDay`, `10`}, {`now().minuteOfHour`, `30`},
		{`now().getTime()`, `1709202600000`}, {`now().year`, `2024`}, {`dateTime().plusDays(amount)`, `"2024-11-05T10:30:00Z"`},
	})
}

func TestComposites(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Order ${order.id}: #{amount + 1} CZK": "Order o-1: 251 CZK",
		"${none}-${flag}":                      "-true",
		`\${not} ${status}`:                    "${not} open",
		"${'}'}{${'{'}":                        "}{{",
		"plain":                                "plain",
		"":                                     "",
	} {
		e, err := juel.Compile(text)
		require.NoError(t, err, text)
		v, err := e.Evaluate(env(t, variables))
		require.NoError(t, err, text)
		s, ok := v.AsString()
		require.True(t, ok)
		require.Equal(t, want, s)
		require.Equal(t, text, e.Source())
	}
}

func TestCompileErrorsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"${orderService.check(order)}":           `line 1, column 16: orderService.check() calls a method of the Java bean "orderService"`,
		"${execution.setVariable('a', 1)}":       "can only read",
		"${currentUser()}":                       "currentUser() is not available",
		"${fn:trim(x)}":                          "fn:trim is not available",
		"${a.b().doIt()}":                        "b() calls a method of the Java bean",
		"${a.toString().doIt()}":                 "the method doIt() is not available",
		"${a = 1}":                               `use "==" to compare`,
		"${1 +":                                  `add "}"`,
		"${1 +}":                                 "ends where a value is expected",
		"${a b}":                                 `unexpected "b"`,
		"${'abc}":                                "not closed",
		"${a ? 1}":                               `":" between the branches`,
		"${status.trim(1)}":                      "does not take 1 arguments",
		"x\n ${ ] }":                             `line 2, column 5: unexpected "]"`,
		"${" + strings.Repeat("(", 10_000) + "}": "nested deeper",
		"${1" + strings.Repeat("+1", 10_000) + "}": "nested deeper",
		"${a" + strings.Repeat(".b", 10_000) + "}": "nested deeper",
		"${" + strings.Repeat("!", 10_000) + "a}":  "nested deeper",
	} {
		_, err := juel.Compile(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestEvaluationErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"${nobody}":               `line 1, column 3: no variable is named "nobody"`,
		"${status + 1}":           "cannot be added",
		"${status * 1}":           `the string "open" cannot be used as a number`,
		"${1 / 0}":                "division by zero",
		"${order ? 1 : 2}":        "cannot be used as a boolean",
		"${order.lines.sku}":      `a list has no property "sku"`,
		"${status.length}":        `has no property "length"`,
		"${none.trim()}":          "trim() is called on null",
		"${amount.trim()}":        "trim() is a method of a string",
		"${status.substring(9)}":  "no substring from 9",
		"${S(json).prop('x')}":    `no member "x"`,
		"${S('{')}":               "read JSON value",
		"${'a'.matches('(')}":     "is not a pattern",
		"${order < order}":        "have no order",
		"${now().plusYears(1e9)}": "cannot be applied",
	} {
		e, err := juel.Compile(text)
		require.NoError(t, err, text)
		_, err = e.Evaluate(env(t, variables))
		require.ErrorContains(t, err, want, text)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	e, err := juel.Compile("${big += big}")
	require.NoError(t, err)
	in := env(t, `{"big": "`+strings.Repeat("x", 1000)+`"}`)
	in.Limits.Bytes = 1999
	_, err = e.Evaluate(in)
	require.ErrorContains(t, err, "more than 1999 bytes")
	in.Limits = expr.Limits{Steps: 20}
	_, err = e.Evaluate(in)
	require.ErrorContains(t, err, "more than 20 steps")
}

func TestNames(t *testing.T) {
	t.Parallel()
	e, err := juel.Compile("${a.b > c && execution.getVariable('d') == a} ${execution.id}")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c", "d"}, e.Names())
}
