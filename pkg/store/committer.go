package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Committer makes batches true, one after the other. It is used by one goroutine.
type Committer interface {
	// Commit makes the batch true: one round trip, one implicit transaction. On
	// success f has moved on. On any error nothing of the batch is stored, except
	// when the connection was lost: then ReadFence tells. b is not changed.
	Commit(ctx context.Context, f *Fence, b *Batch) error
	// Close ends the connection; the next Commit makes a new one.
	Close()
}

// committer is a Committer on a connection of its own.
type committer struct {
	config *pgx.ConnConfig
	conn   *statements // nil: not connected
	outbox compressor
}

// Committer returns one that connects when it is first used.
func (s *Store) Committer() Committer { return &committer{config: s.Pool.Config().ConnConfig} }

func (c *committer) Commit(ctx context.Context, f *Fence, b *Batch) error {
	if err := c.connect(ctx); err != nil {
		return fmt.Errorf("commit batch %d of home %d: %w", f.CommitSeq+1, f.Home, err)
	}
	b.queue(c.conn, f, &c.outbox)
	slot, err := c.conn.commit(ctx)
	if err != nil {
		if refused := refusal(err); refused != nil {
			return refused
		}
		c.Close()
		return fmt.Errorf("commit batch %d of home %d: %w", f.CommitSeq+1, f.Home, err)
	}
	f.CommitSeq++
	f.OutboxSeq += b.outboxRows()
	f.Slot = slot
	return nil
}

func (c *committer) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, c.config.Copy())
	if err != nil {
		return err
	}
	if err = prepare(ctx, conn); err == nil {
		c.conn, err = takeOver(ctx, conn.PgConn())
	}
	if err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	return nil
}

func (c *committer) Close() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
}

// statements queues prepared statements and sends them in one vectored write
// without copying their parameters. The client library's own pipeline buffers
// all of it, in a buffer that it grows anew for each batch; that alone was a
// quarter of the processor time of a busy engine.
type statements struct {
	conn    net.Conn
	replies *pgproto3.Frontend
	vectors net.Buffers
	small   []byte // everything that is not a large parameter
	from    int    // where the part of small that is not yet in vectors begins
}

// takeOver has the connection from the client library.
func takeOver(ctx context.Context, conn *pgconn.PgConn) (*statements, error) {
	if err := conn.SyncConn(ctx); err != nil {
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	h, err := conn.Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	return &statements{conn: h.Conn, replies: h.Frontend}, nil
}

// zeroCopy is from which size on a parameter is sent from where it is.
const zeroCopy = 512

// add queues a statement with binary parameters, which must not change before
// commit (PostgreSQL frontend/backend protocol: Bind, Execute).
func (s *statements) add(st statement, params ...[]byte) {
	size := 4 + 1 + len(st.name) + 1 + 4 + 2 + 4
	for _, p := range params {
		size += 4 + len(p)
	}
	b := binary.BigEndian.AppendUint32(append(s.small, 'B'), uint32(size))
	b = append(append(append(b, 0), st.name...), 0)
	b = append(b, 0, 1, 0, 1) // one format for all parameters: binary
	b = binary.BigEndian.AppendUint16(b, uint16(len(params)))
	for _, p := range params {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		if len(p) < zeroCopy {
			b = append(b, p...)
			continue
		}
		s.vectors = append(s.vectors, b[s.from:], p)
		s.from = len(b)
	}
	b = append(b, 0, 1, 0, 1)                           // and for all results
	s.small = append(b, 'E', 0, 0, 0, 9, 0, 0, 0, 0, 0) // execute, no row limit
}

// commitTimeout is how long the database may take to answer before the
// connection counts as lost.
const commitTimeout = time.Minute

// commit runs what is queued as one implicit transaction, in one round trip. The
// first row that comes back carries the outbox slot (statement batch_fence).
func (s *statements) commit(ctx context.Context) (slot int32, err error) {
	defer s.reset()
	if err := s.conn.SetDeadline(time.Now().Add(commitTimeout)); err != nil {
		return 0, err
	}
	giveUp := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Now()) }) // fails on a closed connection, which is as good
	defer giveUp()
	s.small = append(s.small, 'S', 0, 0, 0, 4)
	s.vectors = append(s.vectors, s.small[s.from:])
	out := s.vectors // WriteTo consumes its receiver
	if _, err := out.WriteTo(s.conn); err != nil {
		return 0, err
	}
	return s.read()
}

func (s *statements) reset() { s.vectors, s.small, s.from = s.vectors[:0], s.small[:0], 0 }

// read reads answers up to the end of the transaction.
func (s *statements) read() (slot int32, failure error) {
	for first := true; ; {
		m, err := s.replies.Receive()
		if err != nil {
			return 0, errors.Join(failure, err)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			if first {
				slot, first = int32(binary.BigEndian.Uint32(m.Values[2])), false
			}
		case *pgproto3.ErrorResponse:
			failure = pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			return slot, failure
		}
	}
}

// close says farewell and closes. That nobody answers is no matter.
func (s *statements) close() {
	_ = s.conn.SetDeadline(time.Now().Add(time.Second))
	s.replies.Send(&pgproto3.Terminate{})
	_ = s.replies.Flush()
	_ = s.conn.Close()
}
