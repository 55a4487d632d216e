package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
)

// KafkaConfig says how to run an embedded broker. All fields may be zero.
type KafkaConfig struct {
	// DataDir is the folder records and group offsets are kept in; created if missing. Default: in memory.
	DataDir string
	// Port to listen on, on 127.0.0.1. Default: a free one, another at each start.
	Port int
	// Partitions of topics created without a number. Default: 8.
	Partitions int
	// AutoCreateTopics creates topics that clients ask for; otherwise an unknown topic is an error, as it should be in production.
	AutoCreateTopics bool
	// Sync makes every batch durable before it is acknowledged, as a power cut demands. Without it, data survives the death of this
	// process, as with Apache Kafka's defaults.
	Sync bool
	// Logger tells what is started where. Default: none.
	Logger *zap.Logger
}

func (c KafkaConfig) validate() error {
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("embedded Kafka: port %d is not in 0..65535", c.Port)
	}
	if c.Partitions < 0 {
		return fmt.Errorf("embedded Kafka: %d partitions: give 1 or more, or 0 for the default", c.Partitions)
	}
	return nil
}

func (c KafkaConfig) options(log *zap.Logger) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.Ports(c.Port),
		kfake.ClusterID("barnabas-dev"),
		kfake.DefaultNumPartitions(cmp.Or(c.Partitions, 8)),
		kfake.WithLogger(kafkaLogger{log}),
	}
	if c.DataDir != "" {
		opts = append(opts, kfake.DataDir(filepath.Join(c.DataDir, "records")))
	}
	if c.AutoCreateTopics {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	if c.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// Kafka is a running embedded broker.
type Kafka struct {
	cluster *kfake.Cluster
	lock    *folderLock
}

// StartKafka starts an embedded broker, which is ready on return. It is one broker, so replication factors other than 1 and -1 are
// refused. A folder used by another process gives ErrLocked.
func StartKafka(ctx context.Context, config KafkaConfig) (*Kafka, error) {
	if err := errors.Join(config.validate(), ctx.Err()); err != nil {
		return nil, err
	}
	log, k := cmp.Or(config.Logger, zap.NewNop()), &Kafka{}
	if config.DataDir != "" {
		lock, err := lockFolder(config.DataDir)
		if err != nil {
			return nil, fmt.Errorf("start Kafka: %w", err)
		}
		k.lock = lock
	}
	cluster, err := kfake.NewCluster(config.options(log)...)
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	k.cluster = cluster
	log.Info("embedded Kafka is running", zap.Strings("brokers", k.Brokers()), zap.String("data", cmp.Or(config.DataDir, "in memory")))
	return k, nil
}

// Brokers are the addresses to give to clients.
func (k *Kafka) Brokers() []string { return k.cluster.ListenAddrs() }

// Close stops the broker; with a DataDir everything it holds is on disk afterwards.
func (k *Kafka) Close() {
	if k.cluster != nil {
		k.cluster.Close()
	}
	if k.lock != nil {
		k.lock.release()
		k.lock = nil
	}
}

// kafkaLogger passes the broker's warnings and errors on. Its finer levels tell of every request.
type kafkaLogger struct{ log *zap.Logger }

func (l kafkaLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error(fmt.Sprintf("embedded Kafka: "+format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn(fmt.Sprintf("embedded Kafka: "+format, args...))
	default:
	}
}
