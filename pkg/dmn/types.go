package dmn

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/barnabas-project/barnabas/pkg/expr"
	"github.com/barnabas-project/barnabas/pkg/expr/feel/syntax"
	"github.com/barnabas-project/barnabas/pkg/xmldoc"
)

// itemType is a type of the model: a shape that FEEL knows, and constraints that
// it does not. A nil *itemType admits everything.
type itemType struct {
	name    string
	shape   syntax.Type
	size    int                             // components, those of components included
	fields  []itemField                     // of a context
	element *itemType                       // of a collection
	result  *itemType                       // of a function
	parse   func(string) (expr.Value, bool) // reads the strings that stand for its values in JSON
	reads   bool                            // parse is set, here or in a part
	// allowed restricts the value, or the elements of a collection made of a type
	// that has it; whole restricts the collection.
	allowed, whole *tests
}

type itemField struct {
	name string
	typ  *itemType
}

// String is the name that the model gives the type, or FEEL.
func (t *itemType) String() string {
	switch {
	case t == nil:
		return "Any"
	case t.name != "":
		return t.name
	}
	return t.shape.String()
}

// ofResult is the type of what a function gives whose type is t: models say that of
// the function, or that of its result.
func (t *itemType) ofResult() *itemType {
	switch {
	case t != nil && t.result != nil:
		return t.result
	case t == nil || t.shape.String() == expr.KindFunction.String():
		return nil
	}
	return t
}

// typeReader resolves item definitions, each when it is first named.
type typeReader struct {
	*parser
	pending map[string]*etree.Element
	reading map[string]bool
}

// readTypes compiles the item definitions.
func (p *parser) readTypes() {
	p.model.types = map[string]*itemType{}
	r := &typeReader{parser: p, pending: map[string]*etree.Element{}, reading: map[string]bool{}}
	definitions := p.all(p.doc.Root, "itemDefinition")
	for _, e := range definitions {
		name := nameOf(e)
		switch {
		case name == "":
			p.problem(e, CodeIdentity, "an item definition has no name: give it one")
		case r.pending[name] != nil:
			p.problem(e, CodeIdentity, "an item definition %q is already on line %d: give one of the two another name", shorten(name), p.doc.At(r.pending[name]).Line)
		default:
			r.pending[name] = e
		}
	}
	for _, e := range definitions {
		r.named(nameOf(e))
	}
}

// named is the type of an item definition; nil if the model has none by the name.
func (r *typeReader) named(name string) *itemType {
	if t := r.model.types[name]; t != nil {
		return t
	}
	e := r.pending[name]
	if e == nil {
		return nil
	}
	if r.reading[name] {
		r.problem(e, CodeStructure, "the item definition %q contains itself: a value of it would never end", shorten(name))
		return &itemType{name: name}
	}
	r.reading[name] = true
	t := r.item(e)
	t.name = name
	delete(r.reading, name)
	r.model.types[name] = t
	return t
}

// item compiles an item definition or component.
func (r *typeReader) item(e *etree.Element) *itemType {
	t := r.base(e)
	t.allowed = r.constraint(e, "allowedValues")
	if isTrue(e, "isCollection") {
		t = &itemType{shape: syntax.ListOf(t.shape), element: t, reads: t.reads, size: t.size + 1}
	}
	t.whole = both(t.whole, r.constraint(e, "typeConstraint"))
	if t.size > r.cfg.MaxTypeSize {
		r.problem(e, CodeLimit, "the item definition has more than %d components, those of its components included: make it simpler", r.cfg.MaxTypeSize)
		return &itemType{size: 1}
	}
	return t
}

// base is the type without what restricts it.
func (r *typeReader) base(e *etree.Element) *itemType {
	if components := r.all(e, "itemComponent"); len(components) > 0 {
		return r.components(components)
	}
	if f := child(e, "functionItem"); f != nil {
		return r.function(f)
	}
	ref := child(e, "typeRef")
	if ref == nil {
		return &itemType{size: 1}
	}
	referred := r.resolve(ref, xmldoc.Content(ref))
	if referred == nil {
		return &itemType{size: 1}
	}
	// A type of its own, for it may restrict what it refers to further.
	return &itemType{shape: referred.shape, size: referred.size, fields: referred.fields, element: referred.element,
		result: referred.result, parse: referred.parse, reads: referred.reads, whole: both(referred.whole, referred.allowed)}
}

