package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/barnabas-project/barnabas/pkg/api"
	"github.com/barnabas-project/barnabas/pkg/bench"
)

// child is an engine in a process of its own, so that its processor time can be
// told from that of the load, and so that it can be killed.
type child struct {
	command func() *exec.Cmd
	client  *client
	dir     string // its topic declarations
	mortal  bool   // is killed now and then

	stopKiller context.CancelFunc
	killer     sync.WaitGroup
	cmd        *exec.Cmd  // of the killer while it runs
	done       chan error // how cmd ended
}

// startChild starts the engine and, if killEvery is not 0, somebody who kills it
// that often and starts it again.
func startChild(ctx context.Context, self string, env bench.Environment, killEvery time.Duration) (bench.System, error) {
	dir, err := os.MkdirTemp("", "barnabas-bench")
	if err != nil {
		return nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := writeTopics(dir, env); err != nil {
		return nil, err
	}
	c := &child{dir: dir, client: (&globals{Listen: listen}).client(), mortal: killEvery > 0}
	c.command = func() *exec.Cmd { return engineCommand(self, dir, listen, env) }
	if err := c.start(); err != nil {
		return nil, err
	}
	var killing context.Context
	killing, c.stopKiller = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.waitReady(ctx, env.Homes); err != nil {
		return c, err
	}
	if c.mortal {
		c.killer.Go(func() { c.kill(killing, killEvery) })
	}
	return c, nil
}

func engineCommand(self, dir, listen string, env bench.Environment) *exec.Cmd {
	args := []string{"serve", "--no-history", "--listen", listen, "--topics-dir", dir, "--database", env.Database, "--log-level", "warn", "--group", "barnabas-" + filepath.Base(dir)}
	for _, b := range env.Brokers {
		args = append(args, "--brokers", b)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "BARNABAS_CPUPROFILE="+env.CPUProfile)
	cmd.Stderr = os.Stderr
	return cmd
}

func (c *child) start() error {
	cmd, done := c.command(), make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	go func() { done <- cmd.Wait() }()
	c.cmd, c.done = cmd, done
	return nil
}

// kill kills the engine again and again until ctx ends; at the end it runs.
func (c *child) kill(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = c.cmd.Process.Kill() // ended already: so much the better
		ended := <-c.done
		if err := c.start(); err != nil { // the measurement stalls, which ends it
			fmt.Fprintf(os.Stderr, "the killed engine (%v) can't be started again: %v\n", ended, err)
			return
		}
	}
}

// writeTopics declares the topics as the measurement has them.
func writeTopics(dir string, env bench.Environment) error {
	prefix := env.Topics.Messages[:len(env.Topics.Messages)-len("messages")]
	yaml := fmt.Sprintf("prefix: %q\ntopics:\n", prefix)
	for _, t := range []string{"results", "control", "messages", "status"} {
		yaml += fmt.Sprintf("  - {name: %s, partitions: %d, retention: P1D}\n", t, env.Homes)
	}
	yaml += fmt.Sprintf("taskTypes:\n  - {type: \"*\", partitions: %d, retention: P1D, deadline: PT1H}\n", env.Homes)
	return os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(yaml), 0o600)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// waitReady waits until the engine owns all homes.
func (c *child) waitReady(ctx context.Context, homes int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var state struct{ Homes []int32 }
		err := c.client.call(ctx, "GET", "/readyz", nil, &state)
		if err == nil && len(state.Homes) == homes {
			return nil
		}
		select {
		case err := <-c.done:
			return fmt.Errorf("engine ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("engine is not ready after a minute: %w", err)
		case <-tick.C:
		}
	}
}

// Deploy implements bench.System.
func (c *child) Deploy(ctx context.Context, resource string, xml []byte) error {
	var d api.Deployment
	return c.client.call(ctx, "POST", "/v1/deployments?resource="+url.QueryEscape(resource), xml, &d)
}

// PID implements bench.System. The time of an engine that is killed now and then
// is not counted.
func (c *child) PID() int {
	if c.mortal {
		return os.Getpid()
	}
	return c.cmd.Process.Pid
}

// Stop implements bench.System.
func (c *child) Stop(ctx context.Context) error {
	c.stopKiller()
	c.killer.Wait()
	defer func() { _ = os.RemoveAll(c.dir) }()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.cmd.Process.Kill())
	}
}
