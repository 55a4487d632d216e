package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Fence is the proof of ownership a batch carries, and its place in the home's
// line of batches. It is advanced by a successful Commit.
type Fence struct {
	Home       int32
	Epoch      int64
	CommitSeq  int64 // batches committed so far
	OutboxSeq  int64 // outbox rows written so far
	Generation int64 // catalogue of definitions the batch was decided with
	Slot       int32 // outbox table to write to; any is right, the active one is cheapest
}

// InstanceRow is what the instance table keeps.
type InstanceRow struct {
	ID          [16]byte
	Version     int64
	Definition  int64
	Incidents   int32
	Parked      bool
	NextDue     int64 // unix ms; 0: none
	BusinessKey string
	State       []byte
}

// CorrelationRow holds the subscriptions and buffered messages of one (Name, Key).
type CorrelationRow struct {
	Name, Key  string
	Version    int64 // 0: no row yet
	NextExpiry int64 // unix ms; 0: none
	Data       []byte
}

// StartTimerRow is the next firing of a timer start event. Due 0: no more.
type StartTimerRow struct {
	Definition  int64
	Node        int32
	Due         int64 // unix ms
	Repetitions int32
	Interval    string
}

// Batch collects the rows that the inputs of one home change together. It is
// used by one goroutine and may be reused after Reset.
type Batch struct {
	offsets    columns // topic, partition, first, next
	dedupe     columns // id
	inserts    columns
	updates    columns
	deletes    columns
	putParts   columns
	dropParts  columns
	dropPaged  columns
	openCorr   columns
	lockCorr   columns
	putCorr    columns
	dropCorr   columns
	park       columns
	unpark     columns
	startTimer columns
	outbox     []byte
}

// columns are the arrays of one set-based statement.
type columns struct {
	cols []array
	rows int64
}

func (c *columns) reset(oids ...uint32) {
	if c.cols == nil {
		c.cols = make([]array, len(oids))
	}
	for i, oid := range oids {
		c.cols[i].reset(oid)
	}
	c.rows = 0
}

// NewBatch returns an empty batch.
func NewBatch() *Batch {
	b := &Batch{}
	b.Reset()
	return b
}

// Reset empties the batch, keeping its memory.
func (b *Batch) Reset() {
	b.offsets.reset(oidText, oidInt4, oidInt8, oidInt8)
	b.dedupe.reset(oidUUID)
	b.inserts.reset(oidUUID, oidInt8, oidInt8, oidInt4, oidBool, oidInt8, oidText, oidBytea)
	b.updates.reset(oidUUID, oidInt8, oidInt8, oidInt4, oidBool, oidInt8, oidBytea)
	b.deletes.reset(oidUUID, oidInt8)
	b.putParts.reset(oidUUID, oidInt4, oidBytea)
	b.dropParts.reset(oidUUID, oidInt4)
	b.dropPaged.reset(oidUUID)
	b.openCorr.reset(oidText, oidText, oidInt8, oidBytea)
	b.lockCorr.reset(oidText, oidText)
	b.putCorr.reset(oidText, oidText, oidInt8, oidBytea, oidInt8)
	b.dropCorr.reset(oidText, oidText, oidInt8)
	b.park.reset(oidUUID, oidBytea)
	b.unpark.reset(oidUUID)
	b.startTimer.reset(oidInt8, oidInt4, oidInt8, oidInt8, oidInt4, oidText)
	b.outbox = nil
}

// MoveOffset advances an input partition from first (the stored position) to next.
func (b *Batch) MoveOffset(topic string, partition int32, first, next int64) {
	c := &b.offsets
	c.rows++
	c.cols[0].addText(topic)
	c.cols[1].addInt4(partition)
	c.cols[2].addInt8(first)
	c.cols[3].addInt8(next)
}

// MarkMessage notes a message id as seen; a second time is ErrDuplicateMessage.
func (b *Batch) MarkMessage(id [16]byte) {
	b.dedupe.rows++
	b.dedupe.cols[0].addUUID(id)
}

// InsertInstance adds a new instance.
func (b *Batch) InsertInstance(r *InstanceRow) {
	c := &b.inserts
	c.rows++
	c.cols[0].addUUID(r.ID)
	c.cols[1].addInt8(r.Version)
	c.cols[2].addInt8(r.Definition)
	c.cols[3].addInt4(r.Incidents)
	c.cols[4].addBool(r.Parked)
	addMillis(&c.cols[5], r.NextDue)
	c.cols[6].addText(r.BusinessKey)
	c.cols[7].addBytes(r.State)
}

