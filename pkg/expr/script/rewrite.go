package script

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

// Guards are functions that the rewriter makes scripts call. Their names cannot be
// written in a script.
const (
	guardStep   = "\x00step"   // counts a region that begins
	guardText   = "\x00text"   // counts a string that was built, and passes it on
	guardPart   = "\x00part"   // converts a part of a template to text
	guardWeigh  = "\x00weigh"  // counts a string that is looked at, and passes it on
	guardSpread = "\x00spread" // makes an array of what can be iterated over
	guardProps  = "\x00props"  // counts the properties of an object, and passes it on
)

// rewriter walks over the tree of a script. It refuses what cannot be bounded, puts
// guards where work or text arises, and finds the free names.
type rewriter struct {
	source    string
	scopes    []map[unistring.String]bool
	cost      int // nodes of the region so far
	depth     int
	functions int // around the node
	free      []string
	seen      map[string]bool
	globals   map[string]bool // names of what is built in
	assigns   bool
	reaches   bool // execution
	err       error
}

func newRewriter(source string) *rewriter {
	return &rewriter{source: source, seen: map[string]bool{}, globals: globalNames()}
}

func (r *rewriter) refuse(n ast.Node, format string, args ...any) {
	if r.err == nil {
		r.err = expr.ErrorAt(r.source, int(n.Idx0())-1, format, args...)
	}
}

// enter counts a node and its nesting.
func (r *rewriter) enter(n ast.Node) bool {
	r.cost++
	r.depth++
	if r.depth > 4*maxNesting {
		r.refuse(n, "the script is nested deeper than %d levels", 4*maxNesting)
	}
	return r.err == nil
}

func (r *rewriter) leave() { r.depth-- }

// region runs walk, and gives the cost of the nodes in it.
func (r *rewriter) region(walk func()) int {
	outer := r.cost
	r.cost = 1
	walk()
	inner := r.cost
	r.cost = outer
	return inner
}

func guard(name unistring.String, at file.Idx, args ...ast.Expression) *ast.CallExpression {
	return &ast.CallExpression{
		Callee: &ast.Identifier{Name: name, Idx: at}, LeftParenthesis: at, RightParenthesis: at, ArgumentList: args,
	}
}

func step(cost int, at file.Idx) ast.Expression {
	return guard(guardStep, at, &ast.NumberLiteral{Idx: at, Literal: "0", Value: int64(cost)})
}

func stepStatement(cost int, at file.Idx) ast.Statement {
	return &ast.ExpressionStatement{Expression: step(cost, at)}
}

// result is the variable that keeps the value of the last expression.
const result = "\x00result"

// program makes a script the body of a function, so that nothing it declares stays
// in the runtime, and lets it return the value of its last expression.
func (r *rewriter) program(p *ast.Program) {
	if len(p.Body) == 0 {
		return
	}
	at := p.Body[0].Idx0()
	cost := r.region(func() {
		r.open(p.Body, p.DeclarationList)
		r.statements(p.Body)
		r.close()
	})
	kept := []*ast.Binding{{Target: &ast.Identifier{Name: result, Idx: at}}}
	body := afterDirectives(p.Body, stepStatement(cost, at), &ast.VariableStatement{Var: at, List: kept})
	body = append(body, &ast.ReturnStatement{Return: at, Argument: &ast.Identifier{Name: result, Idx: at}})
	f := &ast.ArrowFunctionLiteral{
		Start: at, ParameterList: &ast.ParameterList{Opening: at, Closing: at}, Body: &ast.BlockStatement{LeftBrace: at, List: body, RightBrace: at},
		DeclarationList: append(p.DeclarationList, &ast.VariableDeclaration{Var: at, List: kept}),
	}
	p.Body, p.DeclarationList = []ast.Statement{&ast.ExpressionStatement{Expression: f}}, nil
}

// keep stores the value of an expression that is a statement of the script itself.
func (r *rewriter) keep(e ast.Expression) ast.Expression {
	if r.functions > 0 {
		return e
	}
	return &ast.AssignExpression{Operator: token.ASSIGN, Left: &ast.Identifier{Name: result, Idx: e.Idx0()}, Right: e}
}

