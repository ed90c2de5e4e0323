package terminal

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"govae/internal/terminaltest"
)

// barOn returns a bar on a screen, and what makes time go by.
func barOn(s *terminaltest.Screen) (*Bar, func(time.Duration)) {
	now := time.Unix(1000, 0)
	b := &Bar{w: s, shows: true, now: func() time.Time { return now }, width: func() int { return s.Width() }}
	return b, func(d time.Duration) { now = now.Add(d) }
}

// TestBarLeavesNothingBehind shows a bar at many widths and many times, with lines printed into it: on the screen are the lines and
// the bar as it is now, and once it is cleared, the lines alone.
func TestBarLeavesNothingBehind(t *testing.T) {
	for width := range 130 {
		s := terminaltest.NewScreen(max(1, width))
		b, pass := barOn(s)
		const of = 60_000_000
		for done := 0; done <= of; done += of / 16 {
			b.Show(done, of, "epoch 1/10")
			if n := s.Lines(); n != 1 {
				t.Fatalf("at %d characters the bar takes %d lines:\n%s", width, n, s)
			}
			pass(700 * time.Second)
		}
		b.Clear()
		fmt.Fprint(s, "a\n")
		b.Show(of, of, "x")
		b.Clear()
		if got := s.String(); got != "a\n" {
			t.Errorf("at %d characters %q is left, want the line alone", width, got)
		}
	}
}

// TestBarOnATerminalThatIsResized makes the terminal narrow and wide again under the bar.
func TestBarOnATerminalThatIsResized(t *testing.T) {
	s := terminaltest.NewScreen(80)
	b, pass := barOn(s)
	for i, width := range []int{80, 40, 10, 1, 100, 41, 200} {
		s.Resize(width)
		pass(time.Second)
		b.Show(100*i, 1000, "epoch 1/10")
		if n := s.Lines(); n != 1 {
			t.Fatalf("at %d characters the bar takes %d lines:\n%s", width, n, s)
		}
	}
	b.Clear()
	if got := s.String(); got != "" {
		t.Errorf("%q is left", got)
	}
}

// TestBarSays checks what the bar says, from wide to narrow, against numbers worked out by hand: 500 of the 1,000 images in 4 seconds.
func TestBarSays(t *testing.T) {
	for width, want := range map[int]string{
		100: "epoch 1/10  75% [=====================>........]  125 images/s, 2s left",
		80:  "epoch 1/10  75% [=====================>........]  125 images/s, 2s left",
		51:  "epoch 1/10  75% [=====>..]  125 images/s, 2s left",
		41:  "epoch 1/10  75%  125 images/s, 2s left",
		38:  "epoch 1/10  75%  125 images/s",
		25:  "epoch 1/10  75%  2s left",
		20:  "epoch 1/10  75%",
		10:  "75%",
		3:   "75",
		1:   "",
	} {
		s := terminaltest.NewScreen(width)
		b, pass := barOn(s)
		b.Show(250, 1000, "epoch 1/10")
		pass(4 * time.Second)
		b.Show(750, 1000, "epoch 1/10")
		if got := s.String(); got != want {
			t.Errorf("at %d characters it says\n%s, want\n%s", width, got, want)
		}
	}
}

// TestBarIsFilled checks how the bar begins and ends: without its tip.
func TestBarIsFilled(t *testing.T) {
	for done, want := range map[int]string{0: "0% [........]", 1: "12% [>.......]", 7: "87% [======>.]", 8: "100% [========]", 9: "100% [========]"} {
		b, _ := barOn(terminaltest.NewScreen(80))
		b.done, b.of = done, 8
		if got := b.picture(8); got != want {
			t.Errorf("%d of 8 is %s, want %s", done, got, want)
		}
	}
}

// TestBarsPace checks that numbers are there from the first on that is known, also of very slow work, and never one image an hour.
func TestBarsPace(t *testing.T) {
	for _, test := range []struct {
		done, of int
		after    time.Duration
		want     string
	}{
		{0, 100, time.Second, ""},
		{0, 100, 0, ""},
		{50, 100, 0, ""},
		{60_000, 600_000, 4 * time.Second, "15,000 images/s, 36s left"},
		{10, 100, time.Second, "10 images/s, 9s left"},
		{1, 11, 10 * time.Second, "0.1 images/s, 1m40s left"},
		{1, 2, 1000 * time.Hour, "2.8e-07 images/s, 1000h0m0s left"},
		{1, 1 << 62, 1000 * time.Hour, "2.8e-07 images/s, 9999h0m0s left"},
		{100, 100, time.Second, "100 images/s, 0s left"},
		{101, 100, time.Second, "101 images/s, 0s left"},
	} {
		b, pass := barOn(terminaltest.NewScreen(80))
		b.Show(0, test.of, "")
		pass(test.after)
		b.Show(test.done, test.of, "")
		if got := b.Pace(); got != test.want {
			t.Errorf("%d of %d in %v: %q, want %q", test.done, test.of, test.after, got, test.want)
		}
	}
}

// TestBarIsThrottled checks that much that is done in no time is written down once, and that after Clear the bar is back at once.
func TestBarIsThrottled(t *testing.T) {
	s := terminaltest.NewScreen(80)
	b, pass := barOn(s)
	for done := range 100 {
		b.Show(done, 100, "")
	}
	if got := s.String(); !strings.HasPrefix(got, "0%") {
		t.Errorf("it says %q, want the first picture", got)
	}
	b.Clear()
	b.Show(50, 100, "")
	if got := s.String(); !strings.HasPrefix(got, "50%") {
		t.Errorf("after Clear it says %q, want 50%%", got)
	}
	pass(throttle)
	b.Show(70, 100, "")
	if got := s.String(); !strings.HasPrefix(got, "70%") {
		t.Errorf("later it says %q, want 70%%", got)
	}
}

// TestWithoutATerminal checks that nothing is shown in a file, a pipe, a buffer and what fails, and that the pace is known all the same.
func TestWithoutATerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	written := new(strings.Builder)
	for _, out := range []io.Writer{file, w, written, NewOutput(file), NewOutput(written)} {
		if Obeys(out) {
			t.Errorf("a %T is taken for a terminal", out)
		}
		if got := Width(out); got != usualWidth {
			t.Errorf("a %T is %d characters wide", out, got)
		}
		b := NewBar(out)
		now := time.Unix(1000, 0)
		b.now = func() time.Time { return now }
		b.Show(0, 10, "x")
		now = now.Add(time.Second)
		b.Show(5, 10, "x")
		b.Clear()
		if got := b.Pace(); got != "5 images/s, 1s left" {
			t.Errorf("the pace is %q", got)
		}
	}
	if info, err := file.Stat(); err != nil || info.Size() > 0 || written.Len() > 0 {
		t.Errorf("something is written: %v, %v, %q", info, err, written)
	}
}
