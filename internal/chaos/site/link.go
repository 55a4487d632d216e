package site

import (
	"context"
	"fmt"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is the way of one process to one server, through a proxy.
type Link struct {
	Name  string
	proxy *toxiproxy.Proxy
}

// newLink forwards a free port of this machine to the upstream port.
func newLink(name string, upstream int) (*Link, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &Link{Name: name, proxy: toxiproxy.NewProxy(server, name, local(port), local(upstream))}
	if err := l.proxy.Start(); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", name, err)
	}
	return l, nil
}

// Address is where to connect to, host:port.
func (l *Link) Address() string { return l.proxy.Listen }

func (l *Link) port() string { return l.proxy.Listen[strings.LastIndex(l.proxy.Listen, ":")+1:] }

// Delay makes data take longer in both directions until Restore: each chunk
// waits d, more or less by a quarter.
func (l *Link) Delay(d time.Duration) error {
	return l.add(fmt.Sprintf(`"type":"latency","attributes":{"latency":%d,"jitter":%d}`, d.Milliseconds(), d.Milliseconds()/4))
}

// Freeze lets nothing through and tells nobody until Restore, as a network does
// that drops packets; then the connections it has harmed are closed.
func (l *Link) Freeze() error { return l.add(`"type":"timeout","attributes":{"timeout":0}`) }

func (l *Link) add(toxic string) error {
	for _, direction := range []string{"upstream", "downstream"} {
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{%s,"stream":%q}`, toxic, direction))); err != nil {
			return fmt.Errorf("proxy %s: %s: %w", l.Name, toxic, err)
		}
	}
	return nil
}

// Restore ends delays and freezes.
func (l *Link) Restore(ctx context.Context) { l.proxy.Toxics.ResetToxics(ctx) }

// Down cuts all connections and refuses new ones until Up.
func (l *Link) Down() { l.proxy.Stop() }

// Up accepts connections again.
func (l *Link) Up() error {
	if err := l.proxy.Start(); err != nil {
		return fmt.Errorf("proxy %s: %w", l.Name, err)
	}
	return nil
}

// Cut closes the connections there are; new ones are accepted.
func (l *Link) Cut() error {
	l.Down()
	return l.Up()
}
