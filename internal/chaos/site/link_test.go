package site

import (
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echoServer answers with what it is told, and gives its port.
func echoServer(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func newTestLink(t *testing.T) *Link {
	t.Helper()
	link, err := newLink("a to b", echoServer(t))
	require.NoError(t, err)
	t.Cleanup(link.Down)
	require.Equal(t, strconv.Itoa(addressPort(t, link)), link.port())
	return link
}

func addressPort(t *testing.T, l *Link) int {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Address())
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return n
}

func dial(t *testing.T, l *Link) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Address())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a byte and says how long the answer took.
func ask(conn net.Conn, patience time.Duration) (time.Duration, error) {
	began := time.Now()
	if _, err := conn.Write([]byte{1}); err != nil {
		return 0, err
	}
	_ = conn.SetReadDeadline(began.Add(patience)) // a closed connection says so when it is read
	_, err := conn.Read(make([]byte, 1))
	return time.Since(began), err
}

func TestDelayBothWaysUntilRestored(t *testing.T) {
	t.Parallel()
	link := newTestLink(t)
	conn := dial(t, link)
	_, err := ask(conn, time.Minute)
	require.NoError(t, err)
	require.NoError(t, link.Delay(100*time.Millisecond))
	took, err := ask(conn, time.Minute)
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, 150*time.Millisecond, "a quarter less, twice")
	link.Restore(t.Context())
	_, err = ask(conn, time.Minute)
	require.NoError(t, err, "a delayed connection goes on")
}

func TestFreezeLetsNothingThroughAndTellsNobody(t *testing.T) {
	t.Parallel()
	link := newTestLink(t)
	conn := dial(t, link)
	_, err := ask(conn, time.Minute)
	require.NoError(t, err)
	require.NoError(t, link.Freeze())
	_, err = ask(conn, 200*time.Millisecond)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout(), err)
	link.Restore(t.Context())
	_, err = ask(dial(t, link), time.Minute)
	require.NoError(t, err, "new connections pass")
}

func TestCutClosesWhatThereIs(t *testing.T) {
	t.Parallel()
	link := newTestLink(t)
	conn := dial(t, link)
	_, err := ask(conn, time.Minute)
	require.NoError(t, err)
	require.NoError(t, link.Cut())
	eventually(t, func() bool { _, err := ask(conn, time.Minute); return err != nil })
	_, err = ask(dial(t, link), time.Minute)
	require.NoError(t, err)
}

func TestDownRefuses(t *testing.T) {
	t.Parallel()
	link := newTestLink(t)
	link.Down()
	_, err := net.Dial("tcp", link.Address())
	require.Error(t, err)
	require.NoError(t, link.Up())
	_, err = ask(dial(t, link), time.Minute)
	require.NoError(t, err)
}
