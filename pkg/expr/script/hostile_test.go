package script_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/expr/script"
)

// TestWorkIsBounded runs what would take all time or memory. The limits are counted,
// so that it ends at the same place on every machine; the log has the time.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const steps, bytes, deep, items = "more than 100000 steps", "bytes", "nested deeper than", "more than 100000 elements"
	for source, want := range map[string]string{
		"while (true);": steps,
		"for (;;) {}":   steps,
		"for (;;) try { throw 1 } catch (e) { continue } finally { continue }": steps,
		"while (true) try { (function f() { f() })() } catch (e) {}":           deep,
		"do ; while (true)": steps,
		"var s = 0; for (var i = 0; i < 1e9; i++) s += i":                                            steps,
		"(function f() { f() })()":                                                                   deep,
		"var f = () => f(); f()":                                                                     deep,
		"var o = {toString() { return '' + o }}; '' + o":                                             deep,
		"var o = {valueOf: () => o * 1}; o * 1":                                                      deep,
		"var s = 'x'; for (;;) s += s":                                                               bytes,
		"var s = 'x'; while (true) s = s + s":                                                        bytes,
		"var s = 'x'; for (;;) s = `${s}${s}`":                                                       bytes,
		"var s = 'x'; for (;;) s = s.concat(s)":                                                      bytes,
		"var s = 'x'; for (;;) s = [s, s].join('')":                                                  bytes,
		"var s = 'x'; for (;;) s = s.replace(/x/g, 'xx')":                                            steps,
		"var s = 'x'; for (;;) s = s.replaceAll('x', '$&$&')":                                        steps,
		"var s = 'x'.repeat(5000).replace(/x/g, '$`')":                                               bytes,
		"'x'.repeat(1e9)":                                                                            bytes,
		"'x'.padEnd(2 ** 31)":                                                                        bytes,
		"var s = 'x'.repeat(1e6), a = []; for (var i = 0; i < 1000; i++) a.push(s + i); a":           bytes,
		"var a = [1]; for (;;) a = a.concat(a)":                                                      steps,
		"var a = [1]; for (;;) a = [...a, ...a]":                                                     steps,
		"var a = [1]; for (;;) a.push(...a)":                                                         steps,
		"var a = [1]; for (;;) a.push.apply(a, a)":                                                   steps,
		"new Array(1e9).fill(0)":                                                                     items,
		"Array(4294967295).join('x')":                                                                items,
		"var a = []; a.length = 4294967295; a.indexOf(1)":                                            steps,
		"var a = []; a[4294967294] = 1; a.reverse()":                                                 steps,
		"var a = []; a[4294967294] = 1; JSON.stringify(a)":                                           steps,
		"var a = []; a[4294967294] = 1; a":                                                           items,
		"var a = []; a[4294967294] = 1; [...a]":                                                      items,
		"var a = []; a[4294967294] = 1; '' + a":                                                      steps,
		"var a = []; a.length = 1e9; a.sort()":                                                       steps,
		"Array.from({length: 1e9})":                                                                  items,
		"Array.prototype.indexOf.call({length: 2 ** 53}, 1)":                                         "use Array.from",
		"[...Array.prototype.values.call({length: 2 ** 53})]":                                        "use Array.from",
		"var a = ['xxxxxxxxxx']; for (var i = 0; i < 40; i++) a = [a, a]; '' + a":                    steps,
		"var a = ['x']; for (var i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)":                  steps,
		"var a = ['x']; for (var i = 0; i < 40; i++) a = [a, a]; a":                                  steps,
		"var a = ['x']; for (var i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity)":                   steps,
		"var a = []; a[0] = a; a":                                                                    deep,
		"var a = []; a[0] = a; '' + a":                                                               deep,
		"var a = []; for (var i = 0; i < 900; i++) a = [a]; '' + a":                                  deep,
		"var a = []; for (var i = 0; i < 9000; i++) a = [a]; JSON.stringify(a)":                      steps,
		"JSON.parse('['.repeat(100000))":                                                             deep,
		"var s = 'a'.repeat(3e5) + 'b'; for (;;) s.indexOf('b')":                                     steps,
		"var s = 'a'.repeat(1e6), t = 'a'.repeat(1e6); for (;;) s === t":                             steps,
		"var s = 'a'.repeat(1e6), o = {}; for (;;) o[s] = 1":                                         steps,
		"var s = 'a'.repeat(1e6); for (;;) /(x+x+)+y/.test(s)":                                       steps,
		"/(a+)+$/.test('a'.repeat(40) + '!'); for (;;) /^(a|a)*$/.test('aaa')":                       steps,
		"[1, 2].flatMap(function f(x) { return new Array(99999).fill(x) }).length":                   steps,
		"var a = new Array(50000).fill(0); for (;;) a.map(x => x)":                                   steps,
		"var a = new Array(50000).fill(0); for (;;) a.slice()":                                       steps,
		"var o = {}; for (var i = 0; i < 5000; i++) o['k' + i] = i; for (;;) ({...o})":               steps,
		"var o = {}; for (var i = 0; i < 5000; i++) o['k' + i] = i; for (;;) Object.keys(o)":         steps,
		"var o = {}; for (var i = 0; i < 5000; i++) o['k' + i] = i; for (;;) for (var k in o) break": steps,
		"for (;;) new Map([[1, 2]])":                                                                 steps,
	} {
		e, err := script.Compile(source)
		require.NoError(t, err, source)
		in := env(t)
		start := time.Now()
		_, err = e.Evaluate(in)
		spent := time.Since(start)
		require.ErrorContains(t, err, want, source)
		require.NotContains(t, err.Error(), "broke off", source)
		if spent > 20*time.Millisecond {
			t.Logf("%6d ms %s", spent.Milliseconds(), source)
		}
	}
}

