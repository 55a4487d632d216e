package site

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/barnabas-project/barnabas/pkg/dev"
)

// Postgres is a database server with fsync on, as in production. Each client
// reaches it by its own proxy.
type Postgres struct {
	URL   string // of the engines' database, without a proxy
	Links map[string]*Link

	config dev.PostgresConfig
	mu     sync.Mutex
	server *dev.Postgres
}

func startPostgres(ctx context.Context, folder string, clients []string) (p *Postgres, err error) {
	p = &Postgres{Links: make(map[string]*Link), config: dev.PostgresConfig{DataDir: filepath.Join(folder, "postgres")}}
	if p.config.Port, err = freePort(); err != nil {
		return nil, err
	}
	for _, client := range clients {
		if p.Links[client], err = newLink(client+" to postgres", p.config.Port); err != nil {
			return nil, err
		}
	}
	if p.server, err = dev.StartPostgres(ctx, p.config); err != nil {
		return nil, err
	}
	if p.URL, err = p.server.CreateDatabase(ctx, "barnabas"); err != nil {
		return nil, err
	}
	return p, nil
}

// urlBy is the database's URL by the client's proxy.
func (p *Postgres) urlBy(client string) (string, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return "", err
	}
	u.Host = p.Links[client].Address()
	return u.String(), nil
}

// Version is what the server says of itself.
func (p *Postgres) Version(ctx context.Context) (version string, err error) {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return "", fmt.Errorf("ask Postgres for its version: %w", err)
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SHOW server_version`).Scan(&version)
	version, _, _ = strings.Cut(version, " ") // what follows is who packed it
	return version, err
}

// Crash ends the server at once and without a checkpoint, as pg_ctl stop -m
// immediate does; it has to recover when it starts.
func (p *Postgres) Crash() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err := p.postmaster()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash Postgres: %w", err)
	}
	<-p.server.Done()
	return p.server.Close()
}

// Start starts the server after a crash and waits until it has recovered.
func (p *Postgres) Start(ctx context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server, err := dev.StartPostgres(ctx, p.config)
	if err == nil {
		p.server = server
	}
	return err
}

// Pause stops the server and all its connections' processes where they are.
func (p *Postgres) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets them go on.
func (p *Postgres) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Postgres) signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err := p.postmaster()
	if err != nil {
		return err
	}
	for _, process := range append([]int{pid}, childrenOf(pid)...) {
		_ = syscall.Kill(process, signal) // a connection that has ended meanwhile
	}
	return nil
}

// postmaster is the server's process.
func (p *Postgres) postmaster() (int, error) {
	files, err := filepath.Glob(filepath.Join(p.config.DataDir, "*", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	if len(files) != 1 {
		return 0, fmt.Errorf("find Postgres's process: %d files postmaster.pid in %s", len(files), p.config.DataDir)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return 0, fmt.Errorf("find Postgres's process: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// childrenOf are the processes whose parent is pid.
func childrenOf(pid int) (children []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // fails for malformed patterns only
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …; the name may hold anything
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

func (p *Postgres) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server.Close()
}
