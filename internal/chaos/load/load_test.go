package load

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/pkg/dev/devtest"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

func TestEveryProcessHasAModelWithRevisions(t *testing.T) {
	t.Parallel()
	for _, process := range Processes() {
		resource, first, err := Model(process, 1)
		require.NoError(t, err)
		require.Equal(t, process+".bpmn", resource)
		require.Contains(t, first, `<bpmn:process id="`+process+`"`)
		_, second, err := Model(process, 2)
		require.NoError(t, err)
		require.Equal(t, first, strings.Replace(second, ">revision 2<", ">revision 1<", 1))
		require.NotEqual(t, first, second)
	}
	_, _, err := Model("none", 1)
	require.Error(t, err)
}

func newTestDriver(t *testing.T) (*Driver, []string) {
	t.Helper()
	brokers := devtest.KafkaCluster(t).ListenAddrs()
	d, err := NewDriver(brokers[0])
	require.NoError(t, err)
	t.Cleanup(d.Close)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	defer kafka.Close()
	for _, topic := range []string{wire.Names{}.Messages(), wire.Names{}.Status()} {
		devtest.CreateTopic(t, kafka, topic, 1)
	}
	return d, brokers
}

func TestWhatIsSentTwiceIsOneMessage(t *testing.T) {
	t.Parallel()
	d, _ := newTestDriver(t)
	random := rand.New(rand.NewPCG(1, 1))
	d.Chains(2)
	for _, process := range Processes()[1:] {
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			d.begin(process, process+"-"+key, random)
		}
	}
	sent, err := d.Sent(t.Context())
	require.NoError(t, err)
	ids, starts := make(map[string]bool), 0
	for _, m := range sent {
		require.False(t, ids[m.ID], m.ID)
		ids[m.ID] = true
		if m.Process != "" {
			starts++
		}
		require.Equal(t, m.Process == Claim, m.Verdict != "", m)
	}
	require.Equal(t, 2+5*5, starts)
	require.Len(t, sent, starts+5*2+5, "two messages to each race, a withdrawal to each interrupt")
}

func TestWatchSaysWhoWaits(t *testing.T) {
	t.Parallel()
	w := &Watch{instances: make(map[string]Instance)}
	tell := func(id, process, key, sequence, state string) {
		w.see(&kgo.Record{Value: []byte(`{"instanceId":"` + id + `","processId":"` + process + `","businessKey":"` + key + `","sequence":` + sequence + `,"state":"` + state + `","at":[{"element":"x"}]}`)})
	}
	tell("1", Echo, "chain", "1", "active")
	tell("1", Echo, "chain", "2", "active")
	tell("1", Echo, "chain", "2", "active") // again
	tell("2", Timer, "t", "1", "active")
	tell("3", Fan, "f", "1", "completed")
	require.Equal(t, []int{1, 1, 4}, []int{w.Hops(), w.Ended(), int(w.Steps())})

	sent := []Sent{{Process: Echo, Key: "chain"}, {Process: Timer, Key: "t"}, {Process: Fan, Key: "f"}, {Process: Race, Key: "r"}, {Key: "no start"}}
	waiting := w.Waiting(sent, w.Chains())
	require.Len(t, waiting, 3)
	require.Contains(t, waiting[0], "echo chain (1): active, sequence 2")
	require.Equal(t, "race r: never seen", waiting[1])
	require.Contains(t, waiting[2], "timer t")
	before := w.Chains()
	tell("1", Echo, "chain", "3", "active")
	require.Len(t, w.Waiting(sent, before), 2)
	require.Len(t, w.Waiting(sent, nil), 3, "without a mark, chains have to end too")
}

func TestGroupsAreInTurmoilBetweenLooksThatDiffer(t *testing.T) {
	t.Parallel()
	var book turmoils
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	for n, seen := range []string{"", "a b", "a b", "a c", "a c", "", "", "a c", "a c"} {
		book.note(at(n), seen)
	}
	require.Equal(t, []Turmoil{{time.Time{}, at(1)}, {at(2), at(3)}, {at(4), at(7)}}, book.all)
}
