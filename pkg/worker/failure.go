package worker

import (
	"errors"
	"fmt"
	"time"
)

// failure is an error with a wish of what shall follow.
type failure struct {
	error
	retries    *int
	retryAfter *time.Duration
}

func (f *failure) Unwrap() error { return f.error }

// Retry fails the attempt; the model decides how often and when to try again.
// Any other error does the same: Retry is for taking back an inner GiveUp or
// RetryAfter. nil stays nil.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return &failure{error: err}
}

// RetryAfter fails the attempt and sets the time until the next, instead of the
// model's; at most ten years, in whole milliseconds. nil stays nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	const longest = 10 * 365 * 24 * time.Hour
	d = min(max(d, 0), longest)
	return &failure{error: err, retryAfter: &d}
}

// GiveUp fails the task without another attempt: an incident for a person to
// resolve. nil stays nil.
func GiveUp(err error) error {
	if err == nil {
		return nil
	}
	none := 0
	return &failure{error: err, retries: &none}
}

// businessError is a BPMN error.
type businessError struct {
	code, message string
	variables     any
}

func (e *businessError) Error() string { return fmt.Sprintf("BPMN error %s: %s", e.code, e.message) }

// BPMNError ends the task with an error that the model expects: an error
// boundary event with this code catches it. The code has 1 to 256 bytes;
// variables are as a handler's result.
func BPMNError(code, message string, variables any) error {
	return &businessError{code: code, message: message, variables: variables}
}

// wish gives the outermost wish in err, none for an ordinary error.
func wish(err error) failure {
	var f *failure
	if errors.As(err, &f) {
		return *f
	}
	return failure{}
}
