package site

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The processes of a site besides the servers. The first engine publishes in its
// own process, the second leaves that to the relays.
var (
	Engines = []string{"engine-1", "engine-2"}
	Relays  = []string{"relay-1", "relay-2"}
	Workers = []string{"go-1", "go-2", "python-1", "python-2"}
)

// Group is the consumer group of the engines.
const Group = "barnabas"

// Config says what to run. All is required.
type Config struct {
	// Folder holds data and logs; it must be there.
	Folder string
	// Worker gives the command of a worker that finds Kafka at the address.
	Worker func(name, brokers string) *exec.Cmd
}

// Site is everything that runs.
type Site struct {
	Kafka     *Kafka
	Postgres  *Postgres
	Processes map[string]*Process // engines, relays, workers by name
	Bin       string              // folder of the programs

	addresses map[string]string // of the engines' REST interfaces
}

// Start builds the programs and starts everything. What was started when it
// fails, Close of the site ends: it is never nil.
func Start(ctx context.Context, config Config) (*Site, error) {
	s := &Site{Processes: make(map[string]*Process), Bin: filepath.Join(config.Folder, "bin"), addresses: make(map[string]string)}
	logs := filepath.Join(config.Folder, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return s, err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.Bin+"/", "./cmd/...").CombinedOutput(); err != nil {
		return s, fmt.Errorf("build the commands: %w\n%s", err, out)
	}
	if err := s.startServers(ctx, config.Folder, logs); err != nil {
		return s, err
	}
	if err := s.makeProcesses(config, logs); err != nil {
		return s, err
	}
	for _, name := range slices.Concat(Engines, Relays, Workers) {
		if err := s.Processes[name].Start(); err != nil {
			return s, err
		}
	}
	return s, s.awaitEngines(ctx)
}

func (s *Site) startServers(ctx context.Context, folder, logs string) (err error) {
	if s.Postgres, err = startPostgres(ctx, folder, slices.Concat(Engines, Relays)); err != nil {
		return err
	}
	if s.Kafka, err = newKafka(folder, logs, slices.Concat(Engines, Relays, Workers)); err != nil {
		return err
	}
	if err = s.Kafka.Start(); err != nil {
		return err
	}
	return s.Kafka.Await(ctx)
}

func (s *Site) makeProcesses(config Config, logs string) error {
	for i, name := range slices.Concat(Engines, Relays) {
		database, err := s.Postgres.urlBy(name)
		if err != nil {
			return err
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		program, args := "relay", []string{"--listen", local(port)}
		if slices.Contains(Engines, name) {
			s.addresses[name] = local(port)
			program, args = "orchestrator", []string{"serve", "--listen", local(port), "--group", Group, fmt.Sprintf("--relay=%t", i == 0)}
		}
		args = append(args, "--brokers", s.Kafka.Links[name].Address(), "--database", database)
		s.Processes[name] = newProcess(name, logs, func() *exec.Cmd { return exec.Command(filepath.Join(s.Bin, program), args...) })
	}
	for _, name := range Workers {
		s.Processes[name] = newProcess(name, logs, func() *exec.Cmd { return config.Worker(name, s.Kafka.Links[name].Address()) })
	}
	return nil
}

func (s *Site) awaitEngines(ctx context.Context) error {
	for _, name := range Engines {
		err := await(ctx, name, func(ctx context.Context) error { return s.call(ctx, http.MethodGet, name, "/readyz", "") })
		if err != nil {
			return err
		}
	}
	return nil
}

// Deploy gives a model to one engine after the other until one takes it.
func (s *Site) Deploy(ctx context.Context, resource, xml string) (err error) {
	for _, name := range Engines {
		if err = s.call(ctx, http.MethodPost, name, "/v1/deployments?resource="+resource, xml); err == nil {
			return nil
		}
	}
	return fmt.Errorf("deploy %s: %w", resource, err)
}

func (s *Site) call(ctx context.Context, method, engine, path, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.addresses[engine]+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s answers %s %s with %s", engine, method, path, resp.Status)
	}
	return nil
}

// Deaths are the processes that ended though nobody ended them.
func (s *Site) Deaths() (all []Death) {
	for _, p := range s.Processes {
		all = append(all, p.Deaths()...)
	}
	if s.Kafka != nil && s.Kafka.Process != nil {
		all = append(all, s.Kafka.Deaths()...)
	}
	slices.SortFunc(all, func(a, b Death) int { return a.At.Compare(b.At) })
	return all
}

// Close ends everything. Nothing is asked to end in order: data is thrown away.
func (s *Site) Close() error {
	for _, p := range s.Processes {
		p.Kill()
	}
	var err error
	if s.Kafka != nil {
		s.Kafka.Kill()
	}
	if s.Postgres != nil {
		err = errors.Join(s.Postgres.Resume(), s.Postgres.close())
	}
	return err
}
