package order

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// payments is the payment provider: some time after it accepted a payment, it
// confirms it by a message. Now and then the message is faster than the answer
// of the task that asked for it; the process must not miss it.
type payments struct {
	ctx      context.Context //nolint:containedctx // of the demo: payments are confirmed after the task that asks for it
	messages *messages
	log      *zap.Logger
	pending  sync.WaitGroup
}

func (p *payments) confirmLater(orderID string, after time.Duration) {
	p.pending.Go(func() {
		select {
		case <-time.After(after):
		case <-p.ctx.Done():
			return
		}
		confirmation := map[string]string{"paidAt": time.Now().UTC().Format(time.RFC3339Nano)}
		// The id makes a second confirmation of the same payment harmless.
		err := p.messages.publish(p.ctx, message{name: "payment-confirmed", key: orderID, id: "payment-" + orderID}, confirmation)
		if err != nil && p.ctx.Err() == nil {
			p.log.Error("confirm payment", zap.String("order", orderID), zap.Error(err))
		}
	})
}
