package script

import (
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/unistring"
)

// openNames begins a scope that declares names.
func (r *rewriter) openNames(names ...unistring.String) {
	scope := map[unistring.String]bool{}
	for _, name := range names {
		scope[name] = true
	}
	r.scopes = append(r.scopes, scope)
}

// open begins the scope of a list of statements; hoisted are the variables of the
// function that it is the body of.
func (r *rewriter) open(list []ast.Statement, hoisted []*ast.VariableDeclaration) {
	r.openNames()
	for _, v := range hoisted {
		r.declare(v.List)
	}
	r.declareStatements(list)
}

func (r *rewriter) close() { r.scopes = r.scopes[:len(r.scopes)-1] }

func (r *rewriter) declareStatements(list []ast.Statement) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.LexicalDeclaration:
			r.declare(s.List)
		case *ast.FunctionDeclaration:
			r.declareTarget(s.Function.Name)
		}
	}
}

func (r *rewriter) declare(list []*ast.Binding) {
	for _, b := range list {
		r.declareTarget(b.Target)
	}
}

// declareTarget declares the names in a target.
func (r *rewriter) declareTarget(e ast.Expression) {
	switch e := e.(type) {
	case *ast.Identifier:
		r.scopes[len(r.scopes)-1][e.Name] = true
	case *ast.Binding:
		r.declareTarget(e.Target)
	case *ast.AssignExpression:
		r.declareTarget(e.Left)
	case *ast.ArrayPattern:
		for _, element := range e.Elements {
			r.declareTarget(element)
		}
	case *ast.ObjectPattern:
		for _, p := range e.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				r.declareTarget(&p.Name)
			case *ast.PropertyKeyed:
				r.declareTarget(p.Value)
			}
		}
	}
}

func (r *rewriter) isDeclared(name unistring.String) bool {
	return slices.ContainsFunc(r.scopes, func(scope map[unistring.String]bool) bool { return scope[name] })
}

// refusedNames are what other engines have, and what to do instead.
var refusedNames = map[string]string{
	"Java": noJava, "Packages": noJava, "java": noJava, "javax": noJava, "importClass": noJava, "importPackage": noJava, "JavaImporter": noJava,
	"eval": noCode, "Function": noCode,
	"Symbol": noSuch, "Proxy": noSuch, "Reflect": noSuch, "WeakMap": noSuch, "WeakSet": noSuch, "WeakRef": noSuch, "ArrayBuffer": noSuch,
	"Promise": noWaiting, "setTimeout": noWaiting, "setInterval": noWaiting, "setImmediate": noWaiting, "queueMicrotask": noWaiting,
	"BigInt":  "use a number, or a string of digits",
	"require": noModules, "load": noModules, "fetch": noModules, "XMLHttpRequest": noModules, "process": "",
}

const (
	noJava    = "there is no Java here: use JavaScript's own objects (Date, Math, JSON), or make it a service task"
	noCode    = "code cannot be made of text"
	noSuch    = "use plain objects, arrays, Map and Set"
	noWaiting = "a script computes at once; use a timer event or a service task to wait"
	noModules = "a script has no input or output; make it a service task"
)

// refusedCalls are functions of Camunda that other engines put beside a script.
var refusedCalls = map[string]string{
	"S":       "variables that are JSON are plain objects: write order.id for S(order).prop(\"id\").value(), and JSON.parse for text",
	"XML":     "make it a service task",
	"connect": "make it a service task",
}

// identifier is a name that is read or assigned to.
func (r *rewriter) identifier(e *ast.Identifier) {
	if r.isDeclared(e.Name) {
		return
	}
	name := e.Name.String()
	if advice := refusedNames[name]; advice != "" {
		r.refuse(e, "%s is not available in scripts; %s", name, advice)
		return
	}
	r.reads(name)
}

// reads notes a free name.
func (r *rewriter) reads(name string) {
	if name == execution {
		r.reaches = true
	}
	if name == execution || r.seen[name] || r.globals[name] {
		return
	}
	r.seen[name] = true
	r.free = append(r.free, name)
}

// member refuses packages of Java, which look like members of a variable.
func (r *rewriter) member(e *ast.DotExpression) {
	root, ok := e.Left.(*ast.Identifier)
	if !ok || r.isDeclared(root.Name) {
		return
	}
	switch root.Name.String() + "." + e.Identifier.Name.String() {
	case "org.camunda", "org.apache", "org.springframework", "com.fasterxml", "com.google":
		r.refuse(e, "%s.%s is a package of Java; %s", root.Name, e.Identifier.Name, noJava)
	}
}

// execution is the name of the object by which a script reaches its instance.
const execution = "execution"

// executionCall checks the calls of methods of execution.
func (r *rewriter) executionCall(e *ast.CallExpression) {
	dot, ok := e.Callee.(*ast.DotExpression)
	if !ok {
		return
	}
	base, ok := dot.Left.(*ast.Identifier)
	if !ok || base.Name != execution || r.isDeclared(base.Name) {
		return
	}
	method := dot.Identifier.Name.String()
	if _, isGetter := getters[method]; !isGetter && !slices.Contains(executionMethods, method) {
		r.refuse(dot, "execution.%s() is not available in scripts; there are %s and getters of ids", method, strings.Join(executionMethods, ", "))
		return
	}
	if strings.HasPrefix(method, "set") || strings.HasPrefix(method, "remove") {
		r.assigns = true
	}
	if len(e.ArgumentList) > 0 && strings.HasPrefix(method, "get") {
		if name, ok := e.ArgumentList[0].(*ast.StringLiteral); ok {
			r.reads(name.Value.String())
		}
	}
}

func text(s string, at file.Idx) *ast.StringLiteral {
	return &ast.StringLiteral{Idx: at, Literal: "\"\"", Value: unistring.NewFromString(s)}
}
