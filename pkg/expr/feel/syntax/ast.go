package syntax

import "github.com/barnabas-project/barnabas/pkg/expr"

// Node is a parsed expression. Its offset in the source is what errors point to.
type Node interface{ Offset() int }

type at int

// Offset is the byte offset of the node in the source.
func (a at) Offset() int { return int(a) }

type (
	Literal struct {
		at
		Value expr.Value
	}
	Name struct {
		at
		Name string
	}
	// inputNode is ?, the value that unary tests are applied to.
	Input struct{ at }
	Path  struct {
		at
		Base   Node
		Member string
	}
	Filter struct {
		at
		Base, Condition Node
	}
	Call struct {
		at
		Callee Node
		Args   []Argument
	}
	Argument struct {
		Name  string // empty in a positional call
		Value Node
	}
	Negation struct { // arithmetic negation
		at
		Operand Node
	}
	Binary struct {
		at
		Op          string
		Left, Right Node
	}
	Between struct {
		at
		Value, Low, High Node
	}
	In struct {
		at
		Value Node
		Tests []Node
	}
	InstanceOf struct {
		at
		Value Node
		Type  Type
	}
	If struct {
		at
		Condition, Then, Otherwise Node
	}
	For struct {
		at
		Iterators []Iterator
		Body      Node
	}
	Quantified struct {
		at
		Every     bool
		Iterators []Iterator
		Condition Node
	}
	// iterator walks over list, or over low..high where high is not nil.
	Iterator struct {
		Name      string
		Low, High Node
	}
	List struct {
		at
		Items []Node
	}
	Context struct {
		at
		Entries []Entry
	}
	Entry struct {
		Key   string
		Value Node
	}
	Range struct {
		at
		Low, High             Node // nil: unbounded
		LowClosed, HighClosed bool
	}
	Function struct {
		at
		Params []Parameter
		Body   Node
	}
	// testNode is a unary test of the form "< 5"; as a value it is a range, or
	// for "= 5" and "!= 5" a test of equality.
	Test struct {
		at
		Op      string
		Operand Node
	}
	// anyNode is the unary test "-", which always holds.
	Any struct{ at }
	// notNode is not(…) around unary tests.
	Not struct {
		at
		Tests []Node
	}
)

// Parameter is a parameter of a function. A zero Type accepts every value.
type Parameter struct {
	Name string
	Type Type
}
