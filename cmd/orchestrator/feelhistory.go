package main

import (
	"os"
	"path/filepath"
	"strings"
)

// maxHistory is how many lines the history keeps.
const maxHistory = 1000

// lineHistory makes a file the history of a terminal (term.History). A file that
// cannot be read or written is done without: history is a comfort.
type lineHistory struct {
	lines []string // the oldest first
	file  string   // empty without a place for it
}

// historyFile is in the user's state folder (XDG base directories).
func historyFile() string {
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "barnabas", "feel_history")
}

func openHistory() *lineHistory {
	h := &lineHistory{file: historyFile()}
	text, err := os.ReadFile(h.file)
	if err != nil {
		return h
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line != "" {
			h.lines = append(h.lines, line)
		}
	}
	h.trim()
	return h
}

func (h *lineHistory) trim() { h.lines = h.lines[max(len(h.lines)-maxHistory, 0):] }

// Add keeps a line, unless it is empty or the same as the one before.
func (h *lineHistory) Add(line string) {
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.trim()
}

// Len is the number of lines.
func (h *lineHistory) Len() int { return len(h.lines) }

// At is a line, 0 being the latest.
func (h *lineHistory) At(i int) string { return h.lines[len(h.lines)-1-i] }

// close writes the file, for its owner alone.
func (h *lineHistory) close() {
	if h.file == "" || os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	_ = os.WriteFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600) // see above
}
