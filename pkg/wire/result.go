package wire

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// ResultStatus says how a task ended, or that it goes on.
type ResultStatus uint8

// The statuses of results.
const (
	ResultCompleted ResultStatus = iota // the default
	ResultFailed                        // the attempt failed: the engine tries again or raises an incident
	ResultBPMNError                     // a business error, caught by an error boundary event
	ResultProgress                      // the task goes on: variables are set, the deadline starts anew
)

var statusNames = [...]string{ResultCompleted: "completed", ResultFailed: "failed", ResultBPMNError: "bpmn-error", ResultProgress: "progress"}

func (s ResultStatus) String() string { return statusNames[s] }

func parseStatus(text string) (ResultStatus, bool) {
	for s, name := range statusNames {
		if text == name {
			return ResultStatus(s), true
		}
	}
	return 0, false
}

// Result is a worker's answer to a task command.
type Result struct {
	CorrelationID CorrelationID
	Status        ResultStatus
	ErrorMessage  string // cut to 4 KiB
	ErrorCode     string // bpmn-error only, never empty there
	// Retries, when not nil, replaces the attempts left (failed only).
	Retries *int
	// RetryAfter, when not nil, replaces the model's delay (failed only).
	RetryAfter *time.Duration
	// Variables is a JSON object, or nil for none. It aliases the record.
	Variables   []byte
	ID          string // ce_id, may be empty
	TraceParent string // may be empty
}

// maxRetries bounds the header retries.
const maxRetries = 1_000_000

// DecodeResult reads a record of a result topic.
//
// With a correlationId header the fields are headers and the whole value is the
// variables. Without one, a value that is an object with a string member
// correlationId is read as an envelope: the same fields as members, the
// variables in the member variables; other members are poison, so that nothing
// sent in good faith is lost in silence.
//
// The error is a *PoisonError.
func DecodeResult(r *Record, limits Limits) (Result, error) {
	if err := limits.check(r); err != nil {
		return Result{}, err
	}
	var f resultFields
	for i := range r.Headers {
		f.setHeader(&r.Headers[i])
	}
	if f.correlationID == nil {
		return decodeEnvelope(r, limits, &f)
	}
	result, err := f.result(limits)
	if err != nil {
		return Result{}, err
	}
	result.Variables, err = limits.object("the value", r.Value)
	return result, err
}

// resultFields are the raw texts of a result; nil is absent.
type resultFields struct {
	correlationID, attempt, status       []byte
	errorMessage, errorCode              []byte
	retries, retryAfter, id, traceParent []byte
}

// setHeader takes over a header of the protocol and ignores others. Of headers
// of one name the last counts.
func (f *resultFields) setHeader(h *Header) {
	switch h.Key {
	case HeaderCorrelationID:
		f.correlationID = h.Value
	case HeaderAttempt:
		f.attempt = h.Value
	case HeaderStatus:
		f.status = h.Value
	case HeaderErrorMessage:
		f.errorMessage = h.Value
	case HeaderErrorCode:
		f.errorCode = h.Value
	case HeaderRetries:
		f.retries = h.Value
	case HeaderRetryAfter:
		f.retryAfter = h.Value
	case HeaderCEID:
		f.id = h.Value
	case HeaderTraceParent:
		f.traceParent = h.Value
	}
}

// result reads everything but the variables.
func (f *resultFields) result(limits Limits) (Result, error) {
	var r Result
	var err error
	if r.CorrelationID, err = f.correlation(); err != nil {
		return Result{}, err
	}
	if err = f.outcome(&r, limits); err != nil {
		return Result{}, err
	}
	if r.ID, err = limits.text(HeaderCEID, f.id); err != nil {
		return Result{}, err
	}
	r.TraceParent = traceParent(f.traceParent)
	return r, nil
}

// correlation reads the correlation id; an attempt beside it must agree.
func (f *resultFields) correlation() (CorrelationID, error) {
	id, err := ParseCorrelationID(f.correlationID)
	if err != nil {
		return id, badHeader(HeaderCorrelationID, f.correlationID, "the correlationId of the task command, copied unchanged")
	}
	if len(f.attempt) == 0 {
		return id, nil
	}
	if n, err := strconv.ParseUint(string(f.attempt), 10, 32); err != nil || uint32(n) != id.Attempt {
		return id, badHeader(HeaderAttempt, f.attempt, "the attempt of the correlationId, "+strconv.Itoa(int(id.Attempt)))
	}
	return id, nil
}

// outcome reads the status and what belongs to it.
func (f *resultFields) outcome(r *Result, limits Limits) (err error) {
	if len(f.status) > 0 {
		var known bool
		if r.Status, known = parseStatus(string(f.status)); !known {
			return badHeader(HeaderStatus, f.status, "completed, failed, bpmn-error or progress")
		}
	}
	if r.ErrorMessage, err = errorMessage(f.errorMessage); err != nil {
		return err
	}
	switch r.Status {
	case ResultBPMNError:
		if len(f.errorCode) == 0 {
			return missingHeader(HeaderErrorCode, "status bpmn-error needs the code that an error boundary event catches")
		}
		r.ErrorCode, err = limits.text(HeaderErrorCode, f.errorCode)
	case ResultFailed:
		err = f.retry(r)
	}
	return err
}

// retry reads what a failed attempt says about the next one.
func (f *resultFields) retry(r *Result) error {
	if len(f.retries) > 0 {
		n, err := strconv.Atoi(string(f.retries))
		if err != nil || n < 0 || n > maxRetries {
			return badHeader(HeaderRetries, f.retries, "the attempts left, 0 to "+strconv.Itoa(maxRetries))
		}
		r.Retries = &n
	}
	if len(f.retryAfter) > 0 {
		d, ok := parseDuration(f.retryAfter)
		if !ok {
			return badHeader(HeaderRetryAfter, f.retryAfter, durationForm)
		}
		r.RetryAfter = &d
	}
	return nil
}

// errorMessage takes any UTF-8 text, line breaks of a stack trace included.
func errorMessage(value []byte) (string, error) {
	if !utf8.Valid(value) {
		return "", badHeader(HeaderErrorMessage, value, "UTF-8 text")
	}
	return cut(string(value), maxErrorMessage), nil
}

// traceParent is the header's value if it has the shape of a W3C traceparent;
// anything else is dropped, as the specification asks.
func traceParent(value []byte) string {
	if len(value) != 55 || value[2] != '-' || value[35] != '-' || value[52] != '-' || !validText(value) {
		return ""
	}
	return string(value)
}
