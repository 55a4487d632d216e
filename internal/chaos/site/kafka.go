package site

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaScript runs a real broker.
const kafkaScript = "deploy/kafka/local/kafka.sh"

// Kafka is a broker. Each client has a listener of its own, which tells it to
// come by its proxy.
type Kafka struct {
	*Process
	Address string // without a proxy, host:port
	Links   map[string]*Link
}

// newKafka makes a broker for these clients; nothing runs yet but the proxies.
func newKafka(folder, logs string, clients []string) (*Kafka, error) {
	ports, err := freePorts(len(clients) + 2)
	if err != nil {
		return nil, err
	}
	k := &Kafka{Address: local(ports[0]), Links: make(map[string]*Link)}
	listeners := make([]string, len(clients))
	for i, client := range clients {
		link, err := newLink(client+" to kafka", ports[i+2])
		if err != nil {
			return nil, err
		}
		k.Links[client] = link
		listeners[i] = fmt.Sprintf("%s:%d:%s", strings.ToUpper(strings.ReplaceAll(client, "-", "")), ports[i+2], link.port())
	}
	k.Process = newProcess("kafka", logs, func() *exec.Cmd {
		cmd := exec.Command(kafkaScript, "foreground")
		cmd.Env = append(os.Environ(), "KAFKA_DATA="+filepath.Join(folder, "kafka"), "KAFKA_LISTENERS="+strings.Join(listeners, " "),
			"KAFKA_PORT="+strconv.Itoa(ports[0]), "KAFKA_CONTROLLER_PORT="+strconv.Itoa(ports[1]))
		return cmd
	})
	return k, nil
}

// patience is how long servers may take to start or to come back.
const patience = 2 * time.Minute

// Await waits until the broker answers.
func (k *Kafka) Await(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Address), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	return await(ctx, "Kafka", func(ctx context.Context) error {
		brokers, err := admin.ListBrokers(ctx)
		if err == nil && len(brokers) == 0 {
			err = fmt.Errorf("no broker is registered")
		}
		return err
	})
}

// await asks again and again until there is no error, for a limited time.
func await(ctx context.Context, what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		once, end := context.WithTimeout(ctx, 5*time.Second)
		err := ask(once)
		end()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-tick.C:
		}
	}
}
