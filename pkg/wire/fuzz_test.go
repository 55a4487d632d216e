package wire

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// headersOf reads headers from text, a header a line: name=value. A line without
// = is a header without a value.
func headersOf(text string) []Header {
	var list []Header
	for line := range strings.Lines(text) {
		name, value, has := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		h := Header{Key: name}
		if has {
			h.Value = []byte(value)
		}
		list = append(list, h)
	}
	return list
}

// requireLinear fails if work on input of so many bytes allocates more often
// than once for each of them, and some: allocations stand for steps, since a
// clock would tell of the machine.
func requireLinear(t *testing.T, bytes int, work func()) {
	t.Helper()
	require.LessOrEqual(t, testing.AllocsPerRun(1, work), float64(200+bytes))
}

// FuzzHeaders decodes a record of any key, headers and value as everything a
// record can be: it is read within bounds, and says the same when written again,
// or is poison.
func FuzzHeaders(f *testing.F) {
	f.Fuzz(func(t *testing.T, key []byte, headers string, value []byte) {
		r := &Record{Topic: "t", Partition: 3, Offset: 7, Time: noon, Key: key, Value: value, Headers: headersOf(headers)}
		fuzzResult(t, r)
		fuzzMessage(t, r)
		fuzzControl(t, r)
		fuzzDeadLetter(t, r)
		requireLinear(t, len(key)+len(headers)+len(value), func() {
			_, _ = DecodeResult(r, Limits{})
			_, _ = DecodeMessage(r, Limits{})
			_, _ = DecodeControl(r)
			_, _, _ = Original(*r)
		})
	})
}

func requirePoison(t *testing.T, err error) {
	var poison *PoisonError
	require.ErrorAs(t, err, &poison)
	require.NotEmpty(t, poison.Class)
	require.True(t, utf8.ValidString(poison.Message), "%q", poison.Message)
	require.LessOrEqual(t, len(poison.Message), maxErrorMessage)
}

func fuzzResult(t *testing.T, r *Record) {
	result, err := DecodeResult(r, Limits{})
	if err != nil {
		requirePoison(t, err)
		return
	}
	require.LessOrEqual(t, len(result.ErrorMessage), maxErrorMessage)
	require.True(t, utf8.ValidString(result.ErrorMessage))
	require.Equal(t, result.Status == ResultBPMNError, result.ErrorCode != "")
	require.NoError(t, Limits{}.CheckName("errorCode", result.ErrorCode))
	again, err := ParseCorrelationID(result.CorrelationID.AppendTo(nil))
	require.NoError(t, err)
	require.Equal(t, result.CorrelationID, again)
}

func fuzzMessage(t *testing.T, r *Record) {
	m, err := DecodeMessage(r, Limits{})
	if err != nil {
		requirePoison(t, err)
		return
	}
	var p Pack
	p.AddMessage(&PublishedMessage{Topic: "t", Source: "/fuzz", Time: noon, Message: m})
	written := unpack(t, &p)[0]
	again, err := DecodeMessage(&written, Limits{Headers: 100, Name: 4 << 10})
	require.NoError(t, err)
	require.Equal(t, m, again)
}

func fuzzControl(t *testing.T, r *Record) {
	c, err := DecodeControl(r)
	if err != nil {
		requirePoison(t, err)
		return
	}
	c.Expires = c.Expires.UTC()
	var p Pack
	p.AddControl("t", &c)
	written := unpack(t, &p)[0]
	written.Time = r.Time
	again, err := DecodeControl(&written)
	require.NoError(t, err)
	require.WithinDuration(t, c.Expires, again.Expires, time.Microsecond, "times have microseconds")
	again.Expires = c.Expires
	require.Equal(t, c, again)
}

func fuzzDeadLetter(t *testing.T, r *Record) {
	var p Pack
	p.AddDeadLetter(&DeadLetter{Topic: "t.dlq", Record: *r, Class: PoisonBadValue, Message: "no", FirstFailure: noon, Engine: "e"})
	letter := unpack(t, &p)[0]
	original, reason, ok := Original(letter)
	require.True(t, ok)
	require.Equal(t, "no", reason)
	require.Equal(t, r.Topic, original.Topic)
	require.Equal(t, r.Offset, original.Offset)
	require.Equal(t, r.Key, original.Key)
	require.Equal(t, string(r.Value), string(original.Value))
	for _, h := range r.Headers {
		if !strings.HasPrefix(h.Key, dlqPrefix) {
			require.Equal(t, h, original.Headers[0])
			original.Headers = original.Headers[1:]
		}
	}
}

// FuzzTexts reads durations and ids, which have one written form each.
func FuzzTexts(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := ParseDuration(text); ok {
			require.GreaterOrEqual(t, d, time.Duration(0))
			require.LessOrEqual(t, d, maxDuration)
			again, ok := parseDuration(appendDuration(nil, d))
			require.True(t, ok)
			require.Equal(t, d, again, "%q", text)
		}
		if id, err := ParseCorrelationID([]byte(text)); err == nil {
			require.Equal(t, text, id.String())
		}
		if id, ok := ParseUUID([]byte(text)); ok {
			require.Equal(t, text, string(AppendUUID(nil, id)))
		}
		requireLinear(t, len(text), func() {
			_, _ = ParseDuration(text)
			_, _ = ParseCorrelationID([]byte(text))
		})
	})
}
