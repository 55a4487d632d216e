package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// attack sends hostile records and knows how each should end.
type attack struct {
	site   *site
	random *rand.Rand
	// held and failing name open tasks; ended the answered one of an instance that
	// has ended.
	held, failing, ended wire.CorrelationID

	sent []*hostile
}

// hostile is a record with a fault.
type hostile struct {
	name   string
	record *kgo.Record
	end    string // how it is counted; "": any way
	class  string // of its dead letter
}

// ends of records, as the metric names them.
const (
	deadLetter = "dead-lettered"
	duplicate  = "duplicate"
	late       = "late"
	unknown    = "unknown"
	unmatched  = "unmatched"
	buffered   = "buffered"
	refused    = "refused"
	forwarded  = "forwarded"
	applied    = "applied"
)

// tooLargeForBoth is the class of a dead letter that its topic refused too: its
// value is left out.
const tooLargeForBoth = "refused-by-kafka"

// headers are names and values in turn.
func headers(all ...string) []kgo.RecordHeader {
	var list []kgo.RecordHeader
	for i := 0; i < len(all); i += 2 {
		list = append(list, kgo.RecordHeader{Key: all[i], Value: []byte(all[i+1])})
	}
	return list
}

// poison are the values that no record may have, with the class of their dead letters.
var poison = []struct {
	name, value, class string
}{
	{"garbage", "\x00\xff\xfe garbage", "bad-value"},
	{"text", "hello", "bad-value"},
	{"array", `[1,2,3]`, "bad-value"},
	{"number", `42`, "bad-value"},
	{"half an object", `{"a":`, "bad-value"},
	{"two objects", `{"a":1}{"b":2}`, "bad-value"},
	{"trailing comma", `{"a":1,}`, "bad-value"},
	{"not a number", `{"a":NaN}`, "bad-value"},
	{"leading zero", `{"a":01}`, "bad-value"},
	{"invalid UTF-8", "{\"a\":\"\xc3\x28\"}", "bad-value"},
	{"raw control character", "{\"a\":\"\x01\"}", "bad-value"},
	{"byte order mark", "\ufeff{}", "bad-value"},
	{"UTF-16", "{\x00}\x00", "bad-value"},
	{"XML", `<?xml version="1.0"?><a/>`, "bad-value"},
	{"101 levels of arrays", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "too-large"},
	{"a million open brackets", strings.Repeat("[", 1_000_000), "too-large"},
	{"a million open objects", strings.Repeat(`{"a":`, 200_000), "too-large"},
	{"a byte more than allowed", `{"a":"` + strings.Repeat("x", 1<<20-7) + `"}`, "too-large"},
}

func (a *attack) add(name, end, class string, r kgo.Record) {
	a.sent = append(a.sent, &hostile{name, &r, end, class})
}

