package worker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// maxErrorMessage is how many bytes of an error message are sent; the engine
// keeps no more.
const maxErrorMessage = 4 << 10

// maxErrorCode is the longest error code the engine accepts, in bytes.
const maxErrorCode = 256

// answer is the result of a task without what belongs to its status. replyTo and
// replyPartition lead to the engine that owns the instance.
func answer(t Task, status wire.ResultStatus, variables []byte) wire.Record {
	r := wire.Record{
		Topic:     t.results.defaultTopic,
		Partition: t.home,
		Key:       t.record.Key,
		Value:     variables,
		Headers:   make([]wire.Header, 0, 6),
	}
	for i := range t.record.Headers {
		switch h := &t.record.Headers[i]; h.Key {
		case wire.HeaderReplyTo:
			r.Topic = string(h.Value)
		case wire.HeaderReplyPartition:
			if n, err := strconv.ParseUint(string(h.Value), 10, 31); err == nil {
				r.Partition = int32(n)
			}
		case wire.HeaderCorrelationID, wire.HeaderAttempt, wire.HeaderTraceParent:
			r.Headers = append(r.Headers, *h)
		}
	}
	return withHeader(r, wire.HeaderStatus, status.String())
}

func withHeader(r wire.Record, name, value string) wire.Record {
	r.Headers = append(r.Headers, wire.Header{Key: name, Value: []byte(value)})
	return r
}

// result is the record for what a handler returned.
func result(t Task, variables any, err error) (wire.Record, wire.ResultStatus) {
	var business *businessError
	switch {
	case errors.As(err, &business):
		return businessResult(t, business)
	case err != nil:
		return failed(t, err), wire.ResultFailed
	}
	value, err := encodeVariables(variables)
	if err != nil {
		return failed(t, GiveUp(err)), wire.ResultFailed
	}
	return answer(t, wire.ResultCompleted, value), wire.ResultCompleted
}

func businessResult(t Task, e *businessError) (wire.Record, wire.ResultStatus) {
	value, err := encodeVariables(e.variables)
	if err == nil && !validErrorCode(e.code) {
		err = fmt.Errorf("error code %.100q is not 1 to %d bytes of text: %s", e.code, maxErrorCode, e.message)
	}
	if err != nil {
		return failed(t, GiveUp(err)), wire.ResultFailed
	}
	r := answer(t, wire.ResultBPMNError, value)
	r = withHeader(r, wire.HeaderErrorCode, e.code)
	return withHeader(r, wire.HeaderErrorMessage, bounded(e.message)), wire.ResultBPMNError
}

func validErrorCode(code string) bool {
	return code != "" && len(code) <= maxErrorCode && utf8.ValidString(code) && !strings.ContainsFunc(code, func(r rune) bool {
		return r < ' ' || r == 0x7f
	})
}

func failed(t Task, err error) wire.Record {
	w := wish(err)
	r := withHeader(answer(t, wire.ResultFailed, nil), wire.HeaderErrorMessage, bounded(err.Error()))
	if w.retries != nil {
		r = withHeader(r, wire.HeaderRetries, strconv.Itoa(*w.retries))
	}
	if w.retryAfter != nil {
		ms := (*w.retryAfter + time.Millisecond - 1) / time.Millisecond
		r = withHeader(r, wire.HeaderRetryAfter, strconv.FormatInt(int64(ms), 10))
	}
	return r
}

// bounded makes text fit for a header: UTF-8, not longer than the engine keeps.
func bounded(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= maxErrorMessage {
		return text
	}
	end := maxErrorMessage
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
