package kafka

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// board is where members of a test tell that they live.
type board struct {
	mu     sync.Mutex
	member map[string]string // by engine, as it last said
	silent []string          // what each beat answers
	forgot []string
	away   bool // the database
}

func newBoard() *board { return &board{member: make(map[string]string)} }

// at is the board as one engine sees it.
func (b *board) at(engine string) *presence { return &presence{b, engine} }

type presence struct {
	*board
	engine string
}

func (p *presence) Beat(_ context.Context, member string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return nil, errors.New("database away")
	}
	p.member[p.engine] = member
	if p.engine == "dead" {
		return nil, nil
	}
	return p.silent, nil
}

func (p *presence) Forget(_ context.Context, member string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgot, p.silent = append(p.forgot, member), nil
	return nil
}

func (b *board) says(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *board) memberOf(engine string) (id string) {
	b.says(func() { id = b.member[engine] })
	return id
}

// A session lasts a minute here, so it is not its end that moves the homes.
func attending(p Presence, registry *prometheus.Registry) func(*HomesConfig) {
	return func(config *HomesConfig) {
		config.Presence, config.SessionTimeout = p, time.Minute
		if registry != nil {
			config.Metrics = registry
		}
	}
}

func TestSilentMemberIsRemovedAndItsHomesTakenOver(t *testing.T) {
	c, l, b := newCluster(t), newLedger(), newBoard()
	dead := c.joinAndDie(t, b)
	registry := prometheus.NewRegistry()
	c.start(&engine{name: "a", ledger: l}, attending(b.at("a"), registry))
	b.says(func() { b.silent = []string{"somebody-who-left", dead} })
	l.until(t, "a owns all", func() bool { return len(l.ownedBy("a")) == 4 })
	require.Eventually(t, func() bool { return total(t, registry, "barnabas_members_removed_total") == 1 }, waitLong, waitTick,
		"counted once: the other was no member")
	b.says(func() { require.Equal(t, []string{"somebody-who-left", dead}, b.forgot) })
}

// joinAndDie makes a member that owns all homes and says nothing more.
func (c *cluster) joinAndDie(t *testing.T, b *board) (member string) {
	t.Helper()
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.ProtocolType = c.prefix+"group", "consumer"
	request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = 60_000, 60_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "cooperative-sticky"
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Topics = []string{c.results}
	protocol.Metadata = metadata.AppendTo(nil)
	request.Protocols = append(request.Protocols, protocol)
	var response *kmsg.JoinGroupResponse
	require.Eventually(t, func() bool {
		var err error
		response, err = request.RequestWith(t.Context(), c.client)
		require.NoError(t, err)
		request.MemberID = response.MemberID
		return response.ErrorCode == 0
	}, waitLong, waitTick, "joins, with the id it is given")
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = request.Group, response.MemberID, response.Generation
	sync.ProtocolType, sync.Protocol = &request.ProtocolType, &protocol.Name
	answer, err := sync.RequestWith(t.Context(), c.client)
	require.NoError(t, err)
	require.Zero(t, answer.ErrorCode)
	return response.MemberID
}

func TestRemovedMemberThatLivesJoinsAnew(t *testing.T) {
	c, l, b := newCluster(t), newLedger(), newBoard()
	l.epochs = true
	c.start(&engine{name: "a", ledger: l}, attending(b.at("dead"), nil))
	l.until(t, "a owns all", func() bool { return len(l.ownedBy("a")) == 4 })
	require.Eventually(t, func() bool { return b.memberOf("dead") != "" }, waitLong, waitTick, "tells its id")
	first := b.memberOf("dead")
	b.says(func() { b.silent = []string{first} })
	c.start(&engine{name: "b", ledger: l}, attending(b.at("b"), nil))
	l.until(t, "both share", func() bool {
		return len(l.ownedBy("a")) == 2 && len(l.ownedBy("b")) == 2 && b.memberOf("dead") != first
	})
	for p := range int32(8) {
		c.produce(c.messages, p, 3)
	}
	l.until(t, "each record is taken once", func() bool { return len(l.taken) == 24 })
}

func TestRemovedMemberStaysOutUntilItCanBeHeardOf(t *testing.T) {
	c, l, b := newCluster(t), newLedger(), newBoard()
	l.epochs = true
	cut := newBoard() // a's way to the database
	c.start(&engine{name: "a", ledger: l}, attending(cut.at("a"), nil))
	c.start(&engine{name: "b", ledger: l}, attending(b.at("b"), nil))
	l.until(t, "both share", func() bool { return len(l.ownedBy("a")) == 2 && len(l.ownedBy("b")) == 2 })
	require.Eventually(t, func() bool { return cut.memberOf("a") != "" }, waitLong, waitTick, "tells its id")
	cut.says(func() { cut.away = true })
	b.says(func() { b.silent = []string{cut.memberOf("a")} })
	l.until(t, "b owns all", func() bool { return len(l.ownedBy("b")) == 4 })
	require.Never(t, func() bool { return l.ownsAny("a") }, 2*time.Second, 50*time.Millisecond, "a could not claim")
	cut.says(func() { cut.away = false })
	l.until(t, "both share again", func() bool { return len(l.ownedBy("a")) == 2 && len(l.ownedBy("b")) == 2 })
}

func (l *ledger) ownsAny(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ownedBy(name)) > 0
}

// A member that has lost a home may claim it late, and so take it from its successor.
func TestHomeThatStandsStillIsClaimedAgain(t *testing.T) {
	c, l := newCluster(t), newLedger()
	l.epochs = true
	c.start(&engine{name: "a", ledger: l})
	l.until(t, "a owns all", func() bool { return len(l.ownedBy("a")) == 4 })
	l.mu.Lock()
	delete(l.owners, 2) // a's goroutine has ended
	l.mu.Unlock()
	l.until(t, "a owns all again", func() bool { return len(l.ownedBy("a")) == 4 })
	c.produce(c.results, 2, 3)
	l.until(t, "and works", func() bool { return len(l.taken) == 3 })
}

// total adds a counter up.
func total(t *testing.T, registry *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name {
				sum += m.Counter.GetValue()
			}
		}
	}
	return sum
}
