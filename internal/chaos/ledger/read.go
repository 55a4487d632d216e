package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barnabas-project/barnabas/internal/chaos/worker"
	"github.com/barnabas-project/barnabas/pkg/wire"
)

// ReadKafka notes every record of every topic. Nobody may write meanwhile.
func (c *Checker) ReadKafka(ctx context.Context, brokers string) error {
	admin, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		return fmt.Errorf("dump Kafka: %w", err)
	}
	defer admin.Close()
	ends, err := kadm.NewClient(admin).ListEndOffsets(ctx)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("dump Kafka: %w", err)
	}
	from, left := make(map[string]map[int32]kgo.Offset), int64(0)
	ends.Each(func(o kadm.ListedOffset) {
		if strings.HasPrefix(o.Topic, "__") || o.Offset == 0 {
			return
		}
		if from[o.Topic] == nil {
			from[o.Topic] = make(map[int32]kgo.Offset)
		}
		from[o.Topic][o.Partition] = kgo.NewOffset().At(0)
		left += o.Offset
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumePartitions(from))
	if err != nil {
		return fmt.Errorf("dump Kafka: %w", err)
	}
	defer client.Close()
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("dump Kafka, %d records before the end: %w", left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			c.record(r)
			left--
		})
	}
	return nil
}

func (c *Checker) record(r *kgo.Record) {
	var names wire.Names
	switch {
	case r.Topic == names.Status():
		c.Status(r.Value, r.Timestamp)
	case r.Topic == names.Results():
		c.Result(header(r, wire.HeaderCorrelationID))
	case r.Topic == names.Messages(): // the driver knows what it sent
	case strings.HasSuffix(r.Topic, ".dlq"):
		c.Other(r.Topic, true, r.Value)
	case r.Topic == names.Control():
		c.Other(r.Topic, false, r.Value)
	default:
		c.Command(Command{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, CorrelationID: header(r, wire.HeaderCorrelationID), Value: r.Value})
	}
}

func header(r *kgo.Record, key string) (value string) {
	for _, h := range r.Headers {
		if h.Key == key {
			value = string(h.Value)
		}
	}
	return value
}

// ReadHistory notes the engine's history, after status has been noted.
func (c *Checker) ReadHistory(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT instance::text, sequence, events::text FROM history_step`)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	var (
		instance, events string
		sequence         int
	)
	_, err = pgx.ForEachRow(rows, []any{&instance, &sequence, &events}, func() error {
		c.Step(instance, sequence, []byte(events))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	return nil
}

// ReadEffects notes what the workers wrote down in a folder.
func (c *Checker) ReadEffects(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("read side effects: %w", err)
		}
		err = c.effects(file)
		file.Close()
		if err != nil {
			return fmt.Errorf("read side effects of %s: %w", name, err)
		}
	}
	return nil
}

// effects reads a log line by line. A last line without an end was being written
// when its worker was killed: it did not get as far as to answer.
func (c *Checker) effects(log io.Reader) error {
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var e worker.Effect
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %.200q: %w", line, err)
		}
		c.Effect(e)
	}
}
