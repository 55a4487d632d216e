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
	// Orders is how many orders to place, each of which must come to the end it
	// should. Default 20.
	Orders int
	// Interval between two orders. Default 50 ms.
	Interval time.Duration
	// Pace is how long a task takes on average. Default 150 ms.
	Pace time.Duration
	// Patience is how long Run waits for an order to change. Default 60 s.
	Patience time.Duration
	// Settled, if given, is called when Run would otherwise return, with what it
	// would return. The services then go on working, for whatever orders come, and
	// what happens is shown line by line until ctx ends.
	Settled func(error)
	// Seed makes the orders; 0: a random one.
	Seed   uint64
	Logger *zap.Logger // default: none
}

func (c Config) withDefaults() Config {
	c.Orders = cmp.Or(c.Orders, 20)
	c.Interval = cmp.Or(c.Interval, 50*time.Millisecond)
	c.Pace = cmp.Or(c.Pace, 150*time.Millisecond)
	c.Patience = cmp.Or(c.Patience, time.Minute)
	c.Seed = cmp.Or(c.Seed, uint64(time.Now().UnixNano()))
	c.Logger = cmp.Or(c.Logger, zap.NewNop())
	return c
}

// Run deploys the process, starts its services, places orders and shows what
// becomes of them. It returns nil when every order has come to its proper end
// without a gap in its status records, an error that names the others otherwise;
// nil also when ctx ends.
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
	verdict, err := d.placeAll(ctx, news, failed)
	if err != nil || ctx.Err() != nil {
		return err
	}
	if d.Settled == nil {
		return verdict
	}
	d.Settled(verdict)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case batch := <-news:
			_, happened := d.apply(batch)
			d.view.tell(happened)
		}
	}
}

// placeAll places the orders and waits until all came to an end, or nothing
// happens any more.
func (d *demo) placeAll(ctx context.Context, news <-chan []status, failed <-chan error) (verdict, err error) {
	place, draw := time.NewTicker(d.Interval), time.NewTicker(200*time.Millisecond)
	defer place.Stop()
	defer draw.Stop()
	patience := time.NewTimer(d.Patience)
	defer patience.Stop()
	for d.board.finished < d.Orders {
		select {
		case <-ctx.Done():
			return nil, nil
		case err := <-failed:
			return nil, err
		case <-place.C:
			if err := d.place(ctx); err != nil {
				return nil, err
			}
		case batch := <-news:
			d.view.show(d.apply(batch))
			patience.Reset(d.Patience)
		case now := <-draw.C:
			d.view.draw(d.board, now)
		case <-patience.C:
			return fmt.Errorf("nothing has happened for %s: %w", d.Patience, d.verdict()), nil
		}
	}
	d.view.draw(d.board, time.Now())
	return d.verdict(), nil
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

// place has the shop publish an order: the message starts an instance.
func (d *demo) place(ctx context.Context) error {
	if len(d.board.ours) == d.Orders {
		return nil
	}
	o, k := d.orders.next()
	d.board.place(o, k, time.Now())
	err := d.messages.publish(ctx, message{name: "order-placed", key: o.ID, id: "order-" + o.ID}, o)
	if err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (d *demo) apply(batch []status) (ended []*progress, happened []happening) {
	for _, s := range batch {
		p, news := d.board.apply(s)
		if p != nil {
			ended = append(ended, p)
		}
		happened = append(happened, news...)
	}
	return ended, happened
}

// verdict compares how the orders ended with how they should, and prints it.
func (d *demo) verdict() error {
	printTable(d.Out, d.board.ours)
	var wrong []error
	for _, p := range d.board.ours {
		if !p.proper() {
			wrong = append(wrong, fmt.Errorf("order %s should end as %s after %d failed attempts: %s",
				p.order.ID, p.kind.end, p.kind.failures, line(p, time.Now())))
		}
	}
	if d.board.gaps > 0 {
		wrong = append(wrong, fmt.Errorf("%d gaps in the sequence of status records", d.board.gaps))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("seed %d: %w", d.Seed, errors.Join(wrong...))
	}
	return nil
}
