package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"govae/model"
	"govae/model/machine"
)

// terms are those of a made-up model.
var terms = []model.Term{
	{Name: "loss", Title: "Loss", Column: "    loss", Formula: "near + far"},
	{Name: "near", Title: "Near", Column: "  near"},
}

// at returns where a run of 3 epochs of 1,000 images is, in its second.
func at(step uint64, images int) Progress {
	return Progress{Epoch: 2, Step: step, Images: images, Of: 1000, Terms: machine.Terms{110, 9.5}}
}

func newTable(terminal, verbose bool) (*Console, *bytes.Buffer) {
	printed := new(bytes.Buffer)
	c := NewConsole(printed, verbose)
	c.terminal = terminal
	c.Table(terms, 3, at(9, 100))
	return c, printed
}

func TestTable(t *testing.T) {
	c, printed := newTable(false, false)
	c.Row(Epoch{Number: 2, Step: 18, Train: machine.Terms{1234.567, -3.14159}, Test: machine.Terms{5, 6}, Seconds: 1.25, ImagesPerSecond: 12345.6})
	want := strings.Join([]string{
		"",
		"         loss = near + far, in nats per image",
		"         train ─────────  test ──────────",
		"  epoch      loss   near      loss   near  seconds images/s",
		"    2/3   1234.57  -3.14      5.00   6.00      1.2   12,346",
		"",
	}, "\n")
	if printed.String() != want {
		t.Errorf("printed\n%s, want\n%s", printed, want)
	}
}

func TestTableOfALossWithoutAFormula(t *testing.T) {
	printed := new(bytes.Buffer)
	NewConsole(printed, false).Table(terms[1:], 3, at(0, 0))
	if want := "\n         near, in nats per image\n"; !strings.HasPrefix(printed.String(), want) {
		t.Errorf("printed\n%s, want at its beginning\n%s", printed, want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	c, printed := newTable(true, false)
	if shown := printed.String(); !strings.Contains(shown, "epoch 2/3") || !strings.Contains(shown, " images/") {
		t.Errorf("the bar shows %q", shown)
	}
	c.Progress(at(10, 200))
	if state := c.bar.State(); state.CurrentNum != 100 || state.Max != 1900 {
		t.Errorf("the bar is at %d of %d images, want 100 of 1900", state.CurrentNum, state.Max)
	}
	next := at(30, 200)
	next.Epoch = 3
	c.Progress(next)
	if state := c.bar.State(); state.CurrentNum != 1100 {
		t.Errorf("an epoch later the bar is at %d images, want 1100", state.CurrentNum)
	}
	printed.Reset()
	c.Line("hello")
	if shown := printed.String(); !strings.HasSuffix(shown, "\rhello\n") {
		t.Errorf("a line is printed into the bar: %q", shown)
	}
}

func TestProgressWithoutATerminal(t *testing.T) {
	c, printed := newTable(false, false)
	printed.Reset()
	c.Progress(at(9, 100))
	if printed.Len() > 0 {
		t.Errorf("a line is printed at once: %q", printed)
	}
	c.lastLine = time.Now().Add(-time.Minute)
	c.Progress(at(1009, 100))
	if shown := printed.String(); !strings.HasPrefix(shown, "    2/3    110.00   9.50  step 1,009, ") || !strings.HasSuffix(shown, " left\n") {
		t.Errorf("the line is %q", shown)
	}
	printed.Reset()
	c.Progress(at(1010, 200))
	if printed.Len() > 0 {
		t.Errorf("a second line is printed at once: %q", printed)
	}
}

// TestVerboseProgress checks that there is a line as soon as another hundred of steps is full, however many are made at a time.
func TestVerboseProgress(t *testing.T) {
	c, printed := newTable(false, true)
	printed.Reset()
	for _, step := range []uint64{10, 50, 99, 114, 199, 200, 1000} {
		c.Progress(at(step, 100))
	}
	var steps []string
	for line := range strings.Lines(printed.String()) {
		_, step, _ := strings.Cut(line, "step ")
		step, _, _ = strings.Cut(step, ", ")
		steps = append(steps, step)
	}
	if got := strings.Join(steps, " "); got != "114 200 1,000" {
		t.Errorf("lines at steps %s, want 114 200 1,000:\n%s", got, printed)
	}
}
