package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseVariables(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		``:                               `{}`,
		`{}`:                             `{}`,
		" {\t\"b\" : 1 ,\n\"a\": [ ] } ": `{"a":[ ],"b":1}`,
		`{"n":-0.50e+7,"big":12345678901234567890.12345678901234567890}`: `{"big":12345678901234567890.12345678901234567890,"n":-0.50e+7}`,
		`{"s":"\u00e9\\\"\n","t":true,"f":false,"z":null}`:               `{"f":false,"s":"\u00e9\\\"\n","t":true,"z":null}`,
		`{"\u0041\"":{"x":[1,{"y":"ü"}]}}`:                               `{"A\"":{"x":[1,{"y":"ü"}]}}`,
	} {
		v, err := ParseVariables([]byte(src))
		require.NoError(t, err, src)
		require.Equal(t, want, string(v.AppendJSON(nil)), src)
	}
}

func TestParseVariablesRefuses(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`[]`:                     "a JSON object",
		`null`:                   "a JSON object",
		`{"a":1} x`:              "the end of the JSON text",
		`{"a":1,}`:               "a member name",
		`{"a":1,"a":2}`:          `"a" occurs twice`,
		`{a:1}`:                  "a member name",
		`{"a" 1}`:                "a colon",
		`{"a":01}`:               "a comma",
		`{"a":1.}`:               "a digit",
		`{"a":1e}`:               "a digit",
		`{"a":-}`:                "a digit",
		`{"a":+1}`:               "a JSON value",
		`{"a":nul}`:              "the word null",
		`{"a":"` + "\n" + `"}`:   "no control character",
		`{"a":"\x"}`:             "an escape",
		`{"a":"\u12g4"}`:         "a hexadecimal digit",
		`{"a":"`:                 "ends too early",
		`{"a":[1`:                "ends too early",
		`{"a":"` + "\xff" + `"}`: "UTF-8",
		`{"a":` + strings.Repeat("[", MaxVariableDepth) + strings.Repeat("]", MaxVariableDepth) + `}`: "nested deeper",
		`{"a":"` + strings.Repeat("x", MaxVariableBytes) + `"}`:                                       "at most",
	} {
		_, err := ParseVariables([]byte(src))
		require.ErrorContains(t, err, want, "%.60s", src)
	}
}

// What Go's decoder takes we take, and the other way round, except for what is
// stricter on purpose.
func FuzzParseVariables(f *testing.F) {
	for _, src := range []string{`{}`, `{"a":1}`, `{"a":[1,2,{"b":null}]}`, `{"a":"\ud800"}`, `{"a":1e5}`, `{"":0}`} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := ParseVariables(src)
		var want map[string]json.RawMessage
		if goErr := json.Unmarshal(src, &want); goErr != nil && err == nil && len(src) > 0 {
			t.Fatalf("accepted %q, which is no JSON object: %v", src, goErr)
		}
		if err != nil {
			return
		}
		require.Len(t, v, len(want))
		for _, m := range v {
			require.Equal(t, string(want[m.Name]), string(m.Value))
		}
		again, err := ParseVariables(v.AppendJSON(nil))
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}

func TestVariablesAreImmutable(t *testing.T) {
	t.Parallel()
	v := Variables{{"a", []byte("1")}, {"c", []byte("3")}}
	require.Equal(t, `{"a":1,"b":2,"c":3}`, string(v.Set("b", []byte("2")).AppendJSON(nil)))
	require.Equal(t, `{"a":9,"c":3}`, string(v.Set("a", []byte("9")).AppendJSON(nil)))
	merged := v.Merge(Variables{{"b", []byte("2")}, {"c", []byte("4")}, {"d", []byte("5")}})
	require.Equal(t, `{"a":1,"b":2,"c":4,"d":5}`, string(merged.AppendJSON(nil)))
	require.Equal(t, `{"a":1,"c":3}`, string(v.AppendJSON(nil)))
	require.Equal(t, v, v.Merge(nil))
	require.Equal(t, v, Variables(nil).Merge(v))
}

func TestParsedVariablesDoNotAliasTheRecord(t *testing.T) {
	t.Parallel()
	src := []byte(`{"name":"value"}`)
	v, err := ParseVariables(src)
	require.NoError(t, err)
	clear(src)
	require.Equal(t, `{"name":"value"}`, string(v.AppendJSON(nil)))
}

func TestSetPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, path, value, want string }{
		{``, "a", `1`, `{"a":1}`},
		{`{"a":1,"b":2}`, "a", `3`, `{"a":3,"b":2}`},
		{`{"a":{"x":1}}`, "a.y", `2`, `{"a":{"x":1,"y":2}}`},
		{`7`, "a.b", `1`, `{"a":{"b":1}}`},
	} {
		got, err := setPath(json.RawMessage(c.old), strings.Split(c.path, "."), json.RawMessage(c.value))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got))
	}
	_, err := setPath(nil, strings.Split(strings.Repeat("a.", MaxVariableDepth)+"a", "."), json.RawMessage("1"))
	require.ErrorIs(t, err, errPathTooDeep)
}

func TestAppendStringEscapes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "quote\" slash\\ line\n tab\t nul\x00", "ünïcödé €", "bad \xff\xfe byte"} {
		var back string
		require.NoError(t, json.Unmarshal(appendString(nil, s), &back))
		require.Equal(t, strings.ToValidUTF8(strings.ReplaceAll(s, "\xff\xfe", "\ufffd\ufffd"), "?"), back)
	}
}
