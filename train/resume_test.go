package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/train/checkpoint"
)

func TestResumedRunHasTheSameBits(t *testing.T) {
	whole := testOptions(t)
	whole.Epochs = 4
	mustRun(t, whole)
	want := load(t, whole, checkpointFile)

	for name, firstPart := range map[string]func(t *testing.T, o Options){
		"after two epochs": func(t *testing.T, o Options) {
			o.Epochs = 2
			mustRun(t, o)
		},
		"in mid-epoch": func(t *testing.T, o Options) {
			if err := interruptedAfter(t, o, epochSteps+3); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
		},
		"twice in one epoch": func(t *testing.T, o Options) {
			if err := interruptedAfter(t, o, 2); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
			o.Resume = true
			if err := interruptedAfter(t, o, 2); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			o.Epochs = 4
			firstPart(t, o)
			o.Resume = true
			mustRun(t, o)

			got := load(t, o, checkpointFile)
			sameTensors(t, got, want)
			got.Run.Data.Name = want.Run.Data.Name // of the test's own folder
			if got.Run != want.Run {
				t.Errorf("run is\n%+v, want\n%+v", got.Run, want.Run)
			}
			sameTensors(t, load(t, o, bestFile), load(t, whole, bestFile))

			gotRows, wantRows := metricsRows(t, o), metricsRows(t, whole)
			if len(gotRows) != len(wantRows) {
				t.Fatalf("%d rows of metrics, want %d", len(gotRows), len(wantRows))
			}
			for i := range wantRows { // all but the times
				if !slices.Equal(gotRows[i][:8], wantRows[i][:8]) {
					t.Errorf("metrics: %v, want %v", gotRows[i][:8], wantRows[i][:8])
				}
			}
		})
	}
}

// An epoch whose files cannot all be written, as in a crash, is not in the checkpoint, and is trained again.
func TestCrashWhileWritingLosesNothing(t *testing.T) {
	whole := testOptions(t)
	whole.Epochs = 3
	mustRun(t, whole)

	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	for _, name := range []string{"samples/epoch-0002.png", "metrics.csv", "curves.png", "best.safetensors"} {
		t.Run(name, func(t *testing.T) {
			obstacle := filepath.Join(o.Out, name)
			before, _ := os.ReadFile(obstacle)
			os.Remove(obstacle)
			if err := os.Mkdir(obstacle, 0o777); err != nil {
				t.Fatal(err)
			}
			next := o
			next.Resume = true
			next.Epochs = 3
			if err := Run(t.Context(), next); err == nil || !strings.Contains(err.Error(), obstacle) {
				t.Errorf("error is %v, want one that names %s", err, obstacle)
			}
			if run := load(t, o, checkpointFile).Run; run.Epoch != 1 || run.Step != epochSteps {
				t.Errorf("the checkpoint is at %+v", run)
			}
			os.Remove(obstacle)
			if before != nil {
				os.WriteFile(obstacle, before, 0o666)
			}
		})
	}
	o.Resume = true
	o.Epochs = 3
	mustRun(t, o)
	sameTensors(t, load(t, o, checkpointFile), load(t, whole, checkpointFile))
	sameTensors(t, load(t, o, bestFile), load(t, whole, bestFile))
	for i, row := range metricsRows(t, whole) {
		if got := metricsRows(t, o)[i]; !slices.Equal(got[:8], row[:8]) {
			t.Errorf("metrics: %v, want %v", got[:8], row[:8])
		}
	}
}

func TestInterruptedRunSavesAndSaysHowToResume(t *testing.T) {
	for _, test := range []struct {
		name                string
		step                int // in which the interrupt comes
		wantEpoch, wantSeen int
	}{
		{"in the first step", 1, 0, 8},
		{"in the second epoch", epochSteps + 3, 1, 24},
		{"in the last step of an epoch, which is completed", epochSteps, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions(t)
			o.Epochs = 3
			if err := interruptedAfter(t, o, test.step); !errors.Is(err, ErrInterrupted) {
				t.Fatalf("error is %v, want ErrInterrupted", err)
			}
			run := load(t, o, checkpointFile).Run
			if run.Step != uint64(test.step) || run.Epoch != test.wantEpoch || run.Partial.Images != test.wantSeen {
				t.Errorf("saved %+v", run)
			}
			if rows := metricsRows(t, o); test.wantEpoch > 0 && len(rows) != test.wantEpoch+1 {
				t.Errorf("metrics have %d lines for %d epochs", len(rows), test.wantEpoch)
			}
			command := fmt.Sprintf("go run ./cmd/train -resume -out %s -data %s -epochs 3\n", quoted(o.Out), quoted(o.Data))
			if !strings.HasSuffix(printed(o), command) {
				t.Errorf("printed\n%swhich does not end in\n%s", printed(o), command)
			}
		})
	}
}

