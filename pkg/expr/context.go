package expr

// Context is an immutable list of named values, in the order they were written.
// Use a ContextBuilder to make one.
type Context struct {
	keys   []string
	values []Value
	index  map[string]int // nil while a linear search is cheaper
}

const indexedFrom = 9 // entries from which a context has an index

// Len is the number of entries.
func (c *Context) Len() int { return len(c.keys) }

// At is the i-th entry, counted from 0.
func (c *Context) At(i int) (string, Value) { return c.keys[i], c.values[i] }

// Get is the value of an entry; ok is false if there is none by that name.
func (c *Context) Get(key string) (Value, bool) {
	if i := c.position(key); i >= 0 {
		return c.values[i], true
	}
	return Value{}, false
}

// Find is the value of an entry where it lies, which must not be changed; nil if
// there is none by that name.
func (c *Context) Find(key string) *Value {
	if i := c.position(key); i >= 0 {
		return &c.values[i]
	}
	return nil
}

// Lookup makes a context a Scope.
func (c *Context) Lookup(name string) (Value, bool) { return c.Get(name) }

func (c *Context) position(key string) int {
	if c.index != nil {
		if i, ok := c.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range c.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// ContextBuilder collects the entries of one context. The zero value is ready.
type ContextBuilder struct{ c Context }

// NewContextBuilder has room for n entries.
func NewContextBuilder(n int) *ContextBuilder {
	return &ContextBuilder{c: Context{keys: make([]string, 0, n), values: make([]Value, 0, n)}}
}

// Put sets an entry. A key that is there already keeps its place.
func (b *ContextBuilder) Put(key string, v Value) {
	c := &b.c
	if i := c.position(key); i >= 0 {
		c.values[i] = v
		return
	}
	c.keys = append(c.keys, key)
	c.values = append(c.values, v)
	switch {
	case c.index != nil:
		c.index[key] = len(c.keys) - 1
	case len(c.keys) >= indexedFrom:
		c.index = make(map[string]int, 2*len(c.keys))
		for i, k := range c.keys {
			c.index[k] = i
		}
	}
}

// PutAll sets all entries of another context.
func (b *ContextBuilder) PutAll(other *Context) {
	for i, key := range other.keys {
		b.Put(key, other.values[i])
	}
}

// Get is the value put under the key so far.
func (b *ContextBuilder) Get(key string) (Value, bool) { return b.c.Get(key) }

// Len is the number of entries so far.
func (b *ContextBuilder) Len() int { return b.c.Len() }

// Build hands out the context. The builder is empty afterwards.
func (b *ContextBuilder) Build() Value {
	c := b.c
	b.c = Context{}
	return OfContext(&c)
}
