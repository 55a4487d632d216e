package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// statements sends prepared statements to Postgres in one vectored write
// without copying their parameters: the client library's own buffer would be
// grown anew, by doubling, for each batch. Nothing asks for descriptions of the
// results, as nothing reads them.
type statements struct {
	conn    net.Conn
	replies *pgproto3.Frontend
	vectors net.Buffers
	small   []byte // everything that is not a large parameter
	from    int    // where the part of small that is not yet in vectors begins
}

// newStatements takes the connection over from the client library.
func newStatements(ctx context.Context, conn *pgconn.PgConn) (*statements, error) {
	if err := conn.SyncConn(ctx); err != nil {
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	h, err := conn.Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	return &statements{conn: h.Conn, replies: h.Frontend}, nil
}

func (s *statements) reset() {
	s.vectors, s.small, s.from = s.vectors[:0], s.small[:0], 0
}

// zeroCopy is from which size on a parameter is sent from where it is.
const zeroCopy = 512

// add queues a statement with binary parameters. They must not change before commit.
func (s *statements) add(name string, params ...[]byte) {
	size := 4 + 1 + len(name) + 1 + 4 + 2 + 4
	for _, p := range params {
		size += 4 + len(p)
	}
	b := binary.BigEndian.AppendUint32(append(s.small, 'B'), uint32(size))
	b = append(append(append(b, 0), name...), 0)
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

// commit runs what is queued as one implicit transaction, in one round trip.
func (s *statements) commit() error {
	s.small = append(s.small, 'S', 0, 0, 0, 4)
	s.vectors = append(s.vectors, s.small[s.from:])
	out := s.vectors // WriteTo consumes its receiver
	if _, err := out.WriteTo(s.conn); err != nil {
		return fmt.Errorf("send batch: %w", err)
	}
	var failure error
	for {
		m, err := s.replies.Receive()
		if err != nil {
			return errors.Join(failure, fmt.Errorf("read answer to batch: %w", err))
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			failure = pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			return failure
		}
	}
}

func (s *statements) close() error {
	_ = s.conn.SetDeadline(time.Now().Add(time.Second)) // of a farewell nobody answers
	s.replies.Send(&pgproto3.Terminate{})
	return errors.Join(s.replies.Flush(), s.conn.Close())
}
