package site

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// restartAfter is how soon a process that ended by itself is started again.
const restartAfter = time.Second

// Death is a process that ended though nobody ended it.
type Death struct {
	At      time.Time `json:"at"`
	Process string    `json:"process"`
	How     string    `json:"how"`
}

// Process is a program that is meant to run until it is killed or stopped. One
// that ends by itself is started again and remembered.
type Process struct {
	Name    string
	command func() *exec.Cmd
	log     string

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	wanted bool
	deaths []Death
}

func newProcess(name, logs string, command func() *exec.Cmd) *Process {
	return &Process{Name: name, command: command, log: filepath.Join(logs, name+".log")}
}

// Start starts the process; it does nothing if it runs.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted {
		return nil
	}
	p.wanted = true
	return p.launch()
}

// launch starts the command. The process gets a group of its own, so that Ctrl-C
// reaches us alone, and dies with us.
func (p *Process) launch() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	defer log.Close()
	cmd, ended := p.command(), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.ended = cmd, ended
	go p.watch(cmd, ended)
	return nil
}

// watch waits for the end of the process, and starts it again if it is wanted.
func (p *Process) watch(cmd *exec.Cmd, ended chan struct{}) {
	how := "exit status 0"
	if err := cmd.Wait(); err != nil {
		how = err.Error()
	}
	close(ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted || p.cmd != cmd {
		return
	}
	p.deaths = append(p.deaths, Death{At: time.Now(), Process: p.Name, How: how})
	time.AfterFunc(restartAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.wanted && p.cmd == cmd {
			_ = p.launch() // the program has been started before
		}
	})
}

// Kill ends the process as kill -9 does and waits until it is gone.
func (p *Process) Kill() { p.end(syscall.SIGKILL, 0) }

// Stop asks the process to end; one that does not within patience is killed.
func (p *Process) Stop(patience time.Duration) { p.end(syscall.SIGTERM, patience) }

func (p *Process) end(signal syscall.Signal, patience time.Duration) {
	p.mu.Lock()
	p.wanted = false
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	p.signal(cmd, ended, signal)
	select {
	case <-ended:
	case <-time.After(patience):
		p.signal(cmd, ended, syscall.SIGKILL)
		<-ended
	}
}

// Pause stops the process where it is, as SIGSTOP does: it keeps all it has and
// knows nothing of the time that passes.
func (p *Process) Pause() { p.send(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() { p.send(syscall.SIGCONT) }

func (p *Process) send(signal syscall.Signal) {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd != nil {
		p.signal(cmd, ended, signal)
	}
}

// signal reaches the process's whole group, unless it has been waited for: then
// its number may be another's.
func (p *Process) signal(cmd *exec.Cmd, ended chan struct{}, signal syscall.Signal) {
	select {
	case <-ended:
	default:
		_ = syscall.Kill(-cmd.Process.Pid, signal) // ended meanwhile: nothing to do
	}
}

// Deaths are the times it ended by itself.
func (p *Process) Deaths() []Death {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Death(nil), p.deaths...)
}