// messages are hostile records of the message topic; good are the headers of a
// message that nobody waits for.
func (a *attack) messages() {
	topic, good := a.site.names.Messages(), headers("messageName", "nobody")
	add := func(name, end, class, key, value string, h ...kgo.RecordHeader) {
		a.add("message: "+name, end, class, kgo.Record{Topic: topic, Partition: a.random.Int32N(8), Key: []byte(key), Value: []byte(value), Headers: h})
	}
	for _, p := range poison {
		add(p.name, deadLetter, p.class, "k", p.value, good...)
	}
	for name, h := range map[string][]kgo.RecordHeader{
		"no headers": nil, "an empty name": headers("messageName", ""), "another case": headers("messagename", "nobody"),
		"last name empty": headers("messageName", "nobody", "messageName", ""),
	} {
		add(name, deadLetter, "missing-header", "k", "{}", h...)
	}
	a.add("message: tombstone", deadLetter, "missing-header", kgo.Record{Topic: topic, Partition: 3, Key: []byte("k")})
	a.add("message: nothing at all", deadLetter, "missing-header", kgo.Record{Topic: topic, Partition: 5})
	for name, h := range map[string][]kgo.RecordHeader{
		"name with a NUL": headers("messageName", "a\x00b"), "name not UTF-8": headers("messageName", "a\xffb"),
		"id with a line break": headers("messageName", "nobody", "messageId", "a\nb"), "tenant not UTF-8": headers("messageName", "nobody", "tenant", "\xff"),
		"business key with a NUL": headers("messageName", "nobody", "businessKey", "\x00"), "key not UTF-8": headers("messageName", "nobody", "correlationKey", "\xf0\x28"),
		"ttl in years": headers("messageName", "nobody", "ttl", "P1Y"), "ttl too long": headers("messageName", "nobody", "ttl", "P3651D"),
		"ttl negative": headers("messageName", "nobody", "ttl", "-PT1S"), "ttl in words": headers("messageName", "nobody", "ttl", "a while"),
		"ttl negative number": headers("messageName", "nobody", "ttl", "-5"), "ttl overflow": headers("messageName", "nobody", "ttl", strings.Repeat("9", 60)),
	} {
		add(name, deadLetter, "bad-header", "k", "{}", h...)
	}
	add("binary key", deadLetter, "bad-header", "\x00\x01\x02\xff", "{}", good...)
	for name, h := range map[string][]kgo.RecordHeader{
		"long name": headers("messageName", strings.Repeat("n", 257)), "long id": headers("messageName", "nobody", "messageId", strings.Repeat("i", 257)),
		"long tenant": headers("messageName", "nobody", "tenant", strings.Repeat("t", 257)), "long business key": headers("messageName", "nobody", "businessKey", strings.Repeat("b", 257)),
		"long correlation key": headers("messageName", "nobody", "correlationKey", strings.Repeat("c", 2049)),
		"65 headers":           append(headers("messageName", "nobody"), headers(strings.Split(strings.Repeat("h,v,", 64), ",")[:128]...)...),
		"33 KiB of headers":    headers("messageName", "nobody", "x", strings.Repeat("x", 33<<10)),
	} {
		add(name, deadLetter, "too-large", "k", "{}", h...)
	}
	add("long key", deadLetter, "too-large", strings.Repeat("k", 2049), "{}", good...)
	add("a name twice", deadLetter, "bad-value", "k", `{"a":1,"a":2}`, good...)
	add("more than a dead letter holds", deadLetter, tooLargeForBoth, "k", a.text(1_900_000), good...)
	add("nobody may wait for it", unmatched, "", "k", "{}", headers("messageName", "nobody", "ttl", "0")...)
	add("nobody waits for it", buffered, "", "k", "", good...)
	add("the longest random names", buffered, "", a.text(2048), "{}", headers("messageName", a.text(256), "messageId", a.text(256), "businessKey", a.text(256), "tenant", a.text(256))...)
	add("the longest key of an instance", applied, "", a.text(2048), "{}", headers("messageName", "hold")...)
	add("variables that Postgres' JSON has no room for", applied, "", "odd", `{"a":"\u0000\ud800","b":1e999999,"":{"":""}}`, headers("messageName", "hold")...)
	add("an id seen before", duplicate, "", "order-0000", "{}", headers("messageName", "ordered", "messageId", "id-order-0000")...)
	for name, key := range map[string]string{
		"a NUL": `"\u0000"`, "a lone surrogate": `"\ud800"`, "5,000 characters": `"` + a.text(5000) + `"`, "2,048 characters": `"` + a.text(2048) + `"`,
		"an object": `{}`, "nothing": `null`, "a huge number": `1e999999`,
	} {
		add("an instance that waits for a key of "+name, applied, "", "asks-oddly", `{"key":`+key+`}`, headers("messageName", "asked")...)
	}
}

// text is random text without anything to compress.
func (a *attack) text(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[a.random.IntN(len(letters))]
	}
	return string(b)
}

