package site

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort is a port nobody listens on, below those that systems give to
// outgoing connections: it stays free while who listens on it is away.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", local(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("found no free port between 20000 and 32000 in 100 tries")
}

// freePorts are n different free ports.
func freePorts(n int) ([]int, error) {
	var ports []int
	taken := make(map[int]bool)
	for len(ports) < n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		if !taken[port] {
			taken[port] = true
			ports = append(ports, port)
		}
	}
	return ports, nil
}
