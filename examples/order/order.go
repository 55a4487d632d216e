package order

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
)

//go:embed order.bpmn
var model []byte

// Model is the process in BPMN 2.0, to be deployed as ModelName.
func Model() []byte { return model }

// ModelName is the model's file name.
const ModelName = "order.bpmn"

const processID = "order"

// Order is what a customer orders: the variables of an instance.
type Order struct {
	ID       string `json:"orderId"` // also the business key and the correlation key
	Customer string `json:"customer"`
	SKU      string `json:"sku"` // the article
	Quantity int    `json:"quantity"`
	Amount   int    `json:"amount"` // in euros
	Card     string `json:"card"`
	// PaymentWithin is how long the payment is waited for, ISO 8601.
	PaymentWithin string `json:"paymentWithin"`
}

// End is where an order ends: the id of an end event of the model, or Incident.
type End string

// The ends.
const (
	Shipped         End = "shipped"
	Rejected        End = "rejected" // suspicion of fraud
	OutOfStock      End = "out-of-stock"
	PaymentTimedOut End = "payment-timed-out"
	Incident        End = "incident" // stuck, somebody has to look at it
)

// What in an order makes the services behave as they do.
const (
	skuSoldOut       = "unicorn"
	cardFlaky        = "card-flaky"     // the provider is away for the first two attempts
	cardBroken       = "card-broken"    // every attempt fails
	cardForgetful    = "card-forgetful" // accepted, but never confirmed
	customerImpostor = "klamm"          // large orders in this name are a fraud
	largeAmount      = 1000             // from here on the model has orders checked
)

// kind is a sort of order and how it must end.
type kind struct {
	name     string
	end      End
	failures int // attempts that fail on the way
	weight   int // of a hundred
	change   func(*Order)
}

var kinds = [...]kind{
	{"ordinary", Shipped, 0, 50, func(*Order) {}},
	{"large, checked for fraud", Shipped, 0, 12, func(o *Order) { o.Amount += largeAmount }},
	{"card fails twice", Shipped, 2, 12, func(o *Order) { o.Card = cardFlaky }},
	{"article sold out", OutOfStock, 0, 9, func(o *Order) { o.SKU = skuSoldOut }},
	{"never paid", PaymentTimedOut, 0, 8, func(o *Order) { o.Card, o.PaymentWithin = cardForgetful, "PT1S" }},
	{"large, by an impostor", Rejected, 0, 6, func(o *Order) { o.Customer, o.Amount = customerImpostor, o.Amount+largeAmount }},
	{"card always fails", Incident, 3, 3, func(o *Order) { o.Card = cardBroken }},
}

// generator makes orders. The first ones are one of each kind, the others random
// by the weights.
type generator struct {
	prefix string // of the ids
	random *rand.Rand
	made   int
}

func newGenerator(prefix string, seed uint64) *generator {
	return &generator{prefix: prefix, random: rand.New(rand.NewPCG(seed, 0))}
}

// next is the next order and its kind.
func (g *generator) next() (Order, *kind) {
	customers := [...]string{"frieda", "barnabas", "olga", "amalia", "pepi", "artur", "jeremias"}
	articles := [...]string{"lantern", "coat", "beer-tap", "letter-case", "snow-shoes"}
	k := &kinds[g.made%len(kinds)]
	if g.made >= len(kinds) {
		k = g.pick()
	}
	g.made++
	o := Order{
		ID:            fmt.Sprintf("%s-%04d", g.prefix, g.made),
		Customer:      customers[g.random.IntN(len(customers))],
		SKU:           articles[g.random.IntN(len(articles))],
		Quantity:      1 + g.random.IntN(5),
		Amount:        10 + g.random.IntN(900),
		Card:          fmt.Sprintf("card-%04d", g.random.IntN(10000)),
		PaymentWithin: "PT5M",
	}
	k.change(&o)
	return o, k
}

func (g *generator) pick() *kind {
	n := g.random.IntN(100)
	for i := range kinds {
		if n -= kinds[i].weight; n < 0 {
			return &kinds[i]
		}
	}
	return &kinds[0]
}
