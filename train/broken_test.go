package train

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/model/machine"
	"govae/train/rundir"
)

// TestResumeWithBrokenMetrics resumes runs whose metrics somebody has broken: it goes on as if nothing were, keeps the rows that can be
// read, says what is wrong, and loses nothing of what stood there.
func TestResumeWithBrokenMetrics(t *testing.T) {
	undisturbed := testOptions(t)
	undisturbed.Epochs = 3
	mustRun(t, undisturbed)
	want := load(t, undisturbed, rundir.Checkpoint)
	whole := metricsRows(t, undisturbed)
	header := strings.Join(whole[0], ",") + "\n"

	for _, test := range []struct {
		name   string
		edit   func(string) string
		epochs string // whose rows there are after the third
		note   string // empty: none, the rows mean what they did
	}{
		{"cut in the second row", func(s string) string { return s[:len(s)-30] }, "1 3", "row 2, in line 3: it has "},
		{"floats for epochs", func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "\n1,", "\n1.0,"), "\n2,", "\n2.0,")
		}, "1 2 3", ""},
		{"semicolons", func(s string) string { return strings.ReplaceAll(s, ",", ";") }, "1 2 3", ""},
		{"empty", func(string) string { return "" }, "3", "it is empty"},
		{"a binary file", func(string) string { return "\x89PNG\r\n\x1a\n\x00\x00" }, "3", `"\x89PNG" is no column of a run's metrics`},
		{"rows sorted backwards", func(s string) string {
			rows := strings.SplitAfter(s, "\n")
			return header + rows[2] + rows[1]
		}, "2 3", "row 2, in line 3: epoch is 1, after a row of epoch 2"},
	} {
		o := testOptions(t)
		mustRun(t, o)
		path := filepath.Join(o.Out, "metrics.csv")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		broken := test.edit(string(text))
		if err := os.WriteFile(path, []byte(broken), 0o666); err != nil {
			t.Fatal(err)
		}

		o.Resume = true
		mustRun(t, o) // has nothing left to do, and so touches nothing
		if text, err := os.ReadFile(path); err != nil || string(text) != broken {
			t.Errorf("%s: a run that is complete has changed it to %q (%v)", test.name, text, err)
		}
		o.Epochs = 3
		mustRun(t, o)
		sameTensors(t, load(t, o, rundir.Checkpoint), want)
		var epochs []string
		for _, row := range metricsRows(t, o)[1:] {
			epochs = append(epochs, row[0])
		}
		if got := strings.Join(epochs, " "); got != test.epochs {
			t.Errorf("%s: there are rows of the epochs %s, want %s", test.name, got, test.epochs)
		}
		aside := filepath.Join(o.Out, "metrics.broken.csv")
		kept, err := os.ReadFile(aside)
		if test.note == "" {
			if err == nil || strings.Contains(printed(o), "broken") {
				t.Errorf("%s: it is set aside:\n%s", test.name, printed(o))
			}
			continue
		}
		if err != nil || string(kept) != broken {
			t.Errorf("%s: %s holds %q (%v), want what was broken", test.name, aside, kept, err)
		}
		if !strings.Contains(printed(o), test.note) || !strings.Contains(printed(o), "It is kept as "+aside) {
			t.Errorf("%s: printed\n%s, want a note with %q", test.name, printed(o), test.note)
		}
	}
}

// TestResumeKeepsItsMetricsWhenItIsStopped checks that the rows of a broken table are there also if the next epoch never ends.
func TestResumeKeepsItsMetricsWhenItIsStopped(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	path := filepath.Join(o.Out, "metrics.csv")
	before := metricsRows(t, o)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "3,"...), 0o666); err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Epochs = true, 3
	opened := 0
	if err := Run(t.Context(), dies(o, "Train", 0, &opened)); err == nil {
		t.Fatal("the run does not end")
	}
	if got := metricsRows(t, o); !slices.EqualFunc(got, before, slices.Equal) {
		t.Errorf("the rows are %v, want %v", got, before)
	}
}

// TestMetricsThatAreNoFile puts a folder, which is not empty, in the place of the metrics.
func TestMetricsThatAreNoFile(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	path := filepath.Join(o.Out, "metrics.csv")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "held"), 0o777); err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Epochs = true, 3
	mustRun(t, o)
	if rows := metricsRows(t, o); len(rows) != 2 || rows[1][0] != "3" {
		t.Errorf("the rows are %v, want that of epoch 3", rows)
	}
	if _, err := os.Stat(filepath.Join(o.Out, "metrics.broken.csv", "held")); err != nil {
		t.Errorf("what was in the folder is lost: %v", err)
	}
	if want := "metrics.csv is a folder: want a file. It is kept as "; !strings.Contains(printed(o), want) {
		t.Errorf("printed\n%s, want %q", printed(o), want)
	}
}

// TestCurvesThatCannotBeWritten checks that where curves.png has no place, the run goes on and says so once.
func TestCurvesThatCannotBeWritten(t *testing.T) {
	undisturbed := testOptions(t)
	mustRun(t, undisturbed)
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	path := filepath.Join(o.Out, "curves.png")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "held"), 0o777); err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Epochs = true, 3
	mustRun(t, o)
	if n := strings.Count(printed(o), "note     "+path+" is a folder: want a file\n"); n != 1 {
		t.Errorf("it is noted %d times, want once:\n%s", n, printed(o))
	}
	if c := load(t, o, rundir.Checkpoint); c.Run.Epoch != 3 {
		t.Errorf("the run has stopped after epoch %d", c.Run.Epoch)
	}
}

// TestHugeLossesLoseNothing trains with a β that makes losses too large for a plot's usual arithmetic.
func TestHugeLossesLoseNothing(t *testing.T) {
	for _, beta := range []float64{1e10, 1e20} {
		o := testOptions(t)
		o.Settings.Beta = beta
		mustRun(t, o)
		if strings.Contains(printed(o), "note ") {
			t.Errorf("β %v: printed\n%s, want no note", beta, printed(o))
		}
		if got := slices.Sorted(maps.Keys(contents(t, o.Out))); !slices.Contains(got, "curves.png") {
			t.Errorf("β %v: there are %v, want curves.png", beta, got)
		}
		if c := load(t, o, rundir.Checkpoint); !(machine.Terms{c.Run.BestLoss}).Finite() || c.Run.Epoch != 2 {
			t.Errorf("β %v: after epoch %d the lowest loss is %v", beta, c.Run.Epoch, c.Run.BestLoss)
		}
	}
}