func (r *typeReader) components(components []*etree.Element) *itemType {
	t := &itemType{size: 1}
	var shape []syntax.Field
	for _, c := range components {
		f := itemField{name: nameOf(c), typ: r.item(c)}
		if f.name == "" {
			r.problem(c, CodeIdentity, "a component of an item definition has no name: give it one")
		}
		t.fields = append(t.fields, f)
		shape = append(shape, syntax.Field{Name: f.name, Type: f.typ.shape})
		t.size += f.typ.size
		t.reads = t.reads || f.typ.reads
	}
	t.shape = syntax.ContextOf(shape...)
	return t
}

func (r *typeReader) function(f *etree.Element) *itemType {
	var params []syntax.Type
	for _, e := range r.all(f, "parameters") {
		param := syntax.Type{}
		if ref := xmldoc.Attr(e, "typeRef"); ref != "" {
			if t := r.resolve(e, ref); t != nil {
				param = t.shape
			}
		}
		params = append(params, param)
	}
	result := &itemType{}
	if ref := xmldoc.Attr(f, "outputTypeRef"); ref != "" {
		if t := r.resolve(f, ref); t != nil {
			result = t
		}
	}
	return &itemType{shape: syntax.FunctionOf(params...), size: len(params) + 1, result: result}
}

func (r *typeReader) resolve(e *etree.Element, ref string) *itemType {
	return r.typeByName(e, ref, r.named)
}

// typeRef is the type that the element refers to; nil for any.
func (p *parser) typeRef(e *etree.Element) *itemType {
	ref, ok := xmldoc.Attribute(e, "typeRef")
	if !ok {
		return nil
	}
	return p.typeByName(e, ref, func(name string) *itemType { return p.model.types[name] })
}

// aliases are names of types that modelers write and FEEL does not have.
var aliases = map[string]string{
	"integer": "number", "long": "number", "double": "number", "short": "number", "float": "number", "int": "number", "decimal": "number",
	"<Undefined>": "Any", "Undefined": "Any",
}

// typeByName finds a type: of this model, of an imported one, or of FEEL. A prefix
// before a colon is passed over.
func (p *parser) typeByName(e *etree.Element, ref string, own func(name string) *itemType) *itemType {
	name := strings.Join(strings.Fields(ref), " ")
	if name == "" {
		return nil
	}
	for _, candidate := range []string{name, name[strings.LastIndexByte(name, ':')+1:]} {
		if t := own(candidate); t != nil {
			return t
		}
		if t := p.importedType(candidate); t != nil {
			return t
		}
		if alias, ok := aliases[candidate]; ok {
			candidate = alias
		}
		if shape, err := syntax.ParseType(candidate, p.shapes); err == nil {
			if shape.IsAny() {
				return nil
			}
			parse := temporal[shape.String()]
			return &itemType{shape: shape, size: 1, parse: parse, reads: parse != nil}
		}
	}
	if p.isAbsent("", name) {
		return nil
	}
	p.flaw(e, CodeReference, "the type %q is neither one of FEEL nor an item definition of the model: use one such as number, string, boolean or date, or define it", shorten(name))
	return nil
}

func (p *parser) importedType(name string) *itemType {
	for _, i := range p.model.imports {
		prefix := qualified(i.name, "")
		if rest, ok := strings.CutPrefix(name, prefix); ok && i.model.types[rest] != nil {
			return i.model.types[rest]
		}
	}
	return nil
}

// constraint compiles the unary tests of a child element; nil if there are none.
func (p *parser) constraint(e *etree.Element, tag string) *tests {
	c := child(e, tag)
	if c == nil || textOf(c) == "" {
		return nil
	}
	return p.unaryTests(c, feelLanguage)
}

// both is a test that two tests make, either of which may be nil.
func both(a, b *tests) *tests {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	combined := *b
	combined.also = a
	return &combined
}