// afresh forgets the value of earlier statements before a test.
func (r *rewriter) afresh(test ast.Expression) ast.Expression {
	if r.functions > 0 {
		return test
	}
	at := test.Idx0()
	nothing := &ast.UnaryExpression{Operator: token.VOID, Idx: at, Operand: &ast.NumberLiteral{Idx: at, Literal: "0", Value: int64(0)}}
	return &ast.SequenceExpression{Sequence: []ast.Expression{r.keep(nothing), test}}
}

// afterDirectives puts statements behind "use strict".
func afterDirectives(body []ast.Statement, first ...ast.Statement) []ast.Statement {
	at := 0
	for ; at < len(body); at++ {
		if e, ok := body[at].(*ast.ExpressionStatement); !ok {
			break
		} else if _, ok := e.Expression.(*ast.StringLiteral); !ok {
			break
		}
	}
	out := append([]ast.Statement{}, body[:at]...)
	return append(append(out, first...), body[at:]...)
}

func (r *rewriter) statements(list []ast.Statement) {
	for _, s := range list {
		r.statement(s)
	}
}

func (r *rewriter) block(b *ast.BlockStatement) {
	if b == nil {
		return
	}
	r.open(b.List, nil)
	r.statements(b.List)
	r.close()
}

func (r *rewriter) statement(s ast.Statement) {
	if s == nil || !r.enter(s) {
		return
	}
	defer r.leave()
	switch s := s.(type) {
	case *ast.ExpressionStatement:
		if text, ok := s.Expression.(*ast.StringLiteral); !ok || text.Value != "use strict" {
			s.Expression = r.keep(r.value(s.Expression))
		}
	case *ast.VariableStatement:
		r.bindings(s.List)
	case *ast.LexicalDeclaration:
		r.bindings(s.List)
	case *ast.FunctionDeclaration:
		r.function(s.Function)
	case *ast.BlockStatement:
		r.block(s)
	case *ast.IfStatement:
		s.Test = r.afresh(r.value(s.Test))
		r.statement(s.Consequent)
		r.statement(s.Alternate)
	case *ast.ReturnStatement:
		s.Argument = r.value(s.Argument)
	case *ast.ThrowStatement:
		s.Argument = r.value(s.Argument)
	case *ast.LabelledStatement:
		r.statement(s.Statement)
	case *ast.BranchStatement, *ast.EmptyStatement, *ast.DebuggerStatement:
	default:
		r.compound(s)
	}
}

func (r *rewriter) compound(s ast.Statement) {
	switch s := s.(type) {
	case *ast.SwitchStatement:
		r.choice(s)
	case *ast.TryStatement:
		r.attempt(s)
	case *ast.WhileStatement:
		s.Test, _, s.Body = r.loop(s.Test, nil, s.Body)
	case *ast.DoWhileStatement:
		s.Test, _, s.Body = r.loop(s.Test, nil, s.Body)
	case *ast.ForStatement:
		r.forLoop(s)
	case *ast.ForInStatement:
		s.Source = guard(guardProps, s.For, r.value(s.Source))
		s.Body = r.forEach(s.Into, s.Body)
	case *ast.ForOfStatement:
		s.Source = r.value(s.Source)
		s.Body = r.forEach(s.Into, s.Body)
	case *ast.ClassDeclaration:
		r.refuse(s, "classes are not available in scripts; use functions and objects")
	case *ast.WithStatement:
		r.refuse(s, "with is not available in scripts; name the object each time")
	default:
		r.refuse(s, "this statement is not available in scripts")
	}
}

// loop counts a turn: what its body and its test cost. The test is counted once
// more around it, for the time when it ends the loop.
func (r *rewriter) loop(test, update ast.Expression, body ast.Statement) (ast.Expression, ast.Expression, ast.Statement) {
	tested := 0
	at := body.Idx0()
	turn := r.region(func() {
		tested = r.region(func() { test, update = r.value(test), r.value(update) })
		r.statement(body)
	})
	r.cost += tested
	return test, update, r.counted(turn+tested, at, body)
}

func (r *rewriter) counted(cost int, at file.Idx, body ast.Statement) ast.Statement {
	return &ast.BlockStatement{LeftBrace: at, RightBrace: at, List: []ast.Statement{stepStatement(cost, at), body}}
}

