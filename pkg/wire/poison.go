package wire

import (
	"fmt"
	"unicode/utf8"
)

// PoisonError says why a record can never be processed, whatever the state of
// the world: it goes to the dead-letter topic and its partition moves on.
type PoisonError struct {
	Class   string // one of the Poison constants: for grouping and counting
	Message string // which header or member, what was expected
}

// The classes of poison this package finds.
const (
	PoisonMissingHeader = "missing-header" // a required header is absent or empty
	PoisonBadHeader     = "bad-header"     // a header can't be read
	PoisonBadValue      = "bad-value"      // the value is not what it must be
	PoisonTooLarge      = "too-large"      // a limit is exceeded
)

func (e *PoisonError) Error() string { return e.Class + ": " + e.Message }

func missingHeader(name, use string) error {
	return &PoisonError{Class: PoisonMissingHeader, Message: fmt.Sprintf("header %s is missing: %s", name, use)}
}

func badHeader(name string, value []byte, expected string) error {
	return &PoisonError{Class: PoisonBadHeader, Message: fmt.Sprintf("header %s is %s: expected %s", name, excerpt(value), expected)}
}

func badValue(format string, args ...any) error {
	return &PoisonError{Class: PoisonBadValue, Message: fmt.Sprintf(format, args...)}
}

func tooLarge(what string, size, limit int, unit string) error {
	return &PoisonError{Class: PoisonTooLarge, Message: fmt.Sprintf("%s is %d %s, the limit is %d", what, size, unit, limit)}
}

// excerpt quotes the beginning of a value for an error message.
func excerpt(value []byte) string {
	const most = 64
	if len(value) > most {
		return fmt.Sprintf("%q… (%d bytes)", value[:most], len(value))
	}
	return fmt.Sprintf("%q", value)
}

// cut shortens text to at most limit bytes without splitting a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
