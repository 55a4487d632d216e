package feel

import "github.com/barnabas-project/barnabas/pkg/expr"

func contextFunctions() []*builtin {
	return []*builtin{
		function("get value", getValue, "m, key", "context, key", "context, keys"),
		function("get entries", getEntries, "m", "context"),
		function("context", contextOf, "entries"),
		function("context put", contextPut, "context, key, value", "context, keys, value"),
		function("put", contextPut, "context, key, value"),
		function("context merge", contextMerge, "contexts", "contexts..."),
		function("put all", contextMerge, "contexts", "contexts..."),
	}
}

// getValue takes a key, or a list of keys that lead through nested contexts.
func getValue(c *invocation) expr.Value {
	v := c.args[0]
	if _, ok := c.context(0); !ok {
		return expr.Null()
	}
	keys, ok := c.args[1].AsList()
	if !ok {
		keys = c.args[1:2]
	}
	for _, key := range keys {
		name, isString := key.AsString()
		if !isString {
			return c.want(1, "string")
		}
		inner, _ := v.AsContext()
		found := false
		if inner != nil {
			v, found = inner.Get(name)
		}
		if !found {
			return c.null("there is no entry %q", name)
		}
	}
	return v
}

func getEntries(c *invocation) expr.Value {
	context, ok := c.context(0)
	if !ok || !c.charge(context.Len()) {
		return expr.Null()
	}
	entries := make([]expr.Value, context.Len())
	for i := range entries {
		key, value := context.At(i)
		b := expr.NewContextBuilder(2)
		b.Put("key", expr.String(key))
		b.Put("value", value)
		entries[i] = b.Build()
	}
	return c.list(entries)
}

// contextOf makes a context of entries {key: …, value: …}; every key once.
func contextOf(c *invocation) expr.Value {
	entries, ok := c.items(0)
	if !ok {
		return expr.Null()
	}
	b := expr.NewContextBuilder(len(entries))
	for i, e := range entries {
		fields, isContext := e.AsContext()
		if !isContext {
			return c.null("element %d is %s, not a context with key and value", i+1, e.Describe())
		}
		keyValue, _ := fields.Get("key")
		key, isString := keyValue.AsString()
		value, hasValue := fields.Get("value")
		if !isString || !hasValue {
			return c.null("element %d has no string key and value", i+1)
		}
		if _, twice := b.Get(key); twice {
			return c.null("the key %q is there twice", key)
		}
		b.Put(key, value)
	}
	return c.built(b.Build())
}

// contextPut sets an entry; a list of keys leads through nested contexts, which
// are made where they are missing.
func contextPut(c *invocation) expr.Value {
	context, ok := c.context(0)
	if !ok {
		return expr.Null()
	}
	keys, isList := c.args[1].AsList()
	if !isList {
		keys = c.args[1:2]
	}
	if len(keys) == 0 {
		return c.null("the list of keys is empty")
	}
	if !c.charge(len(keys)) || len(keys) > maxValueDepth {
		return c.null("more than %d keys", maxValueDepth)
	}
	return c.put(context, keys, c.args[2])
}

func (c *invocation) put(context *expr.Context, keys []expr.Value, v expr.Value) expr.Value {
	key, ok := keys[0].AsString()
	if !ok {
		return c.want(1, "string")
	}
	if len(keys) > 1 {
		inner := &expr.Context{}
		if old, found := context.Get(key); found {
			if inner, ok = old.AsContext(); !ok {
				return c.null("the entry %q is not a context", key)
			}
		}
		if v = c.put(inner, keys[1:], v); v.IsNull() {
			return v
		}
	}
	b := expr.NewContextBuilder(context.Len() + 1)
	b.PutAll(context)
	b.Put(key, v)
	if !c.roomFor(b.Len()) {
		return expr.Null()
	}
	return c.built(b.Build())
}

func contextMerge(c *invocation) expr.Value {
	items, ok := c.spread()
	if !ok {
		return expr.Null()
	}
	var b expr.ContextBuilder
	for i, item := range items {
		context, isContext := item.AsContext()
		if !isContext {
			return c.null("element %d is %s, not a context", i+1, item.Describe())
		}
		if b.PutAll(context); !c.charge(context.Len()) || !c.roomFor(b.Len()) {
			return expr.Null()
		}
	}
	return c.built(b.Build())
}