// results are hostile records of the result topic.
func (a *attack) results() {
	topic, held := a.site.names.Results(), a.held.String()
	add := func(name, end, class, value string, h ...kgo.RecordHeader) {
		a.add("result: "+name, end, class, kgo.Record{Topic: topic, Partition: a.held.Home, Key: []byte("k"), Value: []byte(value), Headers: h})
	}
	for _, p := range poison {
		add(p.name, deadLetter, p.class, p.value, headers("correlationId", held)...)
		if p.class == "bad-value" {
			add("no headers, "+p.name, deadLetter, p.class, p.value)
		}
	}
	a.add("result: tombstone", deadLetter, "missing-header", kgo.Record{Topic: topic, Partition: 2, Key: []byte("k")})
	add("correlation id that is a number", deadLetter, "missing-header", `{"correlationId":42}`)
	instance := held[:36]
	for name, id := range map[string]string{
		"no id": "x", "instance alone": instance, "no attempt": held[:strings.LastIndex(held, ".")], "capitals": strings.ToUpper(held), "negative home": instance + ".-1.1.1",
		"plus sign": instance + ".+1.1.1", "leading zero": instance + ".01.1.1", "huge home": instance + ".2147483648.1.1", "huge task": instance + ".1.18446744073709551616.1",
		"huge attempt": instance + ".1.1.4294967296", "hexadecimal": instance + ".0x1.1.1", "five parts": held + ".1", "a space": held + " ", "a NUL": held + "\x00", "not UTF-8": held + "\xff",
	} {
		add("correlation id with "+name, deadLetter, "bad-header", "{}", headers("correlationId", id)...)
		if name != "not UTF-8" && name != "a NUL" {
			add("member correlationId with "+name, deadLetter, "bad-header", `{"correlationId":"`+id+`"}`)
		}
	}
	for name, h := range map[string][]kgo.RecordHeader{
		"another attempt in the header": headers("attempt", "2"), "attempt zero": headers("attempt", "0"), "attempt in words": headers("attempt", "first"), "negative attempt": headers("attempt", "-1"),
		"unknown status": headers("status", "done"), "status in capitals": headers("status", "COMPLETED"), "status not UTF-8": headers("status", "\xff"),
		"negative retries": headers("status", "failed", "retries", "-1"), "too many retries": headers("status", "failed", "retries", "1000001"), "retries in words": headers("status", "failed", "retries", "many"),
		"fraction of retries": headers("status", "failed", "retries", "1.5"), "retryAfter in words": headers("status", "failed", "retryAfter", "soon"), "retryAfter in months": headers("status", "failed", "retryAfter", "P1M"),
		"retryAfter too long": headers("status", "failed", "retryAfter", "P3651D"), "message not UTF-8": headers("status", "failed", "errorMessage", "\xff\xfe"),
		"error code with a NUL": headers("status", "bpmn-error", "errorCode", "a\x00"), "ce_id not UTF-8": headers("ce_id", "\xff"),
	} {
		add(name, deadLetter, "bad-header", "{}", append(headers("correlationId", held), h...)...)
	}
	for name, member := range map[string]string{
		"unknown member": `,"paid":true`, "list as status": `,"status":[]`, "object as attempt": `,"attempt":{}`, "status twice": `,"status":"completed","status":"completed"`, "variables that are a list": `,"variables":[1]`,
	} {
		add(name, deadLetter, "bad-value", `{"correlationId":"`+held+`"`+member+`}`)
	}
	add("a name twice", deadLetter, "bad-value", `{"a":1,"a":2}`, headers("correlationId", held)...)
	add("error without a code", deadLetter, "missing-header", "{}", headers("correlationId", held, "status", "bpmn-error")...)
	add("long error code", deadLetter, "too-large", "{}", headers("correlationId", held, "status", "bpmn-error", "errorCode", strings.Repeat("e", 257))...)
	add("long ce_id", deadLetter, "too-large", "{}", headers("correlationId", held, "ce_id", strings.Repeat("i", 257))...)
	add("65 headers", deadLetter, "too-large", "{}", append(headers("correlationId", held), headers(strings.Split(strings.Repeat("h,v,", 64), ",")[:128]...)...)...)

	answer := func(id wire.CorrelationID) []kgo.RecordHeader { return headers("correlationId", id.String()) }
	ahead, other, elsewhere, nowhere, never := a.held, a.held, a.held, a.held, a.held
	ahead.Attempt, other.Task, elsewhere.Home, nowhere.Home = 2, 99, (a.held.Home+1)%8, 2147483647
	never.Instance = uuid.Must(uuid.Parse("0fffffff-ffff-7fff-bfff-ffffffffffff"))
	add("attempt that was never made", unknown, "", "{}", answer(ahead)...)
	add("task that never was", unknown, "", "{}", answer(other)...)
	add("home that is not there", unknown, "", "{}", answer(nowhere)...)
	add("instance of the far future", unknown, "", "{}", answer(never)...)
	never.Instance = uuid.Must(uuid.Parse("00000000-0000-7000-8000-000000000000"))
	add("instance of long ago", late, "", "{}", answer(never)...)
	add("forged home", forwarded, "", "{}", answer(elsewhere)...)
	a.sent = append(a.sent, &hostile{name: "where the forged home leads", end: late})
	a.add("result: instance that has ended", duplicate, "", kgo.Record{Topic: topic, Partition: a.ended.Home, Headers: answer(a.ended)})
	a.add("result: wrong partition", forwarded, "", kgo.Record{Topic: topic, Partition: elsewhere.Home, Headers: append(answer(a.held), headers("status", "progress")...)})
	a.sent = append(a.sent, &hostile{name: "where the wrong partition leads", end: applied})
	a.add("result: message with a NUL, for history", applied, "", kgo.Record{Topic: topic, Partition: a.failing.Home,
		Headers: append(answer(a.failing), headers("status", "failed", "errorMessage", "a\x00b", "retryAfter", "P1D")...)})
}

