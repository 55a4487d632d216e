package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/template"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/barnabas-project/barnabas/examples/order"
	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/dev"
	"github.com/barnabas-project/barnabas/topics"
)

type demoCommand struct {
	Once   bool    `help:"Exit when all orders have come to their ends; not with 0 if one came to another than it should."`
	Orders int     `help:"How many orders to place; default: 20 with --once, else 40." placeholder:"N"`
	Rate   float64 `help:"Orders placed a second." default:"5"`
}

// Limits of the demo: it keeps all orders in memory, and one machine does all.
const (
	maxDemoOrders = 100_000
	maxDemoRate   = 1000
)

// defaultListen is the default of --listen.
const defaultListen = "127.0.0.1:7070"

// demoPatience is how long nothing may happen.
const demoPatience = time.Minute

func (c *demoCommand) validate(g *globals) error {
	switch {
	case len(g.Brokers) > 0 || g.Database != "":
		return &usageError{"demo starts a Kafka and a Postgres of its own: leave out --brokers and --database"}
	case c.Orders < 0 || c.Orders > maxDemoOrders:
		return &usageError{fmt.Sprintf("--orders %d: want 1 to %d", c.Orders, maxDemoOrders)}
	case !(c.Rate > 0 && c.Rate <= maxDemoRate):
		return &usageError{fmt.Sprintf("--rate %g: want more than 0, at most %d orders a second", c.Rate, maxDemoRate)}
	}
	return nil
}

func (c *demoCommand) Run(ctx context.Context, g *globals) error {
	if err := c.validate(g); err != nil {
		return err
	}
	d := &demo{demoCommand: *c, globals: *g, begun: time.Now()}
	d.Orders = cmp.Or(c.Orders, 40)
	if c.Once {
		d.Orders = cmp.Or(c.Orders, 20)
	}
	d.Data = filepath.Join(g.Data, "demo")
	if err := d.prepare(); err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d.stop = stop
	err := d.run(running)
	if cause := context.Cause(running); errors.As(cause, new(*awayError)) {
		err = cause
	}
	switch {
	case ctx.Err() != nil && c.Once:
		return errors.New("interrupted before all orders had come to their ends")
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%w\nThe log is in %s", err, shortPath(d.logFile()))
	}
	fmt.Printf("Stopped. Data stays in %s\n", shortPath(d.Data))
	return nil
}

// demo is the order example on an engine of its own.
type demo struct {
	demoCommand
	globals
	begun time.Time
	stop  context.CancelCauseFunc
}

func (d *demo) logFile() string { return filepath.Join(d.Data, "demo.log") }

// prepare finds an address to listen on and sends the log to a file, since lines
// of it would tear the table apart.
func (d *demo) prepare() (err error) {
	if err := d.checkListen(); err != nil {
		return err
	}
	if d.Listen, err = demoAddress(d.Listen); err != nil {
		return err
	}
	if err := os.MkdirAll(d.Data, 0o755); err != nil {
		return fmt.Errorf("create data folder: %w", err)
	}
	level, err := zapcore.ParseLevel(d.LogLevel)
	if err != nil {
		return &usageError{err.Error()}
	}
	cfg := zap.NewProductionConfig()
	cfg.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	cfg.Level, cfg.OutputPaths = zap.NewAtomicLevelAt(level), []string{d.logFile()}
	d.log, err = cfg.Build()
	return err
}

// demoAddress is address, or a free one if it is the one that everybody gets and
// somebody uses it already.
func demoAddress(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && address == defaultListen:
		return freeAddress()
	case err != nil:
		return "", &awayError{fmt.Sprintf("can't listen on %s: %v; choose another address with --listen", address, err)}
	}
	return l.Addr().String(), l.Close()
}

func (d *demo) run(ctx context.Context) error {
	fmt.Printf("Starting an embedded Kafka and a private Postgres, data in %s\n", shortPath(d.Data))
	quiet := d.log
	d.log = quiet.WithOptions(zap.Hooks(func(e zapcore.Entry) error {
		if e.Level == zap.InfoLevel {
			fmt.Println("  " + e.Message)
		}
		return nil
	}))
	return withStack(ctx, &d.globals, func(s *dev.Stack) error {
		d.log = quiet
		fmt.Println("Starting the engine")
		late := time.AfterFunc(demoPatience, func() {
			d.stop(&awayError{fmt.Sprintf("the engine is not up after %s", demoPatience)})
		})
		defer late.Stop()
		return serve(ctx, &d.globals, serving{
			brokers: s.Kafka.Brokers(), database: s.Postgres.URL(), group: "barnabas", relay: true,
			started: func(ctx context.Context, _ *engine) error {
				late.Stop()
				defer fmt.Println("\nStopping")
				return d.order(ctx, s)
			},
		})
	})
}