// UpdateInstance rewrites an instance, if its version still is seen.
func (b *Batch) UpdateInstance(seen int64, r *InstanceRow) {
	c := &b.updates
	c.rows++
	c.cols[0].addUUID(r.ID)
	c.cols[1].addInt8(seen)
	c.cols[2].addInt8(r.Version)
	c.cols[3].addInt4(r.Incidents)
	c.cols[4].addBool(r.Parked)
	addMillis(&c.cols[5], r.NextDue)
	c.cols[6].addBytes(r.State)
}

// DeleteInstance removes an ended instance, if its version still is seen.
func (b *Batch) DeleteInstance(id [16]byte, seen int64, paged bool) {
	b.deletes.rows++
	b.deletes.cols[0].addUUID(id)
	b.deletes.cols[1].addInt8(seen)
	if paged {
		b.dropPaged.rows++
		b.dropPaged.cols[0].addUUID(id)
	}
}

// PutPart writes a page of a large instance.
func (b *Batch) PutPart(id [16]byte, no uint32, data []byte) {
	b.putParts.rows++
	b.putParts.cols[0].addUUID(id)
	b.putParts.cols[1].addInt4(int32(no))
	b.putParts.cols[2].addBytes(data)
}

// DropPart removes a page of a large instance.
func (b *Batch) DropPart(id [16]byte, no uint32) {
	b.dropParts.rows++
	b.dropParts.cols[0].addUUID(id)
	b.dropParts.cols[1].addInt4(int32(no))
}

// PutCorrelation writes a correlation row if its version still is r.Version
// (0: if there is none); the stored version becomes one that no row ever had.
// Rows must be put and dropped in the order of (Name, Key), so that batches lock
// them in one order.
func (b *Batch) PutCorrelation(r *CorrelationRow) {
	c := &b.openCorr
	if r.Version > 0 {
		b.lockCorrelation(r.Name, r.Key)
		c = &b.putCorr
		c.cols[4].addInt8(r.Version)
	}
	c.rows++
	c.cols[0].addText(r.Name)
	c.cols[1].addText(r.Key)
	addMillis(&c.cols[2], r.NextExpiry)
	c.cols[3].addBytes(r.Data)
}

// DropCorrelation removes a correlation row if its version still is seen.
func (b *Batch) DropCorrelation(name, key string, seen int64) {
	b.lockCorrelation(name, key)
	b.dropCorr.rows++
	b.dropCorr.cols[0].addText(name)
	b.dropCorr.cols[1].addText(key)
	b.dropCorr.cols[2].addInt8(seen)
}

func (b *Batch) lockCorrelation(name, key string) {
	b.lockCorr.rows++
	b.lockCorr.cols[0].addText(name)
	b.lockCorr.cols[1].addText(key)
}

// CorrelationVersion is the version of the correlation rows that a batch writes.
// A row may be removed and another begun under its key while somebody holds the
// first: counting from 1 again, they could be taken for each other. No two batches
// have home and place in its line in common.
func (f *Fence) CorrelationVersion() int64 { return (f.CommitSeq+1)<<20 | int64(f.Home) }

// ParkInput keeps an input for a parked instance.
func (b *Batch) ParkInput(id [16]byte, input []byte) {
	b.park.rows++
	b.park.cols[0].addUUID(id)
	b.park.cols[1].addBytes(input)
}

// Unpark removes the kept inputs of an instance.
func (b *Batch) Unpark(id [16]byte) {
	b.unpark.rows++
	b.unpark.cols[0].addUUID(id)
}

// MoveStartTimer sets the next firing of a timer start event whose due time
// still is seen.
func (b *Batch) MoveStartTimer(seen int64, r *StartTimerRow) {
	c := &b.startTimer
	c.rows++
	c.cols[0].addInt8(r.Definition)
	c.cols[1].addInt4(r.Node)
	c.cols[2].addInt8(seen)
	addMillis(&c.cols[3], r.Due)
	c.cols[4].addInt4(r.Repetitions)
	c.cols[5].addText(r.Interval)
}

