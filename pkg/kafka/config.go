package kafka

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"github.com/twmb/franz-go/plugin/kprom"
	"github.com/twmb/franz-go/plugin/kzap"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Config says how to reach a cluster.
type Config struct {
	Brokers  []string // host:port, at least one
	ClientID string   // default "barnabas"
	// TLS encrypts connections; nil: plain text.
	TLS *TLS
	// SASL authenticates; nil: anonymous.
	SASL *SASL
	// Logger gets what the client warns of; nil: nothing.
	Logger *zap.Logger
	// Metrics of connections, fetching and producing are registered here; nil: none.
	Metrics prometheus.Registerer
}

// TLS files are PEM. Empty ones mean the system's roots and no client certificate.
type TLS struct {
	CAFile     string
	CertFile   string
	KeyFile    string
	ServerName string // default: the broker's host name
}

// SASL is a user and password.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User      string
	Password  string
}

func (c Config) logger() *zap.Logger { return cmp.Or(c.Logger, zap.NewNop()) }

// quietFor is how long the same message is not repeated.
const quietFor = time.Minute

// quiet logs the same message once in a while: while a broker is away every
// client has something to say several times a second.
func quiet(l *zap.Logger) *zap.Logger {
	return l.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, quietFor, 1, 0)
	}), zap.AddStacktrace(zapcore.FatalLevel)) // where in the client is no news
}

// retryBackoff is the pause after so many failures in a row: 100 ms, twice as
// much each time up to 1 s, a fifth more or less.
func retryBackoff(failures int) time.Duration {
	pause := min(50*time.Millisecond<<min(max(failures, 1), 5), time.Second)
	return time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
}

// options are those of every client; part names what it does, in metrics.
func (c Config) options(part string) ([]kgo.Opt, error) {
	if len(c.Brokers) == 0 || slices.Contains(c.Brokers, "") {
		return nil, errors.New("kafka: brokers are missing: give at least one host:port")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(cmp.Or(c.ClientID, "barnabas")),
		kgo.WithLogger(kzap.New(quiet(c.logger()).Named("kafka."+part), kzap.Level(kgo.LogLevelWarn))),
		kgo.DisableClientMetrics(),
		// New topics and moved leaders are found at once, not after 5 s.
		kgo.MetadataMinAge(250 * time.Millisecond),
		// A broker that is back is noticed within a second, also one whose host was
		// gone: then a connection attempt hears nothing, rather than a refusal.
		kgo.RetryBackoffFn(retryBackoff),
		kgo.DialTimeout(3 * time.Second),
		kgo.RequestTimeoutOverhead(5 * time.Second),
	}
	if c.Metrics != nil {
		opts = append(opts, kgo.WithHooks(kprom.NewMetrics("barnabas", kprom.Subsystem("kafka_"+part), kprom.Registerer(c.Metrics))))
	}
	if c.TLS != nil {
		config, err := c.TLS.config()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if c.SASL != nil {
		mechanism, err := c.SASL.option()
		if err != nil {
			return nil, err
		}
		opts = append(opts, mechanism)
	}
	return opts, nil
}

func (c Config) client(part string, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := c.options(part)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: configure %s: %w", part, err)
	}
	return client, nil
}

func (t *TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: read CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka: %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: read client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (s *SASL) option() (kgo.Opt, error) {
	auth := scram.Auth{User: s.User, Pass: s.Password}
	switch s.Mechanism {
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: s.User, Pass: s.Password}.AsMechanism()), nil
	case "SCRAM-SHA-256":
		return kgo.SASL(auth.AsSha256Mechanism()), nil
	case "SCRAM-SHA-512":
		return kgo.SASL(auth.AsSha512Mechanism()), nil
	}
	return nil, fmt.Errorf("kafka: SASL mechanism %q is unknown: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
}
