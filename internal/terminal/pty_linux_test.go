package terminal

import (
	"fmt"
	"io"
	"testing"
	"time"

	"govae/internal/terminaltest"
)

// TestOnARealTerminal shows a bar on a pseudo-terminal of several widths, in turn, and looks at what a screen of that width makes of it.
func TestOnARealTerminal(t *testing.T) {
	inside, outside := terminaltest.NewPTY(t)
	t.Setenv("TERM", "xterm")
	for _, width := range []int{80, 40, 10} {
		terminaltest.SetWidth(t, inside, width)
		out := NewOutput(inside)
		if got := Width(out); got != width {
			t.Errorf("the width is %d, want %d", got, width)
		}
		b := NewBar(out)
		now := time.Unix(1000, 0)
		b.now = func() time.Time { return now }
		fmt.Fprint(out, "before\n")
		for done := 0; done <= 60_000; done += 10_000 {
			b.Show(done, 60_000, "epoch 1/10")
			now = now.Add(time.Second)
		}
		b.Clear()
		fmt.Fprint(out, "after\n\x00")
		s := terminaltest.NewScreen(width)
		for one := make([]byte, 1); ; {
			if _, err := io.ReadFull(outside, one); err != nil {
				t.Fatal(err)
			}
			if one[0] == 0 {
				break
			}
			s.Write(one)
		}
		if got := s.String(); got != "before\nafter\n" {
			t.Errorf("at %d characters the screen shows\n%s", width, got)
		}
	}
}

// TestTerminalsThatObey checks what TERM and the width 0, of a terminal that does not tell it, mean.
func TestTerminalsThatObey(t *testing.T) {
	inside, _ := terminaltest.NewPTY(t)
	for kind, want := range map[string]bool{"xterm": true, "screen-256color": true, "dumb": false, "": false} {
		t.Setenv("TERM", kind)
		if got := Obeys(inside); got != want {
			t.Errorf("TERM=%s obeys: %t, want %t", kind, got, want)
		}
	}
	terminaltest.SetWidth(t, inside, 0)
	if got := Width(inside); got != usualWidth {
		t.Errorf("a terminal that does not tell its width is %d wide, want %d", got, usualWidth)
	}
}
