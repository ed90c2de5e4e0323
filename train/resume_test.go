package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"govae/internal/setting"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/rundir"
)

func TestResumedRunHasTheSameBits(t *testing.T) {
	whole := testOptions(t)
	whole.Epochs = 4
	mustRun(t, whole)
	want := load(t, whole, rundir.Checkpoint)

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

			got := load(t, o, rundir.Checkpoint)
			sameTensors(t, got, want)
			got.Run.Data.Name, got.Run.Data.Source = want.Run.Data.Name, want.Run.Data.Source // of the test's own folder
			if !reflect.DeepEqual(got.Run, want.Run) || got.State.Step != want.State.Step {
				t.Errorf("run is at step %d\n%+v, want %d\n%+v", got.State.Step, got.Run, want.State.Step, want.Run)
			}
			sameTensors(t, load(t, o, rundir.Best), load(t, whole, rundir.Best))

			gotRows, wantRows := metricsRows(t, o), metricsRows(t, whole)
			if len(gotRows) != len(wantRows) {
				t.Fatalf("%d rows of metrics, want %d", len(gotRows), len(wantRows))
			}
			for i := range wantRows {
				if !slices.Equal(untimed(gotRows[i]), untimed(wantRows[i])) {
					t.Errorf("metrics: %v, want %v", untimed(gotRows[i]), untimed(wantRows[i]))
				}
			}
		})
	}
}

// An epoch whose files cannot all be written, as in a crash, is not in the checkpoint, and is trained again. What is in their way comes
// while the run is under way: one that begins moves broken metrics aside.
func TestCrashWhileWritingLosesNothing(t *testing.T) {
	whole := testOptions(t)
	whole.Epochs = 3
	mustRun(t, whole)

	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	for _, name := range []string{"samples/epoch-0002.png", "metrics.csv", "best.safetensors"} {
		t.Run(name, func(t *testing.T) {
			obstacle := filepath.Join(o.Out, name)
			before, _ := os.ReadFile(obstacle)
			next := spied(o, func([]int, machine.Terms) error {
				os.Remove(obstacle)
				return os.Mkdir(obstacle, 0o777)
			}, nil)
			next.Resume = true
			next.Epochs = 3
			if err := Run(t.Context(), next); err == nil || !strings.Contains(err.Error(), obstacle) {
				t.Errorf("error is %v, want one that names %s", err, obstacle)
			}
			if c := load(t, o, rundir.Checkpoint); c.Run.Epoch != 1 || c.State.Step != epochSteps {
				t.Errorf("the checkpoint is at step %d, %+v", c.State.Step, c.Run)
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
	sameTensors(t, load(t, o, rundir.Checkpoint), load(t, whole, rundir.Checkpoint))
	sameTensors(t, load(t, o, rundir.Best), load(t, whole, rundir.Best))
	for i, row := range metricsRows(t, whole) {
		if got := metricsRows(t, o)[i]; !slices.Equal(untimed(got), untimed(row)) {
			t.Errorf("metrics: %v, want %v", untimed(got), untimed(row))
		}
	}
}

func TestInterruptedRunSaves(t *testing.T) {
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
			err := interruptedAfter(t, o, test.step)
			var interrupted *Interrupted
			if !errors.As(err, &interrupted) || interrupted.Out != o.Out || !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
				t.Fatalf("error is %v, want an Interrupted in %s", err, o.Out)
			}
			c := load(t, o, rundir.Checkpoint)
			if c.State.Step != uint64(test.step) || c.Run.Epoch != test.wantEpoch || c.Run.Partial.Images != test.wantSeen {
				t.Errorf("saved at step %d, %+v", c.State.Step, c.Run)
			}
			if rows := metricsRows(t, o); test.wantEpoch > 0 && len(rows) != test.wantEpoch+1 {
				t.Errorf("metrics have %d lines for %d epochs", len(rows), test.wantEpoch)
			}
			where := fmt.Sprintf("\nstopped after step %d, in epoch %d/3, ", test.step, test.wantEpoch+1)
			if test.wantSeen == 0 {
				where = fmt.Sprintf("\nstopped after %d epoch, ", test.wantEpoch)
			}
			if !strings.Contains(printed(o), where) {
				t.Errorf("printed\n%swhich lacks %q", printed(o), where)
			}
			if saved := "and saved " + filepath.Join(o.Out, rundir.Checkpoint) + "\n"; !strings.HasSuffix(printed(o), saved) {
				t.Errorf("printed\n%swhich does not end in\n%s", printed(o), saved)
			}
		})
	}
}

