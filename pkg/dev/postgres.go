package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// PostgresConfig says how to run a private Postgres. DataDir or Temporary is required, all else may be zero.
type PostgresConfig struct {
	// DataDir is the folder for the data, the password and the server's log; created if missing.
	DataDir string
	// Temporary throws the data away: a folder of its own in memory or in TMPDIR, no fsync, gone when the server or this process ends.
	Temporary bool
	// Port to listen on, on 127.0.0.1. Default: a free one, another at each start.
	Port int
	// Settings are further server settings by their names in postgresql.conf; they win over ours.
	Settings map[string]string
	// StartTimeout limits a start, downloads aside. Default: one minute, which leaves room for crash recovery.
	StartTimeout time.Duration
	// Logger tells what is started where. Default: none.
	Logger *zap.Logger
}

func (c PostgresConfig) validate() error {
	var problems []error
	if (c.DataDir == "") != c.Temporary {
		problems = append(problems, errors.New("give either a data folder or Temporary"))
	}
	if c.Port < 0 || c.Port > 65535 {
		problems = append(problems, fmt.Errorf("port %d is not in 0..65535", c.Port))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	return nil
}

// Postgres is a running private server.
type Postgres struct {
	config   PostgresConfig
	cluster  cluster
	lock     *folderLock
	server   *supervised
	port     int
	password string
	log      *zap.Logger
}

// StartPostgres starts a private Postgres server and returns when it accepts connections.
//
// It runs the newest installation of the machine that can read the data folder, and downloads one if there is none. As root it runs
// the server as user postgres or nobody. The server ends with this process, even when this process is killed. A folder used by another
// process gives ErrLocked.
func StartPostgres(ctx context.Context, config PostgresConfig) (*Postgres, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	p := &Postgres{config: config, log: cmp.Or(config.Logger, zap.NewNop())}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Postgres: %w", err), p.Close())
	}
	p.log.Info("Postgres is running", zap.Int("port", p.port), zap.String("data", p.cluster.folder), zap.Bool("temporary", config.Temporary))
	return p, nil
}

// start does it all in the order needed; what it has begun when it fails, Close undoes.
func (p *Postgres) start(ctx context.Context) error {
	account, err := serverAccount()
	if err != nil {
		return err
	}
	if err := p.takeFolder(ctx, account); err != nil {
		return err
	}
	install, err := p.prepare(ctx)
	if err != nil {
		return err
	}
	if p.password, err = p.cluster.password(); err != nil {
		return err
	}
	return p.launch(ctx, install)
}

func (p *Postgres) takeFolder(ctx context.Context, a account) (err error) {
	p.cluster = cluster{folder: p.config.DataDir, account: a}
	if p.config.Temporary {
		sweep(ctx, a)
		p.cluster.folder, p.lock, err = newTemporaryFolder(a)
		return err
	}
	if p.cluster.folder, err = filepath.Abs(p.config.DataDir); err != nil {
		return err
	}
	if p.lock, err = lockFolder(p.cluster.folder); err != nil {
		return err
	}
	return p.cluster.endOrphan(ctx)
}

// prepare finds the programs and makes the cluster if this is the first start.
func (p *Postgres) prepare(ctx context.Context) (installation, error) {
	major, err := p.cluster.existing()
	if err != nil {
		return installation{}, err
	}
	install, ok := findInstallation(ctx, p.cluster.account, major)
	if !ok {
		if install, err = p.download(ctx, major); err != nil {
			return installation{}, err
		}
	}
	p.log.Info("using PostgreSQL "+install.version, zap.String("programs", install.bin), zap.String("account", cmp.Or(p.cluster.account.name, "own")))
	switch {
	case major != 0:
		return install, nil
	case p.config.Temporary:
		_, err = newTemporary(ctx, p.cluster.account, install, p.cluster.folder)
	default:
		p.log.Info("creating a new database folder", zap.String("data", p.cluster.folder))
		err = p.cluster.create(ctx, install)
	}
	return install, err
}