func TestInterruptBeforeTheRunBeginsChangesNothing(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Force = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Errorf("error is %v, want ErrInterrupted", err)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
}

func TestInterruptInTheLastStepOfTheRunChangesNothing(t *testing.T) {
	o := testOptions(t)
	if err := interruptedAfter(t, o, 2*epochSteps); err != nil {
		t.Fatal(err)
	}
	if run := load(t, o, checkpointFile).Run; run.Epoch != 2 {
		t.Errorf("saved %+v", run)
	}
}

func TestResumeOfACompleteRunDoesNothing(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Resume = true
	for _, o.Epochs = range []int{2, 1} {
		mustRun(t, o)
		if !strings.HasSuffix(printed(o), fmt.Sprintf("nothing is left to do: 2 epochs done, and -epochs is %d\n", o.Epochs)) {
			t.Errorf("printed:\n%s", printed(o))
		}
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
}

// interruptedAtStep10 returns options that resume a run which was interrupted after three steps of its second epoch.
func interruptedAtStep10(t *testing.T) Options {
	t.Helper()
	o := testOptions(t)
	if err := interruptedAfter(t, o, epochSteps+3); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	o.Resume = true
	return o
}

// changeCheckpoint writes a run's checkpoint anew, with another account of where the run stands.
func changeCheckpoint(t *testing.T, o Options, change func(*checkpoint.Run)) {
	t.Helper()
	c := load(t, o, "checkpoint.safetensors")
	change(&c.Run)
	if err := checkpoint.Save(filepath.Join(o.Out, "checkpoint.safetensors"), c); err != nil {
		t.Fatal(err)
	}
}

// TestSecondsOfAnEpochAddUp resumes an epoch of which the first three steps are said to have taken very long, is interrupted in it once
// more, and resumes it again.
func TestSecondsOfAnEpochAddUp(t *testing.T) {
	const long = 1e6
	o := interruptedAtStep10(t)
	changeCheckpoint(t, o, func(run *checkpoint.Run) { run.Partial.Seconds = long })
	if err := interruptedAfter(t, o, 2); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if got := load(t, o, "checkpoint.safetensors").Run.Partial.Seconds; got < long {
		t.Errorf("after two more steps the epoch has taken %v s, want at least the %v s before them", got, long)
	}
	mustRun(t, o)
	rows := metricsRows(t, o)
	if got := number(t, rows[2][8]); got < long {
		t.Errorf("the epoch has taken %v s, want at least the %v s of its first steps", got, long)
	}
	if got := number(t, rows[1][8]); got >= long {
		t.Errorf("the epoch before has taken %v s", got)
	}
}

func TestStepThatDoesNotFitItsEpochIsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*checkpoint.Run) // of one epoch, 10 steps, and 24 images of the second epoch
		want   string
	}{
		{"a step more", func(run *checkpoint.Run) { run.Step++ }, "step 11 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch's steps more", func(run *checkpoint.Run) { run.Step += epochSteps }, "step 17 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch's steps less", func(run *checkpoint.Run) { run.Step -= epochSteps }, "step 3 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch more", func(run *checkpoint.Run) { run.Epoch++ }, "step 10 does not fit 2 epochs of 7 steps and 24 images"},
		{"a batch's images less", func(run *checkpoint.Run) { run.Partial.Images -= batch }, "step 10 does not fit 1 epochs of 7 steps and 16 images"},
		{"no images", func(run *checkpoint.Run) { run.Partial = checkpoint.Sums{} }, "step 10 does not fit 1 epochs of 7 steps and 0 images"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := interruptedAtStep10(t)
			changeCheckpoint(t, o, test.change)
			before := contents(t, o.Out)
			err := Run(t.Context(), o)
			path := filepath.Join(o.Out, "checkpoint.safetensors")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want %q and the path", err, test.want)
			}
			if !maps.Equal(contents(t, o.Out), before) {
				t.Error("a file has changed")
			}
		})
	}
}
