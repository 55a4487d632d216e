package script_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

const variables = `{"amount": 250, "status": "open", "none": null, "flag": true, "price": 19.99, "tags": ["a", "b"],
	"order": {"id": "o-1", "lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 5}]},
	"serial": 12345678901234567890, "wide": {"id": 9007199254740993, "exact": 0.1},
	"execution": {"processBusinessKey": "bk", "id": "e1"}}`

func env(t testing.TB) *expr.Env {
	t.Helper()
	v, err := expr.FromJSON([]byte(variables))
	require.NoError(t, err)
	scope, _ := v.AsContext()
	return &expr.Env{Scope: scope, Now: time.Date(2024, 2, 29, 10, 30, 0, 0, time.UTC), Seed: 7}
}

func run(t testing.TB, source string, in *expr.Env) (string, error) {
	t.Helper()
	e, err := script.Compile(source)
	require.NoError(t, err, source)
	v, err := e.Evaluate(in)
	if err != nil {
		require.IsType(t, &expr.Error{}, err)
		require.NotContains(t, err.Error(), "broke off", source)
		return "", err
	}
	text, err := v.AppendJSON(nil)
	require.NoError(t, err)
	return string(text), nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"1 + 2": "3", "amount * 2; status": `"open"`, "": "null", "var x = 1;": "null", "if (flag) 'y'; else 'n'": `"y"`,
		"order.lines.map(function (l) { return l.qty }).reduce((a, b) => a + b, 0)": "7",
		"for (var i = 0, s = 0; i < 10; i++) { s += i } s":                          "45",
		"let s = 0; for (const l of order.lines) { s += l.qty } s":                  "7",
		"var s = ''; for (var k in order) s += k; s":                                `"idlines"`,
		"var n = 0; while (true) { if (++n > 5) break; } n":                         "6",
		"do { var n = (n || 0) + 1 } while (n < 4); n":                              "4",
		"function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } f(10)":            "55",
		"`${status}-${amount + 1}`":                                                 `"open-251"`,
		"({a: 1, ...order}).id":                                                     `"o-1"`,
		"[...tags, 'c'].join('+')":                                                  `"a+b+c"`,
		"Math.max(...[3, 9, 4])":                                                    "9",
		"var {id, lines: [{sku}]} = order; id + sku":                                `"o-1a"`,
		"'use strict'; amount":                                                      "250",
		"new Date().toISOString()":                                                  `"2024-02-29T10:30:00.000Z"`,
		"new Date(2024, 0, 31, 12).getHours()":                                      "12",
		"new Date('2024-01-31T10:00:00')":                                           `"2024-01-31T10:00:00Z"`,
		"Date.now()":                                                                "1709202600000",
		"String(new Date(0))":                                                       `"Thu Jan 01 1970 00:00:00 GMT+0000 (UTC)"`,
		"new Date('tomorrow').getTime() !== new Date('tomorrow').getTime()":         "true",
		"Math.random() === Math.random()":                                           "false",
		"JSON.stringify(order)":                                                     `"{\"id\":\"o-1\",\"lines\":[{\"sku\":\"a\",\"qty\":2},{\"sku\":\"b\",\"qty\":5}]}"`,
		"JSON.stringify(order, ['id'], 1)":                                          `"{\n \"id\": \"o-1\"\n}"`,
		"JSON.stringify({a: 1, b: 2}, (k, v) => k === 'b' ? undefined : v)":         `"{\"a\":1}"`,
		"JSON.parse('{\"a\": [1, {\"b\": 2}]}').a[1].b":                             "2",
		"execution.getVariable('amount') + 1":                                       "251",
		"execution.hasVariable('none') && !execution.hasVariable('nope')":           "true",
		"execution.getProcessBusinessKey() + execution.id":                          `"bke1"`,
		"typeof nobody":                                                             `"undefined"`,
		"try { nobody } catch (e) { e.name }":                                       `"ReferenceError"`,
		"new Map([['a', 1]]).get('a')":                                              "1",
		"[...new Set([1, 2, 1])]":                                                   "[1,2]",
		"Array.from({length: 3}, (_, i) => i)":                                      "[0,1,2]",
		"[[1], [2, [3]]].flat()":                                                    "[1,2,[3]]",
		"[1, 2].flatMap(x => [x, x])":                                               "[1,1,2,2]",
		"[3, 20, 1].sort()":                                                         "[1,20,3]",
		"[3, 20, 1].sort((a, b) => a - b)":                                          "[1,3,20]",
		"[] instanceof Array":                                                       "true",
		"/a(?<n>b)/.exec('xab').groups.n":                                           `"b"`,
		"'a-b-c'.replace(/-/g, '+')":                                                `"a+b+c"`,
		"'john doe'.replace(/(\\w+) (\\w+)/, '$2 $1 $$ $&')":                        `"doe john $ john doe"`,
		"'abc'.replace(/b/, m => m.toUpperCase())":                                  `"aBc"`,
		"'a.b.c'.replaceAll('.', '')":                                               `"abc"`,
		"'a1b22'.match(/\\d+/g)":                                                    `["1","22"]`,
		"'a, b;c'.split(/[,;]\\s*/)":                                                `["a","b","c"]`,
		"'abc'.split('')":                                                           `["a","b","c"]`,
		"var r = /o/g, n = 0; while (r.test('foo')) n++; n":                         "2",
		"[...'a1b2'.matchAll(/\\d/g)].length":                                       "2",
		"'🐎x'.search(/x/)":                                                          "2",
		"/[aeiou]/i.test(status)":                                                   "true",
		"'x'.repeat(3).padStart(5, '-')":                                            `"--xxx"`,
		"Object.entries({a: 1})":                                                    `[["a",1]]`,
		"Object.fromEntries([['a', 1]])":                                            `{"a":1}`,
		"print('x'); console.log('y'); 1":                                           "1",
		"undefined":                                                                 "null",
		"[1, undefined, null]":                                                      "[1,null,null]",
		"({a: undefined, b: 1})":                                                    `{"b":1}`,
		"1e21":                                                                      "1000000000000000000000",
		"0.1 + 0.2":                                                                 "0.30000000000000004",
		"wide":                                                                      `{"id":9007199254740993,"exact":0.1}`,
		"wide.id = 5; wide":                                                         `{"id":5,"exact":0.1}`,
		"wide.exact + price":                                                        "20.09",
		"switch (status) { case 'open': 1; break; default: 2 }":                     "1",
		"a: for (;;) { for (;;) { break a } } 7":                                    "7",
		"order?.nope?.deeper ?? 'x'":                                                `"x"`,
		"(function () { return arguments.length })(1, 2)":                           "2",
		"((a, ...rest) => rest)(1, 2, 3)":                                           "[2,3]",
		"[1, 2, 3].indexOf(2) + 'abc'.indexOf('c')":                                 "3",
		"encodeURIComponent('a b')":                                                 `"a%20b"`,
		"parseInt('12px') + Number('3')":                                            "15",
		"(1.005).toFixed(2)":                                                        `"1.00"`,
		"Math.max.apply(null, [1, 5])":                                              "5",
	} {
		got, err := run(t, source, env(t))
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

// TestNothingIsLeftBehind runs scripts one after the other, which may share a runtime.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"leak = 1; this.leak2 = 2; var leak3 = 3; function leak4() {}", "let leak5 = 1; const leak6 = 2", "Math.leak = 1; Math.max.leak = 1",
		"Array.prototype.leak = 1", "Object.prototype.leak = 1; Object.leak = 1", "Error.prototype.name = 'leak'", "TypeError.prototype.message = 'leak'",
		"Object.prototype.toString = () => 'leak'", "Array.prototype.map = null; [].map.leak = 1", "(() => 1).call = null; print.call.leak = 1", "execution.leak = 1",
		"execution.getVariable = () => 'leak'", "JSON.parse = null; Math = null; Array = null; this.Date = null", "delete this.Math; delete Math.max",
		"print.leak = 1; console.log = null; (() => 1).constructor.leak = 1", "/a/g.leak = 1; RegExp.prototype.lastIndex = 5", "amount = 1",
	} {
		_, err := run(t, source, env(t))
		if err != nil {
			require.NotContains(t, err.Error(), "broke off")
		}
		got, err := run(t, `[typeof leak, typeof leak2, typeof leak3, typeof leak4, typeof leak5, typeof leak6, Math.leak, Math.max.leak, [].leak, ({}).leak, Object.leak,
			new Error('m').name, new TypeError().message, '' + {}, [1].map(x => x), [].map.leak, Math.max.call(null, 2), execution.leak, execution.getVariable('status'), JSON.parse('1'),
			Math.max(1, 2), print.leak, typeof console.log, /a/g.leak, /a/g.lastIndex, amount].join()`, env(t))
		require.NoError(t, err, source)
		require.Equal(t, `"undefined,undefined,undefined,undefined,undefined,undefined,,,,,,Error,,[object Object],1,,2,,open,1,2,,function,,0,250"`, got, source)
	}
}

