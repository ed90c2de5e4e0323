package train

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
)

// atStep returns a run that is in its second of three epochs, and what it prints to.
func atStep(terminal bool) (*run, *bytes.Buffer) {
	printed := new(bytes.Buffer)
	o := DefaultOptions()
	o.Epochs = 3
	r := &run{
		Options: o,
		set:     &dataset.Set{Train: model.Images{Shape: model.Image{Height: 1, Width: 1, Channels: 1}, Values: make([]byte, 1000)}},
		at:      checkpoint.Run{Epoch: 1, Step: 9, Partial: checkpoint.Sums{Images: 100, Reconstruction: 9000, KL: 2000}},
		console: &console{w: printed, terminal: terminal},
	}
	return r, printed
}

func TestProgressOnATerminal(t *testing.T) {
	r, printed := atStep(true)
	r.console.startBar(r)
	if shown := printed.String(); !strings.Contains(shown, "epoch 2/3") || !strings.Contains(shown, " images/") {
		t.Errorf("the bar shows %q", shown)
	}
	r.console.step(r, 100)
	if state := r.console.bar.State(); state.CurrentNum != 100 || state.Max != 1900 {
		t.Errorf("the bar is at %d of %d images, want 100 of 1900", state.CurrentNum, state.Max)
	}
	printed.Reset()
	r.console.line("hello")
	if shown := printed.String(); !strings.HasSuffix(shown, "\rhello\n") {
		t.Errorf("a line is printed into the bar: %q", shown)
	}
}

func TestProgressWithoutATerminal(t *testing.T) {
	r, printed := atStep(false)
	r.console.startBar(r)
	r.console.step(r, 100)
	if printed.Len() > 0 {
		t.Errorf("a line is printed at once: %q", printed)
	}
	r.console.lastLine = time.Now().Add(-time.Minute)
	r.console.step(r, 100)
	if shown := printed.String(); !strings.HasPrefix(shown, "    2/3    110.00    90.00  20.00  step 9, ") || !strings.HasSuffix(shown, " left\n") {
		t.Errorf("the line is %q", shown)
	}
	printed.Reset()
	r.console.step(r, 100)
	if printed.Len() > 0 {
		t.Errorf("a second line is printed at once: %q", printed)
	}
}
