// Package terminaltest shows tests what a program's output looks like on a terminal.
package terminaltest

import (
	"fmt"
	"strings"
)

// Screen is a model of a terminal that only knows how to write characters, to go to the beginning of a line and to the next, and that
// goes on with another line behind the last place of one.
type Screen struct {
	width int
	lines [][]rune
	at    int // on the last line
}

// NewScreen returns an empty screen.
func NewScreen(width int) *Screen { return &Screen{width: width, lines: [][]rune{nil}} }

// Write shows what is written.
func (s *Screen) Write(p []byte) (int, error) {
	for _, r := range string(p) {
		switch last := &s.lines[len(s.lines)-1]; {
		case r == '\r':
			s.at = 0
		case r == '\n':
			s.lines, s.at = append(s.lines, nil), 0
		case r < ' ':
			panic(fmt.Sprintf("the screen does not know %q", r))
		default:
			if s.at == s.width {
				s.lines, s.at = append(s.lines, nil), 0
				last = &s.lines[len(s.lines)-1]
			}
			for len(*last) <= s.at {
				*last = append(*last, ' ')
			}
			(*last)[s.at] = r
			s.at++
		}
	}
	return len(p), nil
}

// Width returns how many characters go on a line.
func (s *Screen) Width() int { return s.width }

// Lines returns how many lines there are, from the first one that was written on.
func (s *Screen) Lines() int { return len(s.lines) }

// String returns the lines, without the spaces at their ends.
func (s *Screen) String() string {
	var lines []string
	for _, line := range s.lines {
		lines = append(lines, strings.TrimRight(string(line), " "))
	}
	return strings.Join(lines, "\n")
}

// Resize does what a terminal does that cuts lines off.
func (s *Screen) Resize(width int) {
	s.width = width
	for i, line := range s.lines {
		s.lines[i] = line[:min(len(line), width)]
	}
	s.at = min(s.at, width)
}