// TestErrorsCanBeNamed: what is built in cannot be changed, objects of it can.
func TestErrorsCanBeNamed(t *testing.T) {
	t.Parallel()
	_, err := run(t, "var e = new Error('m'); e.name = 'Late'; e.message = 'x'; throw e", env(t))
	require.ErrorContains(t, err, "it throws Late: x")
	got, err := run(t, "var o = {}; o.toString = () => 'mine'; o.constructor = 1; '' + o", env(t))
	require.NoError(t, err)
	require.Equal(t, `"mine"`, got)
}

func TestScriptsRunInParallel(t *testing.T) {
	t.Parallel()
	e, err := script.Compile("var sum = 0; for (const l of order.lines) sum += l.qty; order.id = 'x'; execution.setVariable('sum', sum); sum + amount")
	require.NoError(t, err)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for range 50 {
				in := env(t)
				w := writes{}
				in.Writer = w
				v, err := e.Evaluate(in)
				if err != nil {
					return err
				}
				if n, _ := v.AsInt(); n != 257 || w["sum"].Text() != "7" {
					return fmt.Errorf("got %s and %v", v, w)
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
}

type writes map[string]expr.Value

func (w writes) Set(name string, v expr.Value) { w[name] = v }
func (w writes) Remove(name string)            { w["-"+name] = expr.Null() }

func TestVariablesAreSet(t *testing.T) {
	t.Parallel()
	e, err := script.Compile(`execution.setVariable("total", order.lines[1].qty * price);
		execution.setVariable("wide", wide);
		order.id = "changed";
		execution.setVariable("when", new Date());
		execution.removeVariable("flag");
		execution.setVariables({a: 1, b: [true]});
		[execution.getVariable("total"), execution.hasVariable("flag"), execution.getVariable("flag"), execution.getVariable("order").id, execution.getVariableNames().length]`)
	require.NoError(t, err)
	require.True(t, e.Assigns())
	in, w := env(t), writes{}
	in.Writer = w
	v, err := e.Evaluate(in)
	require.NoError(t, err)
	text, err := v.AppendJSON(nil)
	require.NoError(t, err)
	require.Equal(t, `[99.94999999999999,false,null,"o-1",13]`, string(text))
	all := expr.NewContextBuilder(0)
	for _, name := range []string{"total", "wide", "when", "-flag", "a", "b"} {
		value, ok := w[name]
		require.True(t, ok, name)
		all.Put(name, value)
	}
	text, err = all.Build().AppendJSON(nil)
	require.NoError(t, err)
	require.Equal(t, `{"total":99.94999999999999,"wide":{"id":9007199254740993,"exact":0.1},"when":"2024-02-29T10:30:00Z","-flag":null,"a":1,"b":[true]}`, string(text))
}

func TestNames(t *testing.T) {
	t.Parallel()
	e, err := script.Compile("var a = b; function f(c) { return c + d + arguments.length } let {g, h: i} = j; Math.max(k, a); execution.getVariable('l'); try { m } catch (n) { n } typeof o; ({p: 1, q}); for (var r of s) r")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "d", "j", "k", "l", "m", "o", "q", "s"}, e.Names())
}

func TestChanceAndClockComeFromTheCaller(t *testing.T) {
	t.Parallel()
	source := "[Math.random(), Math.random(), Date.now()]"
	first, err := run(t, source, env(t))
	require.NoError(t, err)
	again, err := run(t, source, env(t))
	require.NoError(t, err)
	require.Equal(t, first, again)
	in := env(t)
	in.Seed++
	other, err := run(t, source, in)
	require.NoError(t, err)
	require.NotEqual(t, first, other)
}

// TestEvaluationsShareTheirBounds: what belongs together is bounded together.
func TestEvaluationsShareTheirBounds(t *testing.T) {
	t.Parallel()
	e, err := script.Compile("for (var i = 0; i < 5000; i++); 1")
	require.NoError(t, err)
	in := env(t)
	in.Used = &expr.Usage{}
	failed := 0
	for range 20 {
		if _, err := e.Evaluate(in); err != nil {
			require.ErrorContains(t, err, "more than 100000 steps")
			failed++
		}
	}
	require.Positive(t, failed)
	require.Less(t, failed, 20)
}