// SetOutbox gives the packed records of the batch; empty: none.
func (b *Batch) SetOutbox(data []byte) { b.outbox = data }

func addMillis(a *array, ms int64) {
	if ms == 0 {
		a.null()
		return
	}
	a.addInt8(ms)
}

// What a commit may be refused for. Everything else that Commit returns is the
// database being away or broken.
var (
	// ErrFenced: another engine owns the home or one of its input partitions.
	ErrFenced = errors.New("another engine owns this home")
	// ErrCatalogue: definitions were deployed since; reload and decide again.
	ErrCatalogue = errors.New("definitions have changed")
	// ErrDuplicateMessage: a message id of the batch is known already.
	ErrDuplicateMessage = errors.New("message already seen")
	// ErrInstanceChanged: an instance was written by somebody else.
	ErrInstanceChanged = errors.New("instance changed by somebody else")
	// ErrCorrelationChanged: a correlation row was written by somebody else.
	ErrCorrelationChanged = errors.New("correlation changed by somebody else")
	// ErrStartTimerChanged: a start timer was fired or replaced by somebody else.
	ErrStartTimerChanged = errors.New("start timer changed by somebody else")
)

func (b *Batch) outboxRows() int64 {
	if len(b.outbox) == 0 {
		return 0
	}
	return 1
}

// queue hands the statements over in their order.
func (b *Batch) queue(q *statements, f *Fence, c *compressor) {
	home := int4Param(f.Home)
	q.add(stFence, home, int8Param(f.Epoch), int8Param(f.CommitSeq), int8Param(b.outboxRows()), int8Param(f.Generation))
	b.offsets.queueGuarded(q, stOffsets)
	b.dedupe.queue(q, stDedupe)
	b.inserts.queue(q, stInsert, home)
	b.updates.queueGuarded(q, stUpdate, home)
	b.deletes.queueGuarded(q, stDelete, home)
	b.putParts.queue(q, stPutParts, home)
	b.dropParts.queue(q, stDropParts, home)
	b.dropPaged.queue(q, stDropPaged, home)
	b.queueCorrelations(q, f)
	b.park.queue(q, stPark, home)
	b.unpark.queue(q, stUnpark, home)
	b.startTimer.queueGuarded(q, stStartTimer)
	if b.outboxRows() > 0 {
		q.add(stOutbox[f.Slot], home, int8Param(f.OutboxSeq+1), c.compress(b.outbox))
	}
}

// queueCorrelations locks rows first when two statements would: one after the
// other they lock in an order of their own, and two batches might wait for each other.
func (b *Batch) queueCorrelations(q *statements, f *Fence) {
	home, version := int4Param(f.Home), int8Param(f.CorrelationVersion())
	b.openCorr.queue(q, stOpenCorrelation, home, version)
	if b.putCorr.rows > 0 && b.dropCorr.rows > 0 {
		b.lockCorr.queue(q, stLockCorrelation)
	}
	b.putCorr.queueGuarded(q, stPutCorrelation, home, version)
	b.dropCorr.queueGuarded(q, stDropCorrelation)
}

// queue hands the statement over unless it has no rows; first are the parameters
// before the columns.
func (c *columns) queue(q *statements, st statement, first ...[]byte) {
	if c.rows > 0 {
		q.add(st, c.params(first)...)
	}
}

// queueGuarded gives the number of rows as the last parameter.
func (c *columns) queueGuarded(q *statements, st statement, first ...[]byte) {
	if c.rows > 0 {
		q.add(st, append(c.params(first), int8Param(c.rows))...)
	}
}

func (c *columns) params(first [][]byte) [][]byte {
	params := append(make([][]byte, 0, len(first)+len(c.cols)+1), first...)
	for i := range c.cols {
		params = append(params, c.cols[i].bytes())
	}
	return params
}

// refusal tells the database's answers about the batch from its absence, which
// is nil here.
func refusal(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code + pe.ConstraintName {
		case "BN001", "BN003":
			return ErrFenced
		case "BN002":
			return ErrCatalogue
		case "BN004":
			return ErrInstanceChanged
		case "BN005", "23505correlation_pkey":
			return ErrCorrelationChanged
		case "BN006":
			return ErrStartTimerChanged
		case "23505dedupe_pkey":
			return ErrDuplicateMessage
		}
	}
	return nil
}
