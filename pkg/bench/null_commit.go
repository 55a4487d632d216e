package bench

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// nullBatch collects the rows a batch changes.
type nullBatch struct {
	topics, parts, firsts, nexts      array // offsets
	messages                          array // dedupe
	insertIDs, insertKeys, insertRows array
	updateIDs, updateSeen, updateRows array
	deleteIDs, deleteSeen             array
	state                             []byte
}

func newNullBatch() *nullBatch {
	return &nullBatch{
		topics: newArray(oidText), parts: newArray(oidInt4), firsts: newArray(oidInt8), nexts: newArray(oidInt8),
		messages:  newArray(oidUUID),
		insertIDs: newArray(oidUUID), insertKeys: newArray(oidText), insertRows: newArray(oidBytea),
		updateIDs: newArray(oidUUID), updateSeen: newArray(oidInt8), updateRows: newArray(oidBytea),
		deleteIDs: newArray(oidUUID), deleteSeen: newArray(oidInt8),
	}
}

func (b *nullBatch) reset() {
	for _, a := range []*array{
		&b.topics, &b.parts, &b.firsts, &b.nexts, &b.messages, &b.insertIDs, &b.insertKeys, &b.insertRows,
		&b.updateIDs, &b.updateSeen, &b.updateRows, &b.deleteIDs, &b.deleteSeen,
	} {
		a.reset()
	}
}

// consumed notes that the records of one input partition were decided.
func (b *nullBatch) consumed(rs []*kgo.Record) {
	if len(rs) == 0 {
		return
	}
	b.topics.addText(rs[0].Topic)
	b.parts.addInt4(rs[0].Partition)
	b.firsts.addInt8(rs[0].Offset)
	b.nexts.addInt8(rs[len(rs)-1].Offset + 1)
}

func (b *nullBatch) insert(i *nullInstance) {
	b.insertIDs.add(i.id[:])
	b.insertKeys.addText(i.key)
	b.state = i.appendState(b.state[:0])
	b.insertRows.add(b.state)
}

func (b *nullBatch) update(i *nullInstance) {
	b.updateIDs.add(i.id[:])
	b.updateSeen.addInt8(i.version - 1)
	b.state = i.appendState(b.state[:0])
	b.updateRows.add(b.state)
}

func (b *nullBatch) delete(i *nullInstance) {
	b.deleteIDs.add(i.id[:])
	b.deleteSeen.addInt8(i.version - 1)
}

// nullFenceAt is a home's place in its line of batches.
type nullFenceAt struct {
	home                        int32
	epoch, commitSeq, outboxSeq int64
}

// commit stores the batch.
func (b *nullBatch) commit(s *statements, f *nullFenceAt, slot int, outbox []byte) error {
	s.reset()
	home := int4Param(f.home)
	s.add(nullFence, home, int8Param(f.epoch), int8Param(f.commitSeq))
	s.add(nullOffsets, b.topics.bytes(), b.parts.bytes(), b.firsts.bytes(), b.nexts.bytes(), int8Param(int64(b.topics.n)))
	if b.messages.n > 0 {
		s.add(nullDedupe, b.messages.bytes())
		s.add(nullInsert, home, b.insertIDs.bytes(), b.insertKeys.bytes(), b.insertRows.bytes())
	}
	if n := b.updateIDs.n; n > 0 {
		s.add(nullUpdate, home, b.updateIDs.bytes(), b.updateSeen.bytes(), b.updateRows.bytes(), int8Param(int64(n)))
	}
	if n := b.deleteIDs.n; n > 0 {
		s.add(nullDelete, home, b.deleteIDs.bytes(), b.deleteSeen.bytes(), int8Param(int64(n)))
	}
	s.add(nullOutbox[slot], home, int8Param(f.outboxSeq+1), outbox)
	if err := s.commit(); err != nil {
		return fmt.Errorf("commit batch %d of home %d: %w", f.commitSeq+1, f.home, err)
	}
	f.commitSeq++
	f.outboxSeq++
	return nil
}
