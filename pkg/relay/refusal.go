package relay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/store"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// When Kafka refuses a batch for good, the client fails everything buffered for that partition, of whatever home: most of the records that
// come back are innocent. So the home publishes what came back record by record, each waiting for its answer, to find the one that is
// meant. Others may still drag a lone record down with theirs, hence only one home of a relay does this at a time, and a record is not
// convicted before the third refusal.
const refusals = 3

// classRefused is the error class of dead letters.
const classRefused = "refused-by-kafka"

// publishOneByOne publishes a row and waits for Kafka's answers. Records refused for good become dead letters.
func (s *shard) publishOneByOne(row store.OutboxRow) error {
	select {
	case s.relay.lone <- struct{}{}:
		defer func() { <-s.relay.lone }()
	case <-s.stopped:
		return nil
	}
	records, err := s.unpack(row)
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := s.publishAlone(row.Seq, record); err != nil {
			return s.unlessStopped(fmt.Errorf("publish row %d: %w", row.Seq, err))
		}
	}
	s.mu.Lock()
	s.next = row.Seq + 1
	s.flight.acked = row.Seq
	s.shrunk()
	s.mu.Unlock()
	s.relay.metrics.published(int64(len(records)), int64(len(row.Data)))
	return nil
}

// publishAlone returns when the record is published, as itself or as a dead letter.
func (s *shard) publishAlone(seq int64, record wire.Record) error {
	var err error
	for range refusals {
		if err = s.produceAndWait(record); err == nil || !s.relay.cfg.Refused(err) {
			return err
		}
	}
	return s.bury(seq, record, err)
}

// produceAndWait returns Kafka's answer, or an error when the lease ends before.
func (s *shard) produceAndWait(record wire.Record) error {
	if !s.trusted() {
		return context.Canceled
	}
	answer := make(chan error, 1)
	s.relay.cfg.Producer.Produce(nil, []wire.Record{record}, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-s.stopped:
		return context.Canceled
	}
}

// bury publishes the dead letter of a record. If Kafka refuses that too, one without the value: a home must not stand still for ever
// because of a record that is too large for both topics.
func (s *shard) bury(seq int64, record wire.Record, cause error) error {
	letter := wire.DeadLetter{
		Topic:        s.deadLetterTopic(record.Topic),
		Record:       record,
		Class:        classRefused,
		Message:      cause.Error(),
		FirstFailure: time.Now(),
		Engine:       s.relay.cfg.Holder,
	}
	letter.Record.Offset = -1 // it never had one
	if original, reason, is := wire.Original(record); is && strings.HasSuffix(record.Topic, deadLetterSuffix) {
		letter.Record = original // where it came from is what people look for
		letter.Message = fmt.Sprintf("%v; it was put aside because: %s", cause, reason)
	}
	err := s.produceLetter(&letter)
	if err != nil && s.relay.cfg.Refused(err) {
		letter.Message = fmt.Sprintf("the value of %d bytes is left out because this topic refused it too (%v): %s", len(record.Value), err, letter.Message)
		letter.Record.Value = nil
		err = s.produceLetter(&letter)
	}
	if err != nil {
		return fmt.Errorf("dead letter to topic %s for a record that topic %s refused (%w): %w; create the topics or raise their max.message.bytes",
			letter.Topic, record.Topic, cause, err)
	}
	s.relay.metrics.deadLetters.WithLabelValues(record.Topic).Inc()
	s.log.Error("Kafka refused a record for good, it is a dead letter now", zap.String("topic", record.Topic),
		zap.String("dead_letter_topic", letter.Topic), zap.ByteString("key", record.Key), zap.Int64("seq", seq), zap.Error(cause))
	return nil
}

const deadLetterSuffix = ".dlq"

// deadLetterTopic is where refused records of a topic go; refused dead letters stay in theirs.
func (s *shard) deadLetterTopic(topic string) string {
	if strings.HasSuffix(topic, deadLetterSuffix) {
		return topic
	}
	return s.relay.cfg.Names.DeadLetter(topic)
}

func (s *shard) produceLetter(letter *wire.DeadLetter) error {
	var pack wire.Pack
	pack.AddDeadLetter(letter)
	return wire.Unpack(pack.Bytes(), s.produceAndWait)
}