// launch tries several ports if it may choose: a port found free can be taken before the server binds it.
func (p *Postgres) launch(ctx context.Context, install installation) error {
	for attempt := 1; ; attempt++ {
		if err := p.choosePort(); err != nil {
			return err
		}
		err := p.serve(ctx, install)
		if err == nil || p.config.Port != 0 || attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

func (p *Postgres) choosePort() error {
	if p.port = p.config.Port; p.port != 0 {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	p.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// serve starts the server and waits until it is ready or has given up.
func (p *Postgres) serve(ctx context.Context, install installation) error {
	path, files, err := p.cluster.open(p.cluster.pgdata())
	if err != nil {
		return err
	}
	defer closeAll(files)
	log, err := os.Create(filepath.Join(p.cluster.folder, "postgres.log"))
	if err != nil {
		return fmt.Errorf("create server log: %w", err)
	}
	defer log.Close()
	command := serverCommand{account: p.cluster.account, files: files, log: log, lock: p.lock, signal: "INT"}
	if p.config.Temporary {
		command.signal, command.doomed = "QUIT", p.cluster.folder // no checkpoint for data nobody keeps
	}
	command.args = append([]string{install.program("postgres"), "-D", path}, p.settings()...)
	if p.server, err = supervise(command); err != nil {
		return err
	}
	return p.awaitReady(ctx, log)
}

// awaitReady reads the server's own word in its folder; a connection could reach somebody else's server on the same port.
func (p *Postgres) awaitReady(ctx context.Context, log io.ReaderAt) error {
	err := poll(ctx, cmp.Or(p.config.StartTimeout, time.Minute), func() bool {
		file, ok := p.cluster.pidFile()
		return ok && file.ready || p.ended()
	})
	if !p.ended() {
		return err
	}
	// Read through the open file, because the folder of a temporary server is gone by now.
	said, _ := io.ReadAll(io.NewSectionReader(log, 0, 64<<10))
	return fmt.Errorf("server ended at start (%w): %s", cmp.Or(p.server.err, errors.New("exit status 0")), said)
}

func (p *Postgres) ended() bool {
	select {
	case <-p.server.done:
		return true
	default:
		return false
	}
}

// settings as arguments of postgres. Everything is given here, so that the files in the folder stay as initdb made them.
func (p *Postgres) settings() []string {
	all := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(p.port), "unix_socket_directories": "",
		"max_connections": "200", "shared_buffers": "256MB",
		"max_wal_size": "4GB", "checkpoint_timeout": "15min", "wal_compression": "on",
		"jit": "off", "log_checkpoints": "off", "timezone": "UTC", "log_timezone": "UTC",
	}
	if p.config.Temporary {
		maps.Copy(all, map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB",
			"max_wal_size": "256MB", "wal_level": "minimal", "max_wal_senders": "0",
		})
	}
	maps.Copy(all, p.config.Settings)
	var args []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

// URL is the connection URL of the superuser to the database postgres, password included.
func (p *Postgres) URL() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(superuser, p.password), Path: "/postgres",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), RawQuery: "sslmode=disable"}
	return u.String()
}

// DataDir is the folder the server's data lies in.
func (p *Postgres) DataDir() string { return p.cluster.folder }

// Done is closed when the server has ended, by Close or by itself.
func (p *Postgres) Done() <-chan struct{} { return p.server.done }

// CreateDatabase makes an empty database and returns the URL to connect to it.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) (string, error) {
	return CreateDatabase(ctx, p.URL(), name)
}

// CreateDatabase makes an empty database on the server of serverURL and returns the URL to connect to it.
func CreateDatabase(ctx context.Context, serverURL, name string) (string, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return "", fmt.Errorf("create database %s: server URL: %w", name, err)
	}
	// template0, because nobody can be connected to it, which would fail the copy.
	if err := execute(ctx, serverURL, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0"); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// DropDatabase removes a database and ends the connections to it; one that does not exist is no error.
func DropDatabase(ctx context.Context, serverURL, name string) error {
	if err := execute(ctx, serverURL, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// Close ends connections, stops the server and waits until it is gone. Temporary data is removed.
func (p *Postgres) Close() error {
	if p.lock == nil {
		return nil
	}
	if p.server != nil {
		p.server.stop(time.Minute)
	}
	err := p.cluster.endOrphan(context.Background()) // if the supervisor was killed, or the server took too long
	if p.config.Temporary {
		err = errors.Join(err, os.RemoveAll(p.cluster.folder))
	}
	p.lock.release()
	p.lock = nil
	if err != nil {
		return fmt.Errorf("stop Postgres: %w", err)
	}
	return nil
}
