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
