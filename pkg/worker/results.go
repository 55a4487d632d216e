package worker

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

// results sends results until Kafka has them.
type results struct {
	producer     *producer
	defaultTopic string // for commands without replyTo
	log          *zap.Logger
}

// resendAfter is the pause before a result that was refused is sent again: what
// kgo doesn't retry by itself needs somebody to set it right (a missing topic, a
// permission).
const resendAfter = 2 * time.Second

// send calls stored once: with nil when Kafka has the record, with errTooLarge
// when it never will, with errClosed when the worker ends first.
func (s *results) send(r wire.Record, stored func(error)) {
	s.producer.send(&r, func(err error) {
		if err == nil || errors.Is(err, errTooLarge) || errors.Is(err, errClosed) {
			stored(err)
			return
		}
		s.log.Error("send result: trying again", zap.String("topic", r.Topic), zap.Int32("partition", r.Partition),
			zap.ByteString("key", r.Key), zap.Error(err))
		time.AfterFunc(resendAfter, func() { s.send(r, stored) })
	})
}
