package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
)

// nullGC trades memory for processor time: most of the heap is batches in use.
const nullGC = 400

// nullReady is what a process of the null pipeline prints when it consumes.
const nullReady = "ready"

// ServeNullProcess is the null pipeline as a process of its own, so that its
// processor time can be told apart: it reads its configuration from in, prints
// a line to out when it is ready, and ends when in ends.
func ServeNullProcess(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read configuration of the null pipeline: %w", err)
	}
	var cfg NullConfig
	if err := json.Unmarshal(line, &cfg); err != nil {
		return fmt.Errorf("read configuration of the null pipeline: %w", err)
	}
	stop, err := Profile(cfg.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	debug.SetGCPercent(nullGC)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, lines) // however it ends, the parent is gone
		cancel()
	}()
	return ServeNull(ctx, cfg, func() { fmt.Fprintln(out, nullReady) })
}

// startNull starts the null pipeline in a process, or in this one without a command.
func startNull(ctx context.Context, cfg NullConfig, command []string) (System, error) {
	if len(command) == 0 {
		return startNullHere(ctx, cfg)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start null pipeline: %w", err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start null pipeline: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start null pipeline: %w", err)
	}
	p := &nullProcess{command: c, in: in}
	if err := json.NewEncoder(in).Encode(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start null pipeline: %w", err), p.Stop(ctx))
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != nullReady+"\n" {
		return nil, errors.Join(fmt.Errorf("null pipeline did not start: it said %q", line), p.Stop(ctx))
	}
	return p, nil
}

// nullProcess is a null pipeline in a process of its own.
type nullProcess struct {
	command *exec.Cmd
	in      io.Closer
}

// Deploy does nothing: the null pipeline knows no models.
func (*nullProcess) Deploy(context.Context, string, []byte) error { return nil }

func (p *nullProcess) PID() int { return p.command.Process.Pid }

func (p *nullProcess) Stop(context.Context) error {
	_ = p.in.Close() // fails only if the process is gone, which Wait reports
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("null pipeline: %w", err)
	}
	return nil
}

// nullHere is a null pipeline in this process.
type nullHere struct {
	cancel context.CancelFunc
	ended  <-chan error
}

func startNullHere(ctx context.Context, cfg NullConfig) (System, error) {
	ctx, cancel := context.WithCancel(ctx)
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- ServeNull(ctx, cfg, func() { close(ready) }) }()
	select {
	case <-ready:
		return &nullHere{cancel: cancel, ended: ended}, nil
	case err := <-ended:
		cancel()
		return nil, err
	}
}

// Deploy does nothing: the null pipeline knows no models.
func (*nullHere) Deploy(context.Context, string, []byte) error { return nil }

func (*nullHere) PID() int { return os.Getpid() }

func (n *nullHere) Stop(context.Context) error {
	n.cancel()
	return <-n.ended
}