// TestInterruptThatCannotSaveSaysSo checks that a run which is stopped, and whose state cannot be written, is not said to be saved.
func TestInterruptThatCannotSaveSaysSo(t *testing.T) {
	o := testOptions(t)
	obstacle := filepath.Join(o.Out, rundir.Checkpoint, "obstacle")
	callsAreShort(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Run(ctx, spied(o, func([]int, machine.Terms) error {
		cancel()
		return os.MkdirAll(obstacle, 0o777)
	}, nil))
	if err == nil || errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "the state is not saved") {
		t.Errorf("error is %v, want one that says that the state is not saved", err)
	}
	if strings.Contains(printed(o), "and saved") {
		t.Errorf("printed:\n%s", printed(o))
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
	err := Run(ctx, o)
	var interrupted *Interrupted
	if !errors.As(err, &interrupted) || interrupted.Out != "" || !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want an Interrupted before the run began", err)
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
	if run := load(t, o, rundir.Checkpoint).Run; run.Epoch != 2 {
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
		if !strings.HasSuffix(printed(o), fmt.Sprintf("nothing is left to do: 2 epochs of %d done; a greater number of epochs goes on\n", o.Epochs)) {
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
func changeCheckpoint(t *testing.T, o Options, change func(*checkpoint.Checkpoint)) {
	t.Helper()
	c := load(t, o, "checkpoint.safetensors")
	change(c)
	if err := checkpoint.Save(filepath.Join(o.Out, "checkpoint.safetensors"), c); err != nil {
		t.Fatal(err)
	}
}

// TestSecondsOfAnEpochAddUp resumes an epoch of which the first three steps are said to have taken very long, is interrupted in
// it once more, and resumes it again.
func TestSecondsOfAnEpochAddUp(t *testing.T) {
	const long = 1e6
	o := interruptedAtStep10(t)
	changeCheckpoint(t, o, func(c *checkpoint.Checkpoint) { c.Run.Partial.Seconds = long })
	if err := interruptedAfter(t, o, 2); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if got := load(t, o, "checkpoint.safetensors").Run.Partial.Seconds; got < long {
		t.Errorf("after two more steps the epoch has taken %v s, want at least the %v s before them", got, long)
	}
	mustRun(t, o)
	rows := metricsRows(t, o)
	if got := number(t, rows[2][column(t, rows, "seconds")]); got < long {
		t.Errorf("the epoch has taken %v s, want at least the %v s of its first steps", got, long)
	}
	if got := number(t, rows[1][column(t, rows, "seconds")]); got >= long {
		t.Errorf("the epoch before has taken %v s", got)
	}
}

func TestStepThatDoesNotFitItsEpochIsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*checkpoint.Checkpoint) // of one epoch, 10 steps, and 24 images of the second epoch
		want   string
	}{
		{"a step more", func(c *checkpoint.Checkpoint) { c.State.Step++ }, "step 11 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch's steps more", func(c *checkpoint.Checkpoint) { c.State.Step += epochSteps }, "step 17 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch's steps less", func(c *checkpoint.Checkpoint) { c.State.Step -= epochSteps }, "step 3 does not fit 1 epochs of 7 steps and 24 images"},
		{"an epoch more", func(c *checkpoint.Checkpoint) { c.Run.Epoch++ }, "step 10 does not fit 2 epochs of 7 steps and 24 images"},
		{"a batch's images less", func(c *checkpoint.Checkpoint) { c.Run.Partial.Images -= batch }, "step 10 does not fit 1 epochs of 7 steps and 16 images"},
		{"no images", func(c *checkpoint.Checkpoint) { c.Run.Partial = checkpoint.Sums{} }, "step 10 does not fit 1 epochs of 7 steps and 0 images"},
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

// TestInterruptWaitsForTheCallAtHand checks that a run asks its machine for 1, 2, 4, … steps at a time while they are quick, at
// most for those that the epoch has left, and saves what an interrupted call has made.
func TestInterruptWaitsForTheCallAtHand(t *testing.T) {
	o := testOptions(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls, tests []int
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		m, words, err := device.Open(name, j)
		return counting{m, func(steps int) {
			if calls = append(calls, steps); len(calls) == 5 {
				cancel()
			}
		}, func(batches int) { tests = append(tests, batches) }}, words, err
	}
	callsAreShort(t, true)
	o.Settings.Batch = 2 // 25 steps an epoch
	if err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	if want := []int{1, 2, 4, 8, 10}; !slices.Equal(calls, want) {
		t.Errorf("calls of %v steps, want %v", calls, want)
	}
	if want := []int{1, 2, 4, 3}; !slices.Equal(tests, want) {
		t.Errorf("evaluation calls of %v batches, want %v", tests, want)
	}
	if c := load(t, o, rundir.Checkpoint); c.State.Step != 25 || c.Run.Epoch != 1 {
		t.Errorf("saved at step %d, %+v", c.State.Step, c.Run)
	}

	calls = nil
	callsAreShort(t, false)
	o.Resume = true
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 25 || slices.Max(calls) != 1 {
		t.Errorf("calls of %v steps where none is quick, want 25 of one", calls)
	}
}

// counting is a machine that tells for how many steps, and for how many batches in evaluation, of two images it is asked.
type counting struct {
	machine.Machine
	tell, tellTest func(steps int)
}

func (c counting) Evaluate(indices []int) ([]machine.Terms, error) {
	c.tellTest(machine.Steps(len(indices), 2))
	return c.Machine.Evaluate(indices)
}

func (c counting) Train(indices []int) ([]machine.Terms, error) {
	c.tell(machine.Steps(len(indices), 2))
	return c.Machine.Train(indices)
}

// TestChangeInMidEpochIsRecordedAtItsStep checks that a change is said to be of the step at which the run goes on, which need
// not begin an epoch.
func TestChangeInMidEpochIsRecordedAtItsStep(t *testing.T) {
	o := interruptedAtStep10(t)
	o.Settings.LearningRate, o.Given = 0.002, []string{"learning_rate"}
	mustRun(t, o)
	want := []checkpoint.Change{{Step: epochSteps + 3, Change: setting.Change{Name: "learning_rate", From: "0.01", To: "0.002"}}}
	if got := load(t, o, rundir.Checkpoint).Run.Changes; !reflect.DeepEqual(got, want) {
		t.Errorf("the changes are %+v, want %+v", got, want)
	}
}