// TestRefusedWhenDeployed: what cannot be run is said when the model is compiled, with its place.
func TestRefusedWhenDeployed(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"var x = ;":                            "line 1, column 9: it is not JavaScript",
		"var a = 1;\nvar b = (2":               "line 2",
		"let a = 1; let a = 2":                 "it is not JavaScript",
		"x = 1;\nJava.type('java.util.Date')":  "line 2, column 1: Java is not available in scripts; there is no Java here",
		"new java.util.Date()":                 "java is not available in scripts",
		"java.lang.System.out.println(1)":      "java is not available",
		"org.camunda.spin.Spin.S(x)":           "org.camunda is a package of Java",
		"S(order).prop('id')":                  "write order.id",
		"eval('1')":                            "code cannot be made of text",
		"new Function('return 1')":             "code cannot be made of text",
		"Function('return 1')()":               "code cannot be made of text",
		"execution.getProcessEngineServices()": "execution.getProcessEngineServices() is not available",
		"class A {}":                           "classes are not available",
		"function* g() {}":                     "generators are not available",
		"async function f() {}":                "async functions",
		"(async () => 1)()":                    "async functions",
		"with (order) id":                      "with is not available",
		"({get a() { return 1 }})":             "getters and setters",
		"({__proto__: order})":                 "__proto__",
		"String.raw`a`":                        "tagged templates",
		"10n":                                  "BigInt is not available",
		"var [a, ...b] = tags":                 "rest element",
		"function F() {} new F()":              "new is only available",
		"/(?=a)/.test('a')":                    "would have to backtrack",
		"/(a)\\1/.test('a')":                   "would have to backtrack",
		"/a/y":                                 `the flag "y"`,
		"setTimeout(function () {}, 1)":        "use a timer event",
		"require('fs')":                        "no input or output",
		strings.Repeat("(", 5000):              "nested deeper",
		strings.Repeat("!", 5000) + "a":        "nested deeper",
		"1" + strings.Repeat("+1", 5000):       "nested deeper",
		strings.Repeat("if(1)", 3000):          "",
		strings.Repeat("x", 70_000):            "at most 65536 are allowed",
	} {
		_, err := script.Compile(source)
		require.Error(t, err, source)
		require.ErrorContains(t, err, want, source)
	}
}

func TestWhatIsGone(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"(() => 1).constructor", "[].constructor.constructor", "Math.constructor.constructor", "Error.prototype.constructor.constructor", "print.constructor"} {
		got, err := run(t, source+" === Object", env(t))
		require.NoError(t, err, source)
		require.Equal(t, "true", got, source)
	}
	for _, source := range []string{
		"this.eval", "this.Function", "({}).__proto__", "Object.create", "Object.defineProperty",
		"Object.setPrototypeOf", "this.Symbol", "this.Promise", "this['Pro' + 'xy']", "this.Reflect", "this.ArrayBuffer", "this.Uint8Array", "(function () {}).bind",
		"RegExp.prototype.compile", "JSON.rawJSON", "Array.prototype.toLocaleString", "Object.getPrototypeOf", "this.escape",
		"Object.getOwnPropertyDescriptor", "Map.groupBy",
	} {
		got, err := run(t, source+" === undefined", env(t))
		require.NoError(t, err, source)
		require.Equal(t, "true", got, source)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"\n  nobody.x":                    `line 2, column 3: it throws ReferenceError: nobody is not defined`,
		"throw new Error('no stock')":     "it throws Error: no stock",
		"throw 'x'":                       "it throws x",
		"throw {a: 1}":                    "it throws an object",
		"order.nope.x":                    "it throws TypeError: Cannot read property 'x' of undefined",
		"serial + 1":                      "the number 12345678901234567890 has more digits than JavaScript can hold; pass it as a string",
		"wide.id + 1":                     "the number 9007199254740993 has more digits",
		"try { wide.id } catch (e) { 1 }": "has more digits",
		"JSON.stringify(wide)":            "has more digits",
		"0 / 0":                           "NaN is not a number that a variable can have",
		"1 / 0":                           "+Inf is not a number",
		"(x => x)":                        "cannot be a variable",
		"({f() {}})":                      `the property "f" is a function`,
		"new Map()":                       "Object.fromEntries",
		"/a/":                             "a RegExp cannot be a variable",
		"new Date(NaN)":                   "invalid date",
		"execution.setVariable('a', 1)":   "only be set by a script task",
		"new RegExp('(?=a)')":             "would have to backtrack",
		"order.lines.length = -1":         "RangeError",
	} {
		_, err := run(t, source, env(t))
		require.ErrorContains(t, err, want, source)
	}
}
