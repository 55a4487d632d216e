package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of variables. They are part of the contract with senders and models.
const (
	// MaxVariableBytes bounds the names and values that one instance may hold,
	// and the length of one JSON object of variables.
	MaxVariableBytes = 4 << 20
	// MaxVariableDepth bounds the nesting of objects and arrays in an object of
	// variables, itself included.
	MaxVariableDepth = 100
)

// Variables are the members of a JSON object, sorted by name, names unique.
// Values stay raw: what no expression touches is never decoded, and numbers
// keep all their digits.
//
// Variables are immutable: Set and Merge return a new slice, which shares the
// values. So events, commands and states may hold the same Variables, and
// nobody may write into a Value.
type Variables []Variable

// Variable is one member. Value is a valid JSON text without surrounding space.
type Variable struct {
	Name  string
	Value json.RawMessage
}

// ParseVariables reads a JSON object (RFC 8259): valid UTF-8, no member twice,
// at most MaxVariableBytes long and MaxVariableDepth deep. Nil and empty input
// give no variables. The result does not alias src. Errors name the offset.
func ParseVariables(src []byte) (Variables, error) {
	if len(src) == 0 {
		return nil, nil
	}
	if len(src) > MaxVariableBytes {
		return nil, fmt.Errorf("variables: %d bytes; at most %d are allowed", len(src), MaxVariableBytes)
	}
	v, err := parseObject(src, MaxVariableDepth)
	if err != nil {
		return nil, fmt.Errorf("variables: %w", err)
	}
	return v, nil
}

func parseObject(src []byte, depth int) (Variables, error) {
	var space [16]member
	c := scanner{src: src}
	members, err := c.object(space[:0], depth)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	v := copyMembers(src, members)
	slices.SortFunc(v, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(v); i++ {
		if v[i].Name == v[i-1].Name {
			return nil, fmt.Errorf("member %q occurs twice; names must be unique", v[i].Name)
		}
	}
	return v, nil
}

// copyMembers takes names and values out of src in three allocations, so that
// nothing holds on to the record the object came in.
func copyMembers(src []byte, members []member) Variables {
	names, values := 0, 0
	for _, m := range members {
		names += m.nameEnd - m.name
		values += m.valueEnd - m.value
	}
	var text strings.Builder
	text.Grow(names)
	raw := make([]byte, 0, values)
	v := make(Variables, 0, len(members))
	for _, m := range members {
		at, from := len(raw), text.Len()
		raw = append(raw, src[m.value:m.valueEnd]...)
		text.Write(src[m.name:m.nameEnd])
		name := text.String()[from:]
		if m.escaped {
			name = unescape(name)
		}
		v = append(v, Variable{Name: name, Value: raw[at:len(raw):len(raw)]})
	}
	return v
}

// unescape decodes the inside of a JSON string that is known to be valid.
func unescape(inside string) string {
	var name string
	if err := json.Unmarshal([]byte(`"`+inside+`"`), &name); err != nil {
		return inside
	}
	return name
}

// Get is the value of the variable name.
func (v Variables) Get(name string) (json.RawMessage, bool) {
	i, found := v.find(name)
	if !found {
		return nil, false
	}
	return v[i].Value, true
}

func (v Variables) find(name string) (int, bool) {
	return slices.BinarySearchFunc(v, name, func(m Variable, name string) int {
		return strings.Compare(m.Name, name)
	})
}

// Set returns the variables with name set to value, a valid JSON text that is
// not changed afterwards. v stays as it is.
func (v Variables) Set(name string, value json.RawMessage) Variables {
	i, found := v.find(name)
	set := make(Variables, 0, len(v)+1)
	set = append(append(set, v[:i]...), Variable{name, value})
	if found {
		i++
	}
	return append(set, v[i:]...)
}

// Merge returns the variables of both; over wins where both have a name.
// Neither is changed.
func (v Variables) Merge(over Variables) Variables {
	if len(v) == 0 {
		return over
	}
	if len(over) == 0 {
		return v
	}
	merged := make(Variables, 0, len(v)+len(over))
	for len(v) > 0 && len(over) > 0 {
		switch order := strings.Compare(v[0].Name, over[0].Name); {
		case order < 0:
			merged, v = append(merged, v[0]), v[1:]
		case order > 0:
			merged, over = append(merged, over[0]), over[1:]
		default:
			merged, v, over = append(merged, over[0]), v[1:], over[1:]
		}
	}
	return append(append(merged, v...), over...)
}

// AppendJSON appends the variables as a JSON object.
func (v Variables) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, m.Name), ':')
		dst = append(dst, m.Value...)
	}
	return append(dst, '}')
}

// size is what counts towards MaxVariableBytes: bytes of names and values.
func (v Variables) size() int {
	n := 0
	for _, m := range v {
		n += len(m.Name) + len(m.Value)
	}
	return n
}

var errPathTooDeep = errors.New("the nested value would be deeper than allowed")

// setPath returns the JSON object old with the value set under path; what is
// not an object on the way is replaced by one.
func setPath(old json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, error) {
	if len(path) == 0 {
		return value, nil
	}
	if len(path) >= MaxVariableDepth {
		return nil, errPathTooDeep
	}
	var members Variables
	if len(old) > 0 && old[0] == '{' {
		var err error
		if members, err = parseObject(old, maxScanDepth); err != nil {
			return nil, err
		}
	}
	inner, _ := members.Get(path[0])
	inner, err := setPath(inner, path[1:], value)
	if err != nil {
		return nil, err
	}
	return members.Set(path[0], inner).AppendJSON(nil), nil
}