func (r *rewriter) forLoop(s *ast.ForStatement) {
	r.openNames()
	switch init := s.Initializer.(type) {
	case *ast.ForLoopInitializerExpression:
		init.Expression = r.value(init.Expression)
	case *ast.ForLoopInitializerVarDeclList:
		r.bindings(init.List)
	case *ast.ForLoopInitializerLexicalDecl:
		r.declare(init.LexicalDeclaration.List)
		r.bindings(init.LexicalDeclaration.List)
	}
	s.Test, s.Update, s.Body = r.loop(s.Test, s.Update, s.Body)
	r.close()
}

func (r *rewriter) forEach(into ast.ForInto, body ast.Statement) ast.Statement {
	r.openNames()
	defer r.close()
	at := body.Idx0()
	turn := r.region(func() {
		switch into := into.(type) {
		case *ast.ForIntoVar:
			r.target(into.Binding.Target)
		case *ast.ForDeclaration:
			r.declareTarget(into.Target)
			r.target(into.Target)
		case *ast.ForIntoExpression:
			into.Expression = r.value(into.Expression)
		}
		r.statement(body)
	})
	r.cost += turn
	return r.counted(turn, at, body)
}

func (r *rewriter) choice(s *ast.SwitchStatement) {
	s.Discriminant = r.afresh(guard(guardWeigh, s.Switch, r.value(s.Discriminant)))
	r.openNames()
	defer r.close()
	for _, c := range s.Body {
		r.declareStatements(c.Consequent)
	}
	for _, c := range s.Body {
		c.Test = r.value(c.Test)
		r.statements(c.Consequent)
	}
}

func (r *rewriter) attempt(s *ast.TryStatement) {
	r.block(s.Body)
	if s.Catch != nil {
		r.openNames()
		if s.Catch.Parameter != nil {
			r.declareTarget(s.Catch.Parameter)
			r.target(s.Catch.Parameter)
		}
		r.block(s.Catch.Body)
		r.close()
	}
	r.block(s.Finally)
}

// bindings are declarations with their initial values.
func (r *rewriter) bindings(list []*ast.Binding) {
	for _, b := range list {
		b.Initializer = r.value(b.Initializer)
		r.target(b.Target)
	}
}

// function counts a call: what its body costs, not what it defines.
func (r *rewriter) function(f *ast.FunctionLiteral) {
	if f.Async || f.Generator {
		r.refuse(f, "async functions and generators are not available in scripts; compute the value at once")
		return
	}
	r.functions++
	defer func() { r.functions-- }()
	cost := r.region(func() {
		r.openNames("arguments")
		if f.Name != nil {
			r.scopes[len(r.scopes)-1][f.Name.Name] = true
		}
		r.parameters(f.ParameterList)
		r.open(f.Body.List, f.DeclarationList)
		r.statements(f.Body.List)
		r.close()
		r.close()
	})
	f.Body.List = afterDirectives(f.Body.List, stepStatement(cost, f.Body.LeftBrace))
}

func (r *rewriter) arrow(f *ast.ArrowFunctionLiteral) {
	if f.Async {
		r.refuse(f, "async functions are not available in scripts; compute the value at once")
		return
	}
	r.functions++
	r.openNames()
	defer func() {
		r.functions--
		r.close()
	}()
	switch body := f.Body.(type) {
	case *ast.ExpressionBody:
		at := body.Expression.Idx0()
		cost := r.region(func() {
			r.parameters(f.ParameterList)
			body.Expression = r.value(body.Expression)
		})
		body.Expression = &ast.SequenceExpression{Sequence: []ast.Expression{step(cost, at), body.Expression}}
	case *ast.BlockStatement:
		cost := r.region(func() {
			r.parameters(f.ParameterList)
			r.open(body.List, f.DeclarationList)
			r.statements(body.List)
			r.close()
		})
		body.List = afterDirectives(body.List, stepStatement(cost, body.LeftBrace))
	}
}

func (r *rewriter) parameters(list *ast.ParameterList) {
	r.declare(list.List)
	if list.Rest != nil {
		r.declareTarget(list.Rest)
		r.target(list.Rest)
	}
	r.bindings(list.List)
}
