package order

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/barnabas-project/barnabas/pkg/worker"
)

// services do the tasks of the process.
type services struct {
	payments *payments
	pace     time.Duration // how long tasks take, on average
}

// tasks lists the task types of the model.
func (s *services) tasks() map[string]worker.Handler {
	return map[string]worker.Handler{
		"reserve-stock": worker.Typed(s.reserveStock),
		"charge-card":   worker.Typed(s.chargeCard),
		"check-fraud":   worker.Typed(s.checkFraud),
		"ship-order":    worker.Typed(s.shipOrder),
		"cancel-order":  worker.Typed(s.cancelOrder),
	}
}

type stockRequest struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

type reservation struct {
	Reservation string `json:"reservation"`
}

// reserveStock answers a sold-out article with a BPMN error, which the boundary
// event of the task catches.
func (s *services) reserveStock(ctx context.Context, in stockRequest, t worker.Task) (reservation, error) {
	if err := s.work(ctx); err != nil {
		return reservation{}, err
	}
	if in.SKU == skuSoldOut {
		return reservation{}, worker.BPMNError("OUT_OF_STOCK", in.SKU+" is sold out", nil)
	}
	return reservation{Reservation: "r-" + t.BusinessKey}, nil
}

type chargeRequest struct {
	OrderID string `json:"orderId"`
	Card    string `json:"card"`
	Amount  int    `json:"amount"`
}

type charge struct {
	Payment string `json:"payment"`
}

var errProviderAway = errors.New("payment provider: 503 unavailable")

// chargeCard asks the payment provider, which confirms by a message later. The
// order id is the provider's idempotency key, so asking twice charges once.
func (s *services) chargeCard(ctx context.Context, in chargeRequest, t worker.Task) (charge, error) {
	if err := s.work(ctx); err != nil {
		return charge{}, err
	}
	if in.Card == cardBroken || in.Card == cardFlaky && t.Attempt <= 2 {
		backoff := s.pace << t.Attempt
		return charge{}, worker.RetryAfter(backoff, errProviderAway)
	}
	if in.Card != cardForgetful {
		s.payments.confirmLater(in.OrderID, s.pause())
	}
	return charge{Payment: "p-" + in.OrderID}, nil
}

type fraudVerdict struct {
	Approved bool `json:"approved"`
}

func (s *services) checkFraud(ctx context.Context, in Order, _ worker.Task) (fraudVerdict, error) {
	return fraudVerdict{Approved: in.Customer != customerImpostor}, s.work(ctx)
}

type parcel struct {
	Parcel string `json:"parcel"`
}

func (s *services) shipOrder(ctx context.Context, in Order, _ worker.Task) (parcel, error) {
	return parcel{Parcel: fmt.Sprintf("%d x %s for %s", in.Quantity, in.SKU, in.Customer)}, s.work(ctx)
}

type cancellation struct {
	CancelledBecause string `json:"cancelledBecause"`
}

// cancelOrder serves two tasks of the model; a header says why each cancels.
func (s *services) cancelOrder(ctx context.Context, _ Order, t worker.Task) (cancellation, error) {
	return cancellation{CancelledBecause: t.Header("reason")}, s.work(ctx)
}

// work takes some time.
func (s *services) work(ctx context.Context) error {
	select {
	case <-time.After(s.pause()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause is a random time, a fifth of the pace to about twice.
func (s *services) pause() time.Duration {
	return s.pace/5 + rand.N(2*s.pace-s.pace/5)
}
