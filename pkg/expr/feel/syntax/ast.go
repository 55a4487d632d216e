package syntax

import "github.com/barnabas-project/barnabas/pkg/expr"

// Node is a parsed expression. Its offset in the source is what errors point to.
type Node interface{ Offset() int }

type at int

// Offset is the byte offset of the node in the source.
func (a at) Offset() int { return int(a) }

// Operands of the language.
type (
	// Literal is a number, string, boolean, null or @"…".
	Literal struct {
		at
		Value expr.Value
	}
	// Name is a variable or function.
	Name struct {
		at
		Name string
	}
	// Input is ?, the value that unary tests are applied to.
	Input struct{ at }
	// List is [a, b].
	List struct {
		at
		Items []Node
	}
	// Context is {key: value}; later entries see earlier ones.
	Context struct {
		at
		Entries []Entry
	}
	// Entry is one entry of a Context.
	Entry struct {
		Key   string
		Value Node
	}
	// Range is [low..high] with either end open or closed.
	Range struct {
		at
		Low, High             Node
		LowClosed, HighClosed bool
	}
	// Function is function(params) body.
	Function struct {
		at
		Params []Parameter
		Body   Node
	}
	// Parameter is a parameter of a function. A zero Type accepts every value.
	Parameter struct {
		Name string
		Type Type
	}
)

// Operations on operands.
type (
	// Path is base.member.
	Path struct {
		at
		Base   Node
		Member string
	}
	// Filter is base[condition].
	Filter struct {
		at
		Base, Condition Node
	}
	// Call is callee(args).
	Call struct {
		at
		Callee Node
		Args   []Argument
	}
	// Argument is an argument of a Call, with a name in all of them or in none.
	Argument struct {
		Name  string
		Value Node
	}
	// Negation is -operand.
	Negation struct {
		at
		Operand Node
	}
	// Binary is an arithmetic, comparing or logical operation.
	Binary struct {
		at
		Op          string
		Left, Right Node
	}
	// Between is value between low and high.
	Between struct {
		at
		Value, Low, High Node
	}
	// In is value in (tests).
	In struct {
		at
		Value Node
		Tests []Node
	}
	// InstanceOf is value instance of type.
	InstanceOf struct {
		at
		Value Node
		Type  Type
	}
)

// Expressions that begin with a keyword.
type (
	// If is if condition then … else ….
	If struct {
		at
		Condition, Then, Otherwise Node
	}
	// For is for iterators return body.
	For struct {
		at
		Iterators []Iterator
		Body      Node
	}
	// Quantified is some or every iterators satisfies condition.
	Quantified struct {
		at
		Every     bool
		Iterators []Iterator
		Condition Node
	}
	// Iterator walks over the list Low, or over Low..High where High is not nil.
	Iterator struct {
		Name      string
		Low, High Node
	}
)

// Unary tests; an expression is one as well.
type (
	// Test is a comparison without its left side, such as < 5. As a value it is a
	// range.
	Test struct {
		at
		Op      string
		Operand Node
	}
	// Any is "-", which always holds.
	Any struct{ at }
	// Not is not(tests).
	Not struct {
		at
		Tests []Node
	}
)
