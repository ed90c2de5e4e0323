package report

import (
	"bytes"
	"strings"
	"testing"

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

func newTable(verbose bool) (*Console, *bytes.Buffer) {
	printed := new(bytes.Buffer)
	c := NewConsole(printed, verbose)
	c.Table(terms, 3, at(9, 100))
	return c, printed
}

func TestTable(t *testing.T) {
	c, printed := newTable(false)
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

// TestTableOfHugeTerms checks that a term whose two decimals are wider than its column has as many digits as go there.
func TestTableOfHugeTerms(t *testing.T) {
	c, printed := newTable(false)
	printed.Reset()
	c.Row(Epoch{Number: 3, Train: machine.Terms{3667493294351025664, 1234.567}, Test: machine.Terms{-99999.994, -1e-30}, Seconds: 1, ImagesPerSecond: 1})
	if want := "    3/3  3.67e+18 1234.6   -100000  -0.00      1.0        1\n"; printed.String() != want {
		t.Errorf("printed\n%s, want\n%s", printed, want)
	}
}

// TestTableOfSmallTerms checks that terms below 1 have four decimals where those go into the column.
func TestTableOfSmallTerms(t *testing.T) {
	c, printed := newTable(false)
	printed.Reset()
	c.Row(Epoch{Number: 3, Train: machine.Terms{0.074258, 0.5}, Test: machine.Terms{-0.00004, -0.25}, Seconds: 1, ImagesPerSecond: 1})
	if want := "    3/3    0.0743 0.5000   -0.0000  -0.25      1.0        1\n"; printed.String() != want {
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

// TestTableInAFileHasRowsAlone checks that however long an epoch takes, nothing stands between two rows.
func TestTableInAFileHasRowsAlone(t *testing.T) {
	c, printed := newTable(false)
	before := printed.String()
	for step := range uint64(1000) {
		c.Progress(at(step, 100))
	}
	if got := printed.String(); got != before {
		t.Errorf("progress prints %q", strings.TrimPrefix(got, before))
	}
}

// TestVerboseProgress checks that there is a line as soon as another hundred of steps is full, however many are made at a time.
func TestVerboseProgress(t *testing.T) {
	c, printed := newTable(true)
	printed.Reset()
	for _, step := range []uint64{10, 50, 99, 114, 199, 200, 1000} {
		c.Progress(at(step, 100))
	}
	var steps []string
	for line := range strings.Lines(printed.String()) {
		row, step, _ := strings.Cut(line, "step ")
		if row != "    2/3    110.00   9.50  " {
			t.Errorf("a line begins with %q, want the epoch and its terms under their heads", row)
		}
		step, _, _ = strings.Cut(step, ", ")
		steps = append(steps, step)
	}
	if got := strings.Join(steps, " "); got != "114 200 1,000" {
		t.Errorf("lines at steps %s, want 114 200 1,000:\n%s", got, printed)
	}
}