// temporal read the strings that stand for temporal values where values come from
// JSON, by the name of the type.
var temporal = map[string]func(string) (expr.Value, bool){
	expr.KindDate.String(): expr.ParseDate, expr.KindTime.String(): expr.ParseTime, expr.KindDateTime.String(): expr.ParseDateTime,
	expr.KindDaysTime.String(): expr.ParseDuration, expr.KindYearsMonths.String(): expr.ParseDuration,
}

// read makes temporal values of the strings in an input where the type has them.
func (t *itemType) read(v expr.Value) expr.Value {
	if t == nil || !t.reads {
		return v
	}
	if text, ok := v.AsString(); ok && t.parse != nil {
		if parsed, ok := t.parse(text); ok && t.shape.Contains(parsed) {
			return parsed
		}
	}
	if items, ok := v.AsList(); ok && t.element != nil {
		read := make([]expr.Value, len(items))
		for i, item := range items {
			read[i] = t.element.read(item)
		}
		return expr.List(read...)
	}
	c, ok := v.AsContext()
	if !ok || len(t.fields) == 0 {
		return v
	}
	b := expr.NewContextBuilder(c.Len())
	b.PutAll(c)
	for _, f := range t.fields {
		if member, ok := c.Get(f.name); ok {
			b.Put(f.name, f.typ.read(member))
		}
	}
	return b.Build()
}

// fit makes a value fit the type, or else null.
func (t *itemType) fit(r *evaluation, id, what string, v expr.Value) (expr.Value, error) {
	if t == nil || v.IsNull() {
		return v, nil
	}
	if err := r.charge(int(min(v.Size()/64, 1<<30))); err != nil {
		return expr.Null(), err
	}
	fitting, ok := t.shape.Coerce(v)
	if !ok {
		return r.null(id, "%s%s", what, cmp.Or(t.misfit(v), " is "+v.Describe()+", not of type "+shorten(t.String())))
	}
	why, err := t.violation(r, fitting)
	if err != nil || why == "" {
		return fitting, err
	}
	return r.null(id, "%s%s", what, why)
}

// misfit says which part of a value is not of the shape, such as ".lines[2].count
// is the string …"; it is empty if all are.
func (t *itemType) misfit(v expr.Value) string {
	if t == nil || v.IsNull() || t.shape.IsAny() {
		return ""
	}
	if items, ok := v.AsList(); ok && t.element != nil {
		for i, item := range items {
			if why := t.element.misfit(item); why != "" {
				return fmt.Sprintf("[%d]%s", i+1, why)
			}
		}
	}
	if c, ok := v.AsContext(); ok {
		for _, f := range t.fields {
			member, found := c.Get(f.name)
			if !found {
				return fmt.Sprintf(" has no entry %q; give it, if only as null", shorten(f.name))
			}
			if why := f.typ.misfit(member); why != "" {
				return "." + shorten(f.name) + why
			}
		}
	}
	if t.shape.Contains(v) {
		return ""
	}
	return fmt.Sprintf(" is %s, not of type %s", v.Describe(), shorten(t.String()))
}

// violation says which part of a value of the right shape is not allowed; it is
// empty if all are. Null is allowed.
func (t *itemType) violation(r *evaluation, v expr.Value) (string, error) {
	if t == nil || v.IsNull() {
		return "", nil
	}
	for _, constraint := range []*tests{t.allowed, t.whole} {
		if constraint == nil {
			continue
		}
		ok, err := constraint.hold(r, r.in(nil), v)
		if err != nil {
			return "", err
		}
		if !ok {
			return fmt.Sprintf(" is %s; allowed is %s", v.Describe(), shorten(constraint.String())), nil
		}
	}
	if items, ok := v.AsList(); ok && t.element != nil {
		for i, item := range items {
			if why, err := t.element.violation(r, item); why != "" || err != nil {
				return fmt.Sprintf("[%d]%s", i+1, why), err
			}
		}
	}
	if c, ok := v.AsContext(); ok {
		for _, f := range t.fields {
			member, _ := c.Get(f.name)
			if why, err := f.typ.violation(r, member); why != "" || err != nil {
				return "." + shorten(f.name) + why, err
			}
		}
	}
	return "", nil
}