// controls are records that somebody else than an engine wrote to the control topic.
func (a *attack) controls() {
	topic, instance := a.site.names.Control(), a.held.String()[:36]
	home, random := fmt.Sprint(a.held.Home), uuid.NewString()
	add := func(name, end, class, value string, h ...kgo.RecordHeader) {
		a.add("control: "+name, end, class, kgo.Record{Topic: topic, Partition: a.held.Home, Key: []byte("k"), Value: []byte(value), Headers: h})
	}
	record := func(kind, instance, home string, more ...string) []kgo.RecordHeader {
		return headers(append([]string{"barnabas-control", kind, "barnabas-instance", instance, "barnabas-home", home}, more...)...)
	}
	deliver := func(name, key string, more ...string) []kgo.RecordHeader {
		return record("deliver", random, home, append([]string{"barnabas-element", "1", "barnabas-node", "1", "messageName", name, "correlationKey", key}, more...)...)
	}
	a.add("control: tombstone", deadLetter, "bad-header", kgo.Record{Topic: topic, Partition: 1, Key: []byte("k")})
	add("no headers", deadLetter, "bad-header", "{}")
	add("a thousand headers", deadLetter, "bad-header", "{}", headers(strings.Split(strings.Repeat("h,v,", 1000), ",")[:2000]...)...)
	for name, h := range map[string][]kgo.RecordHeader{
		"unknown kind": record("explode", instance, home), "no instance": record("cancel", "", home), "no UUID": record("cancel", "x", home), "no home": record("cancel", instance, ""),
		"negative home": record("cancel", instance, "-1"), "huge home": record("cancel", instance, "4294967296"), "retries in words": record("resolve", instance, home, "barnabas-element", "1", "retries", "many"),
		"negative retries": record("resolve", instance, home, "barnabas-element", "1", "retries", "-1"), "no element": record("resolve", instance, home, "retries", "1"),
		"huge node": deliver("nobody", "k", "barnabas-expires", "tomorrow"), "node": record("deliver", instance, home, "barnabas-element", "1", "barnabas-node", "2147483648"),
		"delivered name not UTF-8": deliver("\xff", "k"), "delivered name with a NUL": deliver("a\x00b", "k"), "delivered key not UTF-8": deliver("nobody", "\xff"), "delivered key with a NUL": deliver("nobody", "\x00"),
	} {
		add(name, deadLetter, "bad-header", "{}", h...)
	}
	for _, p := range poison {
		if p.class == "bad-value" {
			add("delivered "+p.name, deadLetter, p.class, p.value, deliver("nobody", "k")...)
		}
	}
	add("delivered name too long", deadLetter, "too-large", "{}", deliver(a.text(257), "k")...)
	add("delivered key too long", deadLetter, "too-large", "{}", deliver("nobody", a.text(2049))...)
	add("delivered business key too long", deadLetter, "too-large", "{}", deliver("nobody", "k", "businessKey", a.text(2049))...)
	add("result without an origin", deadLetter, "bad-value", "{}", record("result", instance, home)...)
	add("list of variables to resolve with", deadLetter, "bad-value", "[]", record("resolve", instance, home, "barnabas-element", "0", "retries", "1")...)
	origin := []string{"barnabas-origin-topic", "t", "barnabas-origin-partition", "1", "barnabas-origin-offset", "1", "barnabas-origin-key", "k"}
	add("result without a correlation id", deadLetter, "missing-header", "{}", record("result", instance, home, origin...)...)
	add("result with a bad status", deadLetter, "bad-header", "{}", record("result", instance, home, append(origin, "correlationId", a.held.String(), "status", "done")...)...)
	nowhere := a.held
	nowhere.Home = 2147483647
	add("result for a home that is not there", unknown, "", "{}", record("result", instance, home, append(origin, "correlationId", nowhere.String())...)...)
	add("cancels an instance that never was", refused, "", "", record("cancel", random, home)...)
	add("cancels it for a reason that is not UTF-8", refused, "", "", record("cancel", random, home, "barnabas-reason", "\xff")...)
	add("resolves an instance that never was", refused, "", "", record("resolve", random, home, "barnabas-element", "0", "retries", "1")...)
	add("resolves an element that never was", unknown, "", "", record("resolve", instance, home, "barnabas-element", "99", "retries", "1")...)
	add("cancels at a home that is not there", deadLetter, "bad-header", "", record("cancel", instance, "2147483647")...)
	add("resolves at a home that is not there", deadLetter, "bad-header", "", record("resolve", instance, "8", "barnabas-element", "0", "retries", "1")...)
	add("cancels at a forged home", forwarded, "", "", record("cancel", instance, fmt.Sprint((a.held.Home+1)%8))...)
	a.sent = append(a.sent, &hostile{name: "where the forged home leads", end: refused})
	add("delivers to an element that does not wait", buffered, "", "{}", record("deliver", instance, home, "barnabas-element", "1", "barnabas-node", "2147483647", "messageName", "nobody", "correlationKey", "k")...)
	add("delivers to an element that never was", buffered, "", "{}", record("deliver", instance, home, "barnabas-element", "18446744073709551615", "barnabas-node", "0", "messageName", "nobody", "correlationKey", "k2")...)
	add("delivers what has expired", unmatched, "", "{}", deliver("nobody", "k3", "barnabas-expires", "2001-01-01T00:00:00Z")...)
}

