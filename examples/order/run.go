package order

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/barnabas-project/barnabas/pkg/wire"
	"github.com/barnabas-project/barnabas/pkg/worker"
)

// Config says where to run the example. Brokers, Deploy and Out are required; an
// engine must be working on the brokers.
type Config struct {
	Brokers []string
	Names   wire.Names
	// Deploy deploys a model and sees to the topics of its task types.
	Deploy func(ctx context.Context, resource string, xml []byte) error
	// Out is where the progress is shown: a table if it is a terminal, else lines.
	Out io.Writer
	// Orders is how many orders to place; Run then checks that each came to the
	// end it should. 0: go on until ctx ends.
	Orders int
	// Interval between two orders. Default 500 ms, or 50 ms with Orders.
	Interval time.Duration
	// Pace is how long a task takes on average. Default 150 ms.
	Pace time.Duration
	// Patience is how long Run waits, with Orders, for one to change. Default 60 s.
	Patience time.Duration
	// Seed makes the orders; 0: a random one.
	Seed   uint64
	Logger *zap.Logger // default: none
}

func (c Config) withDefaults() Config {
	interval := 500 * time.Millisecond
	if c.Orders > 0 {
		interval = 50 * time.Millisecond
	}
	c.Interval = cmp.Or(c.Interval, interval)
	c.Pace = cmp.Or(c.Pace, 150*time.Millisecond)
	c.Patience = cmp.Or(c.Patience, time.Minute)
	c.Seed = cmp.Or(c.Seed, uint64(time.Now().UnixNano()))
	c.Logger = cmp.Or(c.Logger, zap.NewNop())
	return c
}

// Run deploys the process, starts its services, places orders and shows what
// becomes of them. With Config.Orders it returns nil when every order has come to
// its proper end without a gap in its status records, an error that names the
// others otherwise. Without, it returns nil when ctx ends.
func Run(ctx context.Context, config Config) error {
	c := config.withDefaults()
	if err := c.Deploy(ctx, ModelName, Model()); err != nil {
		return fmt.Errorf("deploy %s: %w", ModelName, err)
	}
	out, err := newMessages(c.Brokers, c.Names.Messages())
	if err != nil {
		return err
	}
	defer out.close()
	in, err := newStatuses(ctx, c.Brokers, c.Names.Status())
	if err != nil {
		return err
	}
	defer in.close()

	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	provider := &payments{ctx: running, messages: out, log: c.Logger}
	defer provider.pending.Wait()
	s := &services{payments: provider, pace: c.Pace}
	group.Go(func() error {
		return worker.Run(running, worker.Config{
			Brokers: c.Brokers, Names: c.Names, Group: c.Names.Prefix + "order-example-<type>", Tasks: s.tasks(), Logger: c.Logger,
		})
	})
	group.Go(func() error {
		defer stop() // the services have nothing more to do
		d := &demo{Config: c, messages: out, board: newBoard(), view: newView(c.Out)}
		d.orders = newGenerator(strings.ToLower(rand.Text()[:4]), c.Seed)
		return d.run(running, in)
	})
	return group.Wait()
}

// demo places orders and watches them. Its board belongs to one goroutine.
type demo struct {
	Config
	messages *messages
	orders   *generator
	board    *board
	view     *view
}

func (d *demo) run(ctx context.Context, in *statuses) error {
	news, failed := make(chan []status), make(chan error, 1)
	go func() { failed <- forward(ctx, in, news) }()
	place, draw := time.NewTicker(d.Interval), time.NewTicker(200*time.Millisecond)
	defer place.Stop()
	defer draw.Stop()
	patience := time.NewTimer(d.Patience)
	defer patience.Stop()
	for !d.done() {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-place.C:
			if err := d.place(ctx); err != nil {
				return err
			}
		case batch := <-news:
			d.apply(batch)
			patience.Reset(d.Patience)
		case now := <-draw.C:
			d.view.draw(d.board, now)
		case <-patience.C:
			if d.Orders > 0 {
				return fmt.Errorf("nothing has happened for %s: %w", d.Patience, d.verdict())
			}
		}
	}
	d.view.draw(d.board, time.Now())
	return d.verdict()
}

// forward hands over status records until ctx ends.
func forward(ctx context.Context, in *statuses, news chan<- []status) error {
	for ctx.Err() == nil {
		batch, err := in.next(ctx)
		if err != nil {
			return err
		}
		select {
		case news <- batch:
		case <-ctx.Done():
		}
	}
	return nil
}

func (d *demo) done() bool {
	return d.Orders > 0 && len(d.board.inOrder) == d.Orders && d.board.finished == d.Orders
}

// place has the shop publish an order: the message starts an instance.
func (d *demo) place(ctx context.Context) error {
	if d.Orders > 0 && len(d.board.inOrder) == d.Orders {
		return nil
	}
	o, expected := d.orders.next()
	d.board.place(o, expected, time.Now())
	err := d.messages.publish(ctx, message{name: "order-placed", key: o.ID, id: "order-" + o.ID}, o)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (d *demo) apply(batch []status) {
	for _, s := range batch {
		if p := d.board.apply(s); p != nil {
			d.view.ended(p)
		}
	}
}

// verdict compares how the orders ended with how they should.
func (d *demo) verdict() error {
	var wrong []error
	for _, p := range d.board.inOrder {
		if p.end != p.expected {
			wrong = append(wrong, fmt.Errorf("order %s should end as %s: %s", p.order.ID, p.expected, line(p, time.Now())))
		}
	}
	if d.board.gaps > 0 {
		wrong = append(wrong, fmt.Errorf("%d gaps in the sequence of status records", d.board.gaps))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("seed %d: %w", d.Seed, errors.Join(wrong...))
	}
	fmt.Fprintf(d.Out, "all %d orders came to their proper end: %s\n", len(d.board.inOrder), summary(d.board))
	return nil
}
