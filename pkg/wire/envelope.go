package wire

import (
	"github.com/tidwall/gjson"
)

// decodeEnvelope reads a result whose fields are members of its JSON value, for
// workers that can't set headers. f holds what headers there were; members win.
func decodeEnvelope(r *Record, limits Limits, f *resultFields) (Result, error) {
	value, err := limits.object("the value", r.Value)
	if err != nil {
		return Result{}, err
	}
	if gjson.GetBytes(value, HeaderCorrelationID).Type != gjson.String {
		return Result{}, missingHeader(HeaderCorrelationID, "copy it from the task command, or put it in the JSON value")
	}
	variables, err := f.setMembers(value)
	if err != nil {
		return Result{}, err
	}
	result, err := f.result(limits)
	if err != nil {
		return Result{}, err
	}
	result.Variables, err = limits.object("member variables", variables)
	return result, err
}

// setMembers takes over the members of an envelope and gives the raw text of
// its variables.
func (f *resultFields) setMembers(envelope []byte) (variables []byte, err error) {
	seen := make(map[string]bool, 8)
	gjson.ParseBytes(envelope).ForEach(func(key, value gjson.Result) bool {
		name := key.String()
		switch {
		case seen[name]:
			err = badValue("member %q occurs twice", name)
		case name == "variables":
			variables = []byte(value.Raw)
		default:
			err = f.setMember(name, value)
		}
		seen[name] = true
		return err == nil
	})
	return variables, err
}

// envelopeMembers are the names a member may have, besides variables.
var envelopeMembers = map[string]bool{
	HeaderCorrelationID: true, HeaderAttempt: true, HeaderStatus: true,
	HeaderErrorMessage: true, HeaderErrorCode: true, HeaderRetries: true, HeaderRetryAfter: true,
	HeaderCEID: true, HeaderTraceParent: true,
}

func (f *resultFields) setMember(name string, value gjson.Result) error {
	if !envelopeMembers[name] {
		return badValue("member %q is unknown: result variables belong in the member variables", name)
	}
	switch value.Type {
	case gjson.Null:
		return nil
	case gjson.String, gjson.Number:
		f.setHeader(&Header{Key: name, Value: []byte(value.String())})
		return nil
	}
	return badValue("member %q is %s: expected a string or a number", name, excerpt([]byte(value.Raw)))
}
