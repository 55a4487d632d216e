package expr

import (
	"fmt"
	"strings"
)

// DefaultLimits are the limits where Env.Limits says nothing.
func DefaultLimits() Limits {
	return Limits{Steps: 100_000, Depth: 200, Items: 100_000, Bytes: 4 << 20}
}

// OrDefault replaces zero fields by those of DefaultLimits.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits()
	if l.Steps == 0 {
		l.Steps = d.Steps
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	if l.Items == 0 {
		l.Items = d.Items
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	return l
}

const sourceInError = 120 // code points of the expression shown in an error

// Error gives message, place and expression, the latter shortened.
func (e *Error) Error() string {
	source := []rune(strings.TrimSpace(e.Source))
	if len(source) > sourceInError {
		source = append(source[:sourceInError], '…')
	}
	if e.Position == (Position{}) {
		return fmt.Sprintf("expression %q: %s", string(source), e.Message)
	}
	return fmt.Sprintf("expression %q, line %d, column %d: %s", string(source), e.Position.Line, e.Position.Column, e.Message)
}

// PositionAt is the position of a byte offset in source.
func PositionAt(source string, offset int) Position {
	before := source[:min(max(offset, 0), len(source))]
	line := strings.Count(before, "\n")
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return Position{Line: line + 1, Column: len([]rune(last)) + 1}
}

// ErrorAt is an *Error about a byte offset in source.
func ErrorAt(source string, offset int, format string, args ...any) error {
	return &Error{Source: source, Position: PositionAt(source, offset), Message: fmt.Sprintf(format, args...)}
}
