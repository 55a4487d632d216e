package feel

import "github.com/barnabas-project/barnabas/pkg/expr"

// node is a parsed expression. at is the byte offset in the source that errors
// point to.
type node interface{ offset() int }

type at int

func (a at) offset() int { return int(a) }

type (
	literal struct {
		at
		value expr.Value
	}
	nameNode struct {
		at
		name string
	}
	// inputNode is ?, the value that unary tests are applied to.
	inputNode struct{ at }
	pathNode  struct {
		at
		base   node
		member string
	}
	filterNode struct {
		at
		base, condition node
	}
	callNode struct {
		at
		callee node
		args   []argument
	}
	argument struct {
		name  string // empty in a positional call
		value node
	}
	unaryNode struct { // arithmetic negation
		at
		operand node
	}
	binaryNode struct {
		at
		op          string
		left, right node
	}
	betweenNode struct {
		at
		value, low, high node
	}
	inNode struct {
		at
		value node
		tests []node
	}
	instanceNode struct {
		at
		value node
		typ   Type
	}
	ifNode struct {
		at
		condition, then, otherwise node
	}
	forNode struct {
		at
		iterators []iterator
		body      node
	}
	quantifiedNode struct {
		at
		every     bool
		iterators []iterator
		condition node
	}
	// iterator walks over list, or over low..high where high is not nil.
	iterator struct {
		name      string
		low, high node
	}
	listNode struct {
		at
		items []node
	}
	contextNode struct {
		at
		entries []entry
	}
	entry struct {
		key   string
		value node
	}
	rangeNode struct {
		at
		low, high             node // nil: unbounded
		lowClosed, highClosed bool
	}
	functionNode struct {
		at
		params []Parameter
		body   node
	}
	// testNode is a unary test of the form "< 5"; as a value it is a range, or
	// for "= 5" and "!= 5" a test of equality.
	testNode struct {
		at
		op      string
		operand node
	}
	// anyNode is the unary test "-", which always holds.
	anyNode struct{ at }
	// notNode is not(…) around unary tests.
	notNode struct {
		at
		tests []node
	}
)

// Parameter is a parameter of a function. A zero Type accepts every value.
type Parameter struct {
	Name string
	Type Type
}