// order runs the example; with --once everything ends after it.
func (d *demo) order(ctx context.Context, s *dev.Stack) error {
	fmt.Printf("  REST      http://%s\n  Kafka     %s\n  Postgres  %s\n", d.Listen, s.Kafka.Brokers()[0], s.Postgres.URL())
	declared, err := topics.Load(d.Topics)
	if err != nil {
		return err
	}
	cfg := order.Config{
		Brokers: s.Kafka.Brokers(), Names: declared.Names(), Deploy: d.deploy, Out: os.Stdout,
		Orders: d.Orders, Interval: time.Duration(float64(time.Second) / d.Rate), Patience: demoPatience, Logger: d.log,
	}
	if !d.Once {
		cfg.Settled = func(err error) { d.settled(ctx, s, err) }
	}
	err = order.Run(ctx, cfg)
	if d.Once && err == nil && ctx.Err() == nil {
		fmt.Printf("\nAll %d orders came to the end they should, %s after the start.\n", d.Orders, time.Since(d.begun).Round(100*time.Millisecond))
		d.stop(nil)
	}
	return err
}

func (d *demo) deploy(ctx context.Context, resource string, xml []byte) error {
	var deployed api.Deployment
	err := d.client().call(ctx, "POST", "/v1/deployments?resource="+url.QueryEscape(resource), xml, &deployed)
	if err != nil {
		return err
	}
	for _, p := range deployed.Definitions {
		fmt.Printf("Deployed process %s version %d from %s\n", p.ProcessID, p.Version, p.Resource)
	}
	fmt.Printf("Placing %d orders, %g a second, as messages on Kafka; five Go workers in this process do the tasks\n\n", d.Orders, d.Rate)
	return nil
}

// settled says what to try now.
func (d *demo) settled(ctx context.Context, s *dev.Stack, verdict error) {
	if verdict != nil {
		fmt.Printf("\nNot as it should be: %v\n", verdict)
	}
	var page struct{ Incidents []api.Incident }
	if err := d.client().call(ctx, "GET", "/v1/incidents?processId=order&limit=1", nil, &page); err != nil {
		d.log.Warn("list incidents", zap.Error(err))
	}
	view := nextSteps{Self: d.self(), REST: "http://" + d.Listen, Broker: s.Kafka.Brokers()[0], Data: shortPath(d.Data)}
	if len(page.Incidents) > 0 {
		view.Stuck, view.Key = page.Incidents[0].Instance, page.Incidents[0].Key
	}
	if _, err := exec.LookPath("kcat"); err == nil {
		view.Kcat = true
	}
	if err := nextStepsText().Execute(os.Stdout, view); err != nil {
		d.log.Warn("print what to try", zap.Error(err))
	}
}

// nextSteps is what the text below tells of.
type nextSteps struct {
	Self   string // the command line of a client of this engine
	REST   string
	Broker string
	Data   string
	Stuck  string // an instance with an incident, if there is one
	Key    uint64 // of the incident
	Kcat   bool
}

func nextStepsText() *template.Template {
	return template.Must(template.New("next steps").Parse(`
Engine and workers stay up; Ctrl-C ends them, data stays in {{.Data}}. Try, in another terminal:
{{if .Stuck}}
  An order is stuck, since its card fails. Look at it, then give it another card:
    {{.Self}} instances list
    {{.Self}} instances show {{.Stuck}}
    {{.Self}} incidents resolve {{.Stuck}} --key {{.Key}} -v '{"card":"card-1"}'
{{end}}
  Cause such an incident yourself; the list has what it takes to resolve it:
    {{.Self}} message order-placed own-1 -v '{"orderId":"own-1","amount":40,"card":"card-broken"}'
    {{.Self}} incidents list

  Place an order nobody pays, then send the message it waits for:
    {{.Self}} message order-placed own-2 -v '{"orderId":"own-2","amount":40,"card":"card-forgetful"}'
    {{.Self}} message payment-confirmed own-2
{{if .Kcat}}
  The same over Kafka, which is how programs do it; and all that the engine tells:
    echo '{"orderId":"own-3","amount":40,"card":"card-1"}' | kcat -P -b {{.Broker}} -t barnabas.messages -k own-3 -H messageName=order-placed
    kcat -C -q -b {{.Broker}} -t barnabas.status -o end
{{end}}
  Over REST:
    curl -s {{.REST}}/v1/instances

What happens to orders is shown here:

`))
}

// shortPath is path as seen from the working folder, if it is in there.
func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(short) {
			return short
		}
	}
	return path
}
