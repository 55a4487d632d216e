package orchestrator

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/store"
)

// Bounds of one (name, correlation key).
const (
	maxBufferedMessages = 1000
	maxBufferedBytes    = 4 << 20
)

// correlation is a correlation row in hand: who waits for messages of a (name,
// key), and which messages wait for somebody. Opening a subscription and the
// arrival of a message both read and write it, which is why neither can miss the
// other.
type correlation struct {
	key           store.CorrelationKey
	version       int64 // of the row; 0: none
	subscriptions []subscription
	messages      []bufferedMessage
	changed       bool
	unreadable    error // the row is there, but damaged or of another format
}

// subscription is an element instance waiting for a message.
type subscription struct {
	instance  engine.InstanceID
	home      int32
	element   engine.Key
	node      int
	processID string
	// stays says that it goes on after a message (a non-interrupting boundary event).
	stays bool
}

// bufferedMessage is a message that found nobody.
type bufferedMessage struct {
	id          string
	businessKey string
	expires     int64 // unix ms
	variables   []byte
}

func (s *subscription) sameAs(id engine.InstanceID, element engine.Key, node int) bool {
	return s.instance == id && s.element == element && s.node == node
}

// open adds a subscription; one that is there already stays as it is.
func (c *correlation) open(s subscription) {
	for i := range c.subscriptions {
		if c.subscriptions[i].sameAs(s.instance, s.element, s.node) {
			return
		}
	}
	c.subscriptions = append(c.subscriptions, s)
	c.changed = true
}

// close removes a subscription, if it is there.
func (c *correlation) close(id engine.InstanceID, element engine.Key, node int) {
	n := len(c.subscriptions)
	c.subscriptions = slices.DeleteFunc(c.subscriptions, func(s subscription) bool { return s.sameAs(id, element, node) })
	c.changed = c.changed || n != len(c.subscriptions)
}

// take removes and returns the oldest message that is still valid.
func (c *correlation) take(now int64) (bufferedMessage, bool) {
	for i, m := range c.messages {
		if m.expires > now {
			c.messages = slices.Delete(c.messages, i, i+1)
			c.changed = true
			return m, true
		}
	}
	return bufferedMessage{}, false
}

// buffer keeps a message; false: the bounds are reached.
func (c *correlation) buffer(m bufferedMessage) bool {
	size := len(m.variables)
	for _, old := range c.messages {
		size += len(old.variables)
	}
	if len(c.messages) >= maxBufferedMessages || size > maxBufferedBytes {
		return false
	}
	c.messages = append(c.messages, m)
	c.changed = true
	return true
}

// putBack undoes take.
func (c *correlation) putBack(m bufferedMessage) { c.messages = slices.Insert(c.messages, 0, m) }

// expire removes the messages whose time is over and says how many.
func (c *correlation) expire(now int64) int {
	n := len(c.messages)
	c.messages = slices.DeleteFunc(c.messages, func(m bufferedMessage) bool { return m.expires <= now })
	c.changed = c.changed || n != len(c.messages)
	return n - len(c.messages)
}

func (c *correlation) empty() bool { return len(c.subscriptions) == 0 && len(c.messages) == 0 }

// row is the correlation as it is stored.
func (c *correlation) row() *store.CorrelationRow {
	r := &store.CorrelationRow{Name: c.key.Name, Key: c.key.Key, Version: c.version, Data: c.encode()}
	for _, m := range c.messages {
		if r.NextExpiry == 0 || m.expires < r.NextExpiry {
			r.NextExpiry = m.expires
		}
	}
	return r
}

const correlationFormat = 1

// encode writes format, subscriptions, messages; numbers as varints, texts with
// their length.
func (c *correlation) encode() []byte {
	b := []byte{correlationFormat}
	b = binary.AppendUvarint(b, uint64(len(c.subscriptions)))
	for _, s := range c.subscriptions {
		b = append(b, s.instance[:]...)
		b = binary.AppendUvarint(b, uint64(s.home))
		b = binary.AppendUvarint(b, uint64(s.element))
		b = binary.AppendUvarint(b, uint64(s.node))
		b = appendText(b, s.processID)
		b = appendBool(b, s.stays)
	}
	b = binary.AppendUvarint(b, uint64(len(c.messages)))
	for _, m := range c.messages {
		b = appendText(b, m.id)
		b = appendText(b, m.businessKey)
		b = binary.AppendUvarint(b, uint64(m.expires))
		b = appendText(b, m.variables)
	}
	return b
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

var errCorrelationFormat = errors.New("stored correlation can't be read: unknown format or damaged")

// decodeCorrelation reads a stored row. One that can't be read is never written.
func decodeCorrelation(r store.CorrelationRow) *correlation {
	c := &correlation{key: store.CorrelationKey{Name: r.Name, Key: r.Key}, version: r.Version}
	d := decoder{b: r.Data}
	if d.byte() != correlationFormat {
		c.unreadable = errCorrelationFormat
		return c
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		c.subscriptions = append(c.subscriptions, d.subscription())
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		c.messages = append(c.messages, bufferedMessage{
			id: string(d.text()), businessKey: string(d.text()), expires: int64(d.uvarint()), variables: d.text(),
		})
	}
	if d.bad || len(d.b) != 0 {
		c.unreadable = errCorrelationFormat
	}
	return c
}

func (d *decoder) subscription() (s subscription) {
	copy(s.instance[:], d.take(16))
	s.home = int32(d.uvarint())
	s.element = engine.Key(d.uvarint())
	s.node = int(d.uvarint())
	s.processID = string(d.text())
	s.stays = d.byte() == 1
	return s
}

// decoder reads what encode wrote; bad says that something was missing.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() []byte { return d.take(int(d.uvarint())) }

// Waiting tells how many subscriptions and how many messages that are still valid
// at now a stored correlation has. It has one of both only while they are not for
// each other.
func Waiting(row store.CorrelationRow, now time.Time) (subscriptions, messages int, err error) {
	c := decodeCorrelation(row)
	for _, m := range c.messages {
		if m.expires > now.UnixMilli() {
			messages++
		}
	}
	return len(c.subscriptions), messages, c.unreadable
}
