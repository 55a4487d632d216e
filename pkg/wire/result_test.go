package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sampleID = "0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.2"

// record builds a record from its value and names and values of headers.
func record(value string, headers ...string) *Record {
	r := &Record{Topic: "barnabas.results", Key: []byte("key"), Value: []byte(value)}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

func ptr[T any](v T) *T { return &v }

func TestDecodeResult(t *testing.T) {
	t.Parallel()
	id := CorrelationID{Instance: sampleInstance(), Home: 3, Task: 7, Attempt: 2}
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, c := range map[string]struct {
		record *Record
		want   Result
	}{
		"the smallest": {
			record(`{"paid":true}`, "correlationId", sampleID),
			Result{Variables: []byte(`{"paid":true}`)},
		},
		"no value":       {&Record{Headers: record("", "correlationId", sampleID).Headers}, Result{}},
		"null":           {record(" null\n", "correlationId", sampleID), Result{}},
		"empty object":   {record(`{}`, "correlationId", sampleID), Result{}},
		"empty headers":  {record(`{}`, "correlationId", sampleID, "status", "", "attempt", "", "retries", ""), Result{}},
		"foreign ones":   {record(`{}`, "correlationId", sampleID, "X-Own", "\xff"), Result{}},
		"bad trace":      {record(`{}`, "correlationId", sampleID, "traceparent", "00-zz"), Result{}},
		"last one wins":  {record(`{}`, "correlationId", "old", "correlationId", sampleID), Result{}},
		"its own member": {record(`{"correlationId":"mine"}`, "correlationId", sampleID), Result{Variables: []byte(`{"correlationId":"mine"}`)}},
		"everything": {
			record(` {"a":1} `, "correlationId", sampleID, "attempt", "2", "status", "completed", "ce_id", "r-1", "traceparent", trace),
			Result{Variables: []byte(`{"a":1}`), ID: "r-1", TraceParent: trace},
		},
		"failed": {
			record(``, "correlationId", sampleID, "status", "failed", "errorMessage", "no\n  stack", "retries", "0", "retryAfter", "PT1M"),
			Result{Status: ResultFailed, ErrorMessage: "no\n  stack", Retries: ptr(0), RetryAfter: ptr(time.Minute)},
		},
		"failed, milliseconds": {
			record(``, "correlationId", sampleID, "status", "failed", "retryAfter", "1500"),
			Result{Status: ResultFailed, RetryAfter: ptr(1500 * time.Millisecond)},
		},
		"bpmn-error": {
			record(`{"a":1}`, "correlationId", sampleID, "status", "bpmn-error", "errorCode", "NO_STOCK"),
			Result{Status: ResultBPMNError, ErrorCode: "NO_STOCK", Variables: []byte(`{"a":1}`)},
		},
		"progress": {record(`{"a":1}`, "correlationId", sampleID, "status", "progress"), Result{Status: ResultProgress, Variables: []byte(`{"a":1}`)}},
		"envelope": {
			record(`{"correlationId":"` + sampleID + `","variables":{"paid":true}}`),
			Result{Variables: []byte(`{"paid":true}`)},
		},
		"envelope with all": {
			record(`{"correlationId":"` + sampleID + `","attempt":2,"status":"failed","errorMessage":"no \"x\"","retries":3,"retryAfter":"PT5S","ce_id":"e","variables":null}`),
			Result{Status: ResultFailed, ErrorMessage: `no "x"`, Retries: ptr(3), RetryAfter: ptr(5 * time.Second), ID: "e"},
		},
		"envelope beside headers": {
			record(`{"correlationId":"`+sampleID+`","errorCode":null}`, "ce_id", "h", "status", "progress"),
			Result{Status: ResultProgress, ID: "h"},
		},
	} {
		got, err := DecodeResult(c.record, Limits{})
		require.NoError(t, err, name)
		c.want.CorrelationID = id
		require.Equal(t, c.want, got, name)
	}
}

func TestPoisonousResults(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101)
	for name, c := range map[string]struct {
		record  *Record
		class   string
		message string
	}{
		"nothing":             {record(""), PoisonMissingHeader, "header correlationId is missing: copy it from the task command"},
		"no correlation":      {record(`{"a":1}`), PoisonMissingHeader, "correlationId"},
		"number":              {record(`{"correlationId":1}`), PoisonMissingHeader, "correlationId"},
		"empty correlation":   {record(`{}`, "correlationId", ""), PoisonBadHeader, "correlationId"},
		"foreign correlation": {record(`{}`, "correlationId", "42"), PoisonBadHeader, `header correlationId is "42": expected the correlationId of the task command, copied unchanged`},
		"other attempt":       {record(`{}`, "correlationId", sampleID, "attempt", "1"), PoisonBadHeader, "the attempt of the correlationId, 2"},
		"odd attempt":         {record(`{}`, "correlationId", sampleID, "attempt", "two"), PoisonBadHeader, "attempt"},
		"unknown status":      {record(`{}`, "correlationId", sampleID, "status", "done"), PoisonBadHeader, "expected completed, failed, bpmn-error or progress"},
		"no error code":       {record(`{}`, "correlationId", sampleID, "status", "bpmn-error"), PoisonMissingHeader, "errorCode"},
		"long error code":     {record(`{}`, "correlationId", sampleID, "status", "bpmn-error", "errorCode", strings.Repeat("x", 257)), PoisonTooLarge, "header errorCode is 257 bytes, the limit is 256"},
		"negative retries":    {record(`{}`, "correlationId", sampleID, "status", "failed", "retries", "-1"), PoisonBadHeader, "retries"},
		"retry next month":    {record(`{}`, "correlationId", sampleID, "status", "failed", "retryAfter", "P1M"), PoisonBadHeader, "ISO 8601"},
		"binary message":      {record(`{}`, "correlationId", sampleID, "status", "failed", "errorMessage", "\xff"), PoisonBadHeader, "UTF-8"},
		"array":               {record(`[1]`, "correlationId", sampleID), PoisonBadValue, "the value is \"[1]\": expected a JSON object of variables"},
		"text":                {record(`paid`, "correlationId", sampleID), PoisonBadValue, "expected a JSON object"},
		"not JSON":            {record(`{"a":}`, "correlationId", sampleID), PoisonBadValue, "not valid JSON"},
		"two values":          {record(`{} {}`, "correlationId", sampleID), PoisonBadValue, "not valid JSON"},
		"not UTF-8":           {record("{\"a\":\"\xff\"}", "correlationId", sampleID), PoisonBadValue, "not valid UTF-8"},
		"too deep":            {record(deep, "correlationId", sampleID), PoisonTooLarge, "nested deeper than 100 levels"},
		"absurdly deep":       {record(strings.Repeat("[", 1<<20), "correlationId", sampleID), PoisonTooLarge, "nested deeper"},
		"large value":         {record(strings.Repeat(" ", 1<<20+1), "correlationId", sampleID), PoisonTooLarge, "the value is 1048577 bytes, the limit is 1048576"},
		"large key":           {&Record{Key: make([]byte, 2049)}, PoisonTooLarge, "the key"},
		"many headers":        {&Record{Headers: make([]Header, 65)}, PoisonTooLarge, "the number of headers is 65"},
		"large headers":       {record("", "x", strings.Repeat("x", 32<<10)), PoisonTooLarge, "the size of the headers"},
		"envelope, unknown":   {record(`{"correlationId":"` + sampleID + `","paid":true}`), PoisonBadValue, `member "paid" is unknown: result variables belong in the member variables`},
		"envelope, twice":     {record(`{"correlationId":"` + sampleID + `","status":"failed","status":"completed"}`), PoisonBadValue, `member "status" occurs twice`},
		"envelope, object":    {record(`{"correlationId":"` + sampleID + `","status":{}}`), PoisonBadValue, `member "status" is "{}"`},
		"envelope, array":     {record(`{"correlationId":"` + sampleID + `","variables":[1]}`), PoisonBadValue, `member variables is "[1]"`},
	} {
		_, err := DecodeResult(c.record, Limits{})
		var poison *PoisonError
		require.ErrorAs(t, err, &poison, name)
		require.Equal(t, c.class, poison.Class, name)
		require.Contains(t, poison.Message, c.message, name)
	}
}

func TestLimitsCanBeRaised(t *testing.T) {
	t.Parallel()
	r := record(`{"a":"`+strings.Repeat("x", 2<<20)+`"}`, "correlationId", sampleID)
	_, err := DecodeResult(r, Limits{Value: 3 << 20})
	require.NoError(t, err)
}

func TestLongErrorMessageIsCut(t *testing.T) {
	t.Parallel()
	r := record(``, "correlationId", sampleID, "status", "failed", "errorMessage", "x"+strings.Repeat("ü", 4096))
	got, err := DecodeResult(r, Limits{})
	require.NoError(t, err)
	require.Equal(t, "x"+strings.Repeat("ü", 2047), got.ErrorMessage)
}

func BenchmarkDecodeResult(b *testing.B) {
	r := record(`{"paid":true,"amount":12.5,"reference":"0199c5a2-7d3e-7c11"}`, "correlationId", sampleID, "attempt", "2", "ce_id", "worker-1-4711")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeResult(r, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
