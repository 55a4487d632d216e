package bench

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Roles of processes in a measurement.
const (
	roleBroker   = "broker"
	rolePostgres = "postgres"
	roleEngine   = "engine"
	roleLoad     = "load" // start messages, worker and status reader: this process
)

// ticksPerSecond is the unit of processor times in /proc, fixed on Linux.
const ticksPerSecond = 100

// processes are the processes whose time is measured, by role. Only those of
// this machine are found, and only on Linux.
type processes map[string][]int

// findProcesses looks for the servers behind the brokers and the database.
func findProcesses(brokers []string, databaseHost string, databasePort uint16, engine int) processes {
	ps := processes{roleLoad: {os.Getpid()}}
	if engine != os.Getpid() {
		ps[roleEngine] = []int{engine}
	}
	for _, b := range brokers {
		host, port, err := net.SplitHostPort(b)
		if err != nil || !isLocal(host) {
			continue
		}
		n, _ := strconv.ParseUint(port, 10, 16)
		if pid := listener(uint16(n)); pid != 0 && pid != os.Getpid() {
			ps[roleBroker] = append(ps[roleBroker], pid)
		}
	}
	if strings.HasPrefix(databaseHost, "/") || isLocal(databaseHost) {
		if pid := listener(databasePort); pid != 0 {
			ps[rolePostgres] = []int{pid}
		}
	}
	return ps
}

func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// listener is the process that listens on a TCP port; 0: not found.
func listener(port uint16) int {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, inode := range listeningInodes(table, port) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well-formed
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && sockets[target] {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	return 0
}

// listeningInodes reads the sockets of /proc/net/tcp in state LISTEN (0A).
func listeningInodes(table string, port uint16) (inodes []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], suffix) {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}

// seconds is the processor time each role has used, children included.
func (ps processes) seconds() map[string]float64 {
	children := map[int][]int{}
	ticks, reaped := map[int]float64{}, map[int]float64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, file := range files {
		if st, ok := readStat(file); ok {
			ticks[st.pid], reaped[st.pid] = st.ticks, st.reaped
			children[st.parent] = append(children[st.parent], st.pid)
		}
	}
	out := map[string]float64{}
	for role, pids := range ps {
		for _, pid := range pids {
			out[role] += ticks[pid] / ticksPerSecond
			if role == rolePostgres { // a process for each connection
				out[role] += reaped[pid] / ticksPerSecond
				for _, child := range children[pid] {
					out[role] += ticks[child] / ticksPerSecond
				}
			}
		}
	}
	return out
}

// stat is what /proc/<pid>/stat says: processor time in ticks, reaped being that
// of children that have ended.
type stat struct {
	pid, parent   int
	ticks, reaped float64
}

func readStat(file string) (s stat, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return s, false // it has just ended
	}
	end := strings.LastIndexByte(string(text), ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 15 {
		return s, false
	}
	s.pid, _ = strconv.Atoi(strings.Fields(string(text))[0])
	s.parent, _ = strconv.Atoi(fields[1])
	number := func(i int) float64 {
		n, _ := strconv.ParseFloat(fields[i], 64)
		return n
	}
	s.ticks = number(11) + number(12) // user and system
	s.reaped = number(13) + number(14)
	return s, true
}

// machine is what the whole machine did: to tell a slow system from a busy machine.
type machine struct{ busy, stolen, total float64 }

func readMachine() (m machine) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line)[1:] {
		t, _ := strconv.ParseFloat(field, 64)
		if i > 7 { // guest times are part of the user times
			break
		}
		m.total += t / ticksPerSecond
		switch i {
		case 3, 4: // idle, waiting for the disk
		case 7:
			m.stolen += t / ticksPerSecond
		default:
			m.busy += t / ticksPerSecond
		}
	}
	return m
}

// loadAverage is the number of runnable tasks over the last minute.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}
