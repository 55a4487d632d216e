package bench

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestListenerIsThisProcess(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	require.Equal(t, os.Getpid(), listener(port))
	require.NoError(t, l.Close())
	require.Zero(t, listener(port))
}

func TestProcessTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	ps := processes{roleLoad: {os.Getpid()}}
	before := ps.seconds()[roleLoad]
	for end := time.Now().Add(10 * time.Second); ps.seconds()[roleLoad] <= before; {
		require.True(t, time.Now().Before(end), "no processor time was counted")
	}
}

func TestIsLocal(t *testing.T) {
	t.Parallel()
	for host, local := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "10.0.0.1": false, "kafka.example": false} {
		require.Equal(t, local, isLocal(host), host)
	}
}
