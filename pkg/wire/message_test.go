package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecodeMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record *Record
		want   Message
	}{
		"the smallest": {
			record(`{"a":1}`, "messageName", "paid"),
			Message{Name: "paid", CorrelationKey: "key", BusinessKey: "key", Variables: []byte(`{"a":1}`)},
		},
		"without a key": {&Record{Headers: record("", "messageName", "paid").Headers}, Message{Name: "paid"}},
		"everything": {
			record(`null`, "messageName", "paid", "correlationKey", "order-1", "messageId", "m", "ce_id", "c", "ttl", "PT1H", "businessKey", "b", "tenant", "acme"),
			Message{Name: "paid", CorrelationKey: "order-1", ID: "m", TTL: ptr(time.Hour), BusinessKey: "b", Tenant: "acme"},
		},
		"ce_id as id": {
			record(``, "messageName", "paid", "ce_id", "c", "messageId", "", "ttl", "0"),
			Message{Name: "paid", CorrelationKey: "key", BusinessKey: "key", ID: "c", TTL: ptr(time.Duration(0))},
		},
	} {
		got, err := DecodeMessage(c.record, Limits{})
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestPoisonousMessages(t *testing.T) {
	t.Parallel()
	binaryKey := record(``, "messageName", "paid")
	binaryKey.Key = []byte{0, 0, 0, 7}
	for name, c := range map[string]struct {
		record  *Record
		class   string
		message string
	}{
		"no name":    {record(`{}`), PoisonMissingHeader, "header messageName is missing: it names the BPMN message"},
		"long name":  {record(`{}`, "messageName", strings.Repeat("n", 257)), PoisonTooLarge, "messageName"},
		"odd name":   {record(`{}`, "messageName", "a\nb"), PoisonBadHeader, "control characters"},
		"binary key": {binaryKey, PoisonBadHeader, "the record key is not UTF-8 text"},
		"long key":   {record(`{}`, "messageName", "paid", "correlationKey", strings.Repeat("k", 2049)), PoisonTooLarge, "correlationKey"},
		"odd key":    {record(`{}`, "messageName", "paid", "correlationKey", "\xff"), PoisonBadHeader, "correlationKey"},
		"odd ttl":    {record(`{}`, "messageName", "paid", "ttl", "1h"), PoisonBadHeader, `header ttl is "1h": expected an ISO 8601 duration`},
		"long id":    {record(`{}`, "messageName", "paid", "messageId", strings.Repeat("k", 257)), PoisonTooLarge, "messageId"},
		"value":      {record(`"x"`, "messageName", "paid"), PoisonBadValue, "expected a JSON object"},
	} {
		_, err := DecodeMessage(c.record, Limits{})
		var poison *PoisonError
		require.ErrorAs(t, err, &poison, name)
		require.Equal(t, c.class, poison.Class, name)
		require.Contains(t, poison.Message, c.message, name)
	}
}

func TestPublishedMessageIsDecodedAsItWas(t *testing.T) {
	t.Parallel()
	full := Message{
		Name: "paid", CorrelationKey: "order-1", ID: "0199.4.2", TTL: ptr(90 * time.Second), BusinessKey: "b", Tenant: "acme",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Variables: []byte(`{"a":1}`),
	}
	start := Message{Name: "begin"}
	var p Pack
	for _, m := range []Message{full, start} {
		p.AddMessage(&PublishedMessage{Topic: "barnabas.messages", Source: "/barnabas", Time: noon, Message: m})
	}
	records := unpack(t, &p)
	for i, want := range []Message{full, start} {
		got, err := DecodeMessage(&records[i], Limits{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, "order-1", string(records[0].Key))
	require.Equal(t, "0199.4.2", headers(records[0])["ce_id"])
	require.Nil(t, records[1].Key)
	require.NotContains(t, headers(records[1]), "ce_id")
	require.Equal(t, "{}", string(records[1].Value))
}

func TestControlIsDecodedAsItWas(t *testing.T) {
	t.Parallel()
	message := Message{Name: "paid", CorrelationKey: "order-1", ID: "m", BusinessKey: "b", Tenant: "t", Variables: []byte(`{"a":1}`)}
	// A worker may send headers of any name: ours come first, so they win.
	result := *record(`broken`, "correlationId", sampleID, "barnabas-home", "99", "barnabas-control", "cancel", "status", "failed")
	result.Partition, result.Offset, result.Time = 4, 1<<40, noon
	for name, want := range map[string]Control{
		"deliver":         {Kind: Deliver, Instance: sampleInstance(), Home: 5, Element: 9, Node: 2, Message: message, Expires: noon, ProcessID: "order"},
		"deliver forever": {Kind: Deliver, Instance: sampleInstance(), Message: Message{Name: "paid"}},
		"result":          {Kind: ForwardResult, Instance: sampleInstance(), Home: 5, Result: result},
		"cancel":          {Kind: CancelInstance, Instance: sampleInstance(), Home: 5, Reason: "wrong order"},
		"resolve":         {Kind: ResolveIncident, Instance: sampleInstance(), Home: 5, Element: 3, Retries: 2, Variables: []byte(`{"x":1}`)},
	} {
		var p Pack
		p.AddControl("barnabas.control", &want)
		r := unpack(t, &p)[0]
		require.Equal(t, want.Home, r.Partition, name)
		r.Time = want.Result.Time
		got, err := DecodeControl(&r)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestPoisonousControl(t *testing.T) {
	t.Parallel()
	const instance = "0199c5a2-7d3e-7c11-9b1f-0242ac120002"
	deliver := func(name, value string) []string {
		return []string{"barnabas-control", "deliver", "barnabas-home", "1", "barnabas-instance", instance, "barnabas-element", "1", "barnabas-node", "1", name, value}
	}
	for name, c := range map[string]struct {
		record  *Record
		message string
	}{
		"nothing":     {record(``), "header barnabas-control"},
		"other kind":  {record(``, "barnabas-control", "stop"), "expected deliver, result, cancel or resolve"},
		"no home":     {record(``, "barnabas-control", "cancel", "barnabas-instance", instance), "header barnabas-home"},
		"no instance": {record(``, "barnabas-control", "cancel", "barnabas-home", "1"), "header barnabas-instance"},
		"no element":  {record(``, "barnabas-control", "resolve", "barnabas-home", "1", "barnabas-instance", instance), "header barnabas-element"},
		"no origin":   {record(``, "barnabas-control", "result", "barnabas-home", "1", "barnabas-instance", instance), "7 headers of its origin"},
		"bad expiry": {record(``, "barnabas-control", "deliver", "barnabas-home", "1", "barnabas-instance", instance,
			"barnabas-element", "1", "barnabas-node", "1", "barnabas-expires", "soon"), "header barnabas-expires"},
		"binary name": {record(``, deliver("messageName", "\xff")...), "header messageName"},
		"long name":   {record(``, deliver("messageName", strings.Repeat("n", 257))...), "header messageName is 257 bytes"},
		"NUL in key":  {record(``, deliver("correlationKey", "\x00")...), "header correlationKey"},
		"long key":    {record(``, deliver("correlationKey", strings.Repeat("k", 2049))...), "header correlationKey is 2049 bytes"},
		"odd tenant":  {record(``, deliver("tenant", "a\nb")...), "header tenant"},
		"bad value": {record(`[]`, "barnabas-control", "resolve", "barnabas-home", "1", "barnabas-instance", instance,
			"barnabas-element", "1", "retries", "1"), "expected a JSON object"},
	} {
		_, err := DecodeControl(c.record)
		require.ErrorContains(t, err, c.message, name)
	}
}