// generated are records nobody thought of: protocol headers with wrong values, and
// good records with a few bytes changed.
func (a *attack) generated(n int) {
	names := []string{"messageName", "messageId", "correlationKey", "ttl", "businessKey", "correlationId", "attempt", "status", "retries", "retryAfter", "errorCode", "errorMessage", "ce_id", "traceparent",
		"barnabas-control", "barnabas-instance", "barnabas-home", "barnabas-element", "barnabas-node", "barnabas-expires", "barnabas-origin-topic", "barnabas-origin-partition", "barnabas-origin-offset", "barnabas-origin-key", "x-dlq-original-topic", "x-dlq-first-failure"}
	values := []string{"", "0", "1", "-1", "7", "8", "2147483647", "PT1S", "PT0S", "completed", "failed", "bpmn-error", "progress", "deliver", "result", "cancel", "resolve", "nobody", "\x00", "\xff", "é", strings.Repeat("v", 300),
		uuid.NewString(), uuid.NewString() + ".1.1.1", "0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.1", "2026-11-21T12:00:00Z"}
	bodies := []string{"", "null", "{}", `{"a":1}`, `{"correlationId":"0199c5a2-7d3e-7c11-9b1f-0242ac120002.3.7.1"}`, "[]", `{"a":"\ud800\u0000"}`, "\xff"}
	pick := func(from []string) string { return from[a.random.IntN(len(from))] }
	for i := range n {
		r := kgo.Record{Topic: pick([]string{a.site.names.Messages(), a.site.names.Results(), a.site.names.Control()}), Partition: a.random.Int32N(8), Key: a.mutated(pick(values)), Value: a.mutated(pick(bodies))}
		for range a.random.IntN(14) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: pick(names), Value: a.mutated(pick(values))})
		}
		a.add(fmt.Sprintf("generated %d", i), "", "", r)
	}
}

// mutated changes a byte of every fourth text.
func (a *attack) mutated(text string) []byte {
	b := []byte(text)
	if len(b) > 0 && a.random.IntN(4) == 0 {
		b[a.random.IntN(len(b))] = byte(a.random.IntN(256))
	}
	return b
}
