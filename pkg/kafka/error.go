package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrClosed means that the producer was closed before the record was sent.
var ErrClosed = errors.New("kafka: closed")

// ErrAfterFailure means that a record was not sent because another one of its line,
// given before it, was not. Nothing is wrong with it.
var ErrAfterFailure = errors.New("a record before it was not sent")

// SendError says which record of a batch was not sent, and why. The others of
// the batch may have been sent or not.
type SendError struct {
	Index     int // in the batch
	Topic     string
	Partition int32
	// Permanent is set when no retry will help: the record is too large for its
	// topic, or no topic can have that name. Otherwise the cluster or its
	// configuration is at fault: send the batch again later.
	Permanent bool
	Err       error
}

func (e *SendError) Error() string {
	return fmt.Sprintf("send record %d to %s: %v", e.Index, e.Topic, e.Err)
}

func (e *SendError) Unwrap() error { return e.Err }

// permanent says whether a record can never be sent.
func permanent(err error) bool {
	for _, never := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidTopicException, kerr.InvalidRecord} {
		if errors.Is(err, never) {
			return true
		}
	}
	return false
}

var errNoAnswer = errors.New("the brokers don't answer")

// answerWithin bounds a request, which the client would try again for longer.
func answerWithin(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, errNoAnswer)
}

// unanswered says so when that is why a request of answerWithin failed.
func unanswered(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// translate gives the errors of the client that callers tell apart.
func translate(err error) error {
	if errors.Is(err, kgo.ErrClientClosed) {
		return ErrClosed
	}
	return err
}
