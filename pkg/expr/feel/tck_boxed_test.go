package feel_test

import (
	"fmt"
	"strings"
)

// boxed writes the boxed expression in e as text.
func boxed(e *element) string {
	for _, c := range e.Children {
		switch c.XMLName.Local {
		case "literalExpression":
			if strings.Contains(c.child("text").Text, " external {") {
				panic(outOfReach("external function"))
			}
			return typed("("+c.child("text").Text+"\n)", c.attr("typeRef"))
		case "context":
			return boxedContext(c)
		case "list":
			return "[" + strings.Join(eachBoxed(c.Children), ", ") + "]"
		case "relation":
			return boxedRelation(c)
		case "invocation":
			return boxedInvocation(c)
		case "functionDefinition":
			return boxedFunction(c)
		case "conditional":
			return fmt.Sprintf("(if %s then %s else %s)", boxed(c.child("if")), boxed(c.child("then")), boxed(c.child("else")))
		case "filter":
			return fmt.Sprintf("%s[%s]", boxed(c.child("in")), boxed(c.child("match")))
		case "for":
			return fmt.Sprintf("(for %s in %s return %s)", c.attr("iteratorVariable"), boxed(c.child("in")), boxed(c.child("return")))
		case "some", "every":
			return fmt.Sprintf("(%s %s in %s satisfies %s)", c.XMLName.Local, c.attr("iteratorVariable"), boxed(c.child("in")), boxed(c.child("satisfies")))
		case "decisionTable":
			panic(outOfReach("decision table"))
		}
	}
	return "null"
}

func eachBoxed(items []*element) []string {
	var texts []string
	for _, item := range items {
		if item.XMLName.Local != "description" {
			texts = append(texts, boxed(&element{Children: []*element{item}}))
		}
	}
	return texts
}

func typed(text, typeRef string) string {
	if typeRef == "" {
		return text
	}
	if i := strings.LastIndex(typeRef, ":"); i >= 0 {
		typeRef = typeRef[i+1:]
	}
	return fmt.Sprintf("(function(v: %s) v)(%s)", typeRef, text)
}

func boxedContext(c *element) string {
	var entries []string
	result := ""
	for _, e := range c.all("contextEntry") {
		name, value := e.child("variable").attr("name"), typed(boxed(e), e.child("variable").attr("typeRef"))
		if name == "" {
			name, result = "result of the context", ".result of the context"
		}
		entries = append(entries, fmt.Sprintf("%q: %s", name, value))
	}
	return "{" + strings.Join(entries, ", ") + "}" + result
}

func boxedRelation(r *element) string {
	var rows []string
	for _, row := range r.all("row") {
		var cells []string
		for i, cell := range eachBoxed(row.Children) {
			cells = append(cells, fmt.Sprintf("%q: %s", r.all("column")[i].attr("name"), cell))
		}
		rows = append(rows, "{"+strings.Join(cells, ", ")+"}")
	}
	return "[" + strings.Join(rows, ", ") + "]"
}

func boxedInvocation(c *element) string {
	var args []string
	for _, b := range c.all("binding") {
		args = append(args, b.child("parameter").attr("name")+": "+boxed(b))
	}
	return boxed(c) + "(" + strings.Join(args, ", ") + ")"
}

func boxedFunction(c *element) string {
	if kind := c.attr("kind"); kind != "" && kind != "FEEL" {
		panic(outOfReach("external function"))
	}
	var params []string
	for _, p := range c.all("formalParameter") {
		typ := p.attr("typeRef")
		if i := strings.LastIndex(typ, ":"); i >= 0 {
			typ = typ[i+1:]
		}
		params = append(params, strings.TrimSuffix(p.attr("name")+": "+typ, ": "))
	}
	return "(function(" + strings.Join(params, ", ") + ") " + boxed(c) + ")"
}
