package train

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/report"
)

// inMemory returns the data set of these tests without a folder, and a model and settings for it.
func inMemory(t *testing.T) (model.Config, machine.Settings, *dataset.Set) {
	t.Helper()
	o := testOptions(t)
	set, err := dataset.Open(o.Data.Path)
	if err != nil {
		t.Fatal(err)
	}
	return o.Model, o.Settings, &dataset.Set{Name: "mine", Train: set.Train, Test: set.Test}
}

func newTestTrainer(t *testing.T) *Trainer {
	t.Helper()
	cfg, settings, set := inMemory(t)
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer
}

func mustEpoch(t *testing.T, trainer *Trainer) report.Epoch {
	t.Helper()
	epoch, err := trainer.Epoch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

func mustCheckpoint(t *testing.T, trainer *Trainer) *checkpoint.Checkpoint {
	t.Helper()
	c, err := trainer.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTrainerIsARunWithoutFiles checks that a Trainer comes where a Run with the same model, settings and data comes.
func TestTrainerIsARunWithoutFiles(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	want := load(t, o, "checkpoint.safetensors")

	trainer := newTestTrainer(t)
	rows := metricsRows(t, o)
	for n := 1; n <= 2; n++ {
		epoch := mustEpoch(t, trainer)
		if epoch.Number != n || epoch.Step != uint64(n*epochSteps) {
			t.Errorf("epoch %d, step %d, want %d, %d", epoch.Number, epoch.Step, n, n*epochSteps)
		}
		for i, v := range append(slices.Clone(epoch.Train), epoch.Test...) {
			if math.Abs(v-number(t, rows[n][2+i])) > 1e-6 {
				t.Errorf("epoch %d: %s is %v, want %s", n, rows[0][2+i], v, rows[n][2+i])
			}
		}
	}
	got := mustCheckpoint(t, trainer)
	sameTensors(t, got, want)
	want.Run.Data.Name, want.Run.Data.Source = "mine", nil // it was made in memory
	if !reflect.DeepEqual(got.Run, want.Run) || got.State.Step != want.State.Step {
		t.Errorf("run is at step %d, %+v, want %d, %+v", got.State.Step, got.Run, want.State.Step, want.Run)
	}
}

// TestTrainerTellsItsProgress checks that each call tells more than the one before, up to the whole epoch, and with the means
// so far.
func TestTrainerTellsItsProgress(t *testing.T) {
	callsAreShort(t, false)
	trainer := newTestTrainer(t)
	var told []report.Progress
	epoch, err := trainer.Epoch(t.Context(), func(p report.Progress) { told = append(told, p) })
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != epochSteps {
		t.Fatalf("told %d times, want after each of %d steps", len(told), epochSteps)
	}
	for i, p := range told {
		if p.Epoch != 1 || p.Step != uint64(i+1) || p.Images != min(trainImages, (i+1)*batch) || p.Of != trainImages || len(p.Terms) != 3 {
			t.Errorf("after step %d: %+v", i+1, p)
		}
	}
	if last := told[len(told)-1]; !slices.Equal(last.Terms, epoch.Train) {
		t.Errorf("told last %v, and the epoch has %v", last.Terms, epoch.Train)
	}
	if p := trainer.Progress(); p.Epoch != 2 || p.Images != 0 || p.Step != epochSteps {
		t.Errorf("after the epoch, progress is %+v", p)
	}
}

// TestTrainerStopsAndGoesOn interrupts an epoch by a cancellation and by a deadline, and compares its end with an epoch that
// was not.
func TestTrainerStopsAndGoesOn(t *testing.T) {
	callsAreShort(t, false)
	whole := newTestTrainer(t)
	want := mustEpoch(t, whole)

	trainer := newTestTrainer(t)
	why := errors.New("the power goes")
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	if _, err := trainer.Epoch(ctx, func(p report.Progress) {
		if p.Step == 2 {
			stop(why)
		}
	}); !errors.Is(err, ErrInterrupted) || !errors.Is(err, why) {
		t.Errorf("error is %v, want ErrInterrupted and the cause", err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := trainer.Epoch(late, nil); !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want ErrInterrupted and context.DeadlineExceeded", err)
	}
	if p := trainer.Progress(); p.Step != 2 || p.Images != 2*batch {
		t.Errorf("stopped at %+v", p)
	}

	// One goes on itself, another from its checkpoint, which further steps of the first do not change.
	c := mustCheckpoint(t, trainer)
	terms := maps.Clone(c.Run.Partial.Terms)
	got := mustEpoch(t, trainer)
	_, _, set := inMemory(t)
	resumed, err := Resume(c, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Close()
	again := mustEpoch(t, resumed)
	for name, e := range map[string]report.Epoch{"itself": got, "from a checkpoint": again} {
		if !slices.Equal(e.Train, want.Train) || !slices.Equal(e.Test, want.Test) || e.Step != want.Step {
			t.Errorf("going on %s it comes to %+v, want %+v", name, e, want)
		}
	}
	sameTensors(t, mustCheckpoint(t, trainer), mustCheckpoint(t, whole))
	sameTensors(t, mustCheckpoint(t, resumed), mustCheckpoint(t, whole))
	if c.State.Step != 2 || c.Run.Partial.Images != 2*batch || !maps.Equal(c.Run.Partial.Terms, terms) {
		t.Errorf("the checkpoint has moved on to step %d, %+v", c.State.Step, c.Run)
	}
}

// TestTrainerEndsWhereTheLossIsNotFinite checks that it says so, then and later, and has no state to give.
func TestTrainerEndsWhereTheLossIsNotFinite(t *testing.T) {
	cfg, settings, set := inMemory(t)
	settings.LearningRate = 1e30
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	_, err = trainer.Epoch(t.Context(), nil)
	if !errors.Is(err, machine.ErrNotFinite) || !strings.Contains(err.Error(), "epoch 1, step ") || strings.Contains(err.Error(), "-lr") {
		t.Errorf("error is %v", err)
	}
	if _, again := trainer.Epoch(t.Context(), nil); again != err {
		t.Errorf("the next epoch's error is %v, want %v", again, err)
	}
	if _, again := trainer.Checkpoint(); again != err {
		t.Errorf("the checkpoint's error is %v, want %v", again, err)
	}
}

// TestLostTrainerGeneratesNothing makes an update that overflows, after which there are no weights to draw with.
func TestLostTrainerGeneratesNothing(t *testing.T) {
	cfg, settings, set := inMemory(t)
	settings.Beta = 1e22
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	g := trainer.Generator()
	if _, err := g.Sample(1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Epoch(t.Context(), nil); !errors.Is(err, machine.ErrNotFinite) {
		t.Fatalf("error is %v, want ErrNotFinite", err)
	}
	if images, err := g.Sample(1, 1); !errors.Is(err, machine.ErrNotFinite) || images != nil {
		t.Errorf("it draws %v, and the error is %v, want ErrNotFinite", images, err)
	}
}

// TestTrainerSharesNothing checks that what a caller does with what it gave or was given changes nothing in the training.
func TestTrainerSharesNothing(t *testing.T) {
	cfg, settings, set := inMemory(t)
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	cfg.Hidden[0] = 99
	trainer.Config().Hidden[0] = 98
	trainer.Generator().Config().Hidden[0] = 97
	mustEpoch(t, trainer)
	c := mustCheckpoint(t, trainer)
	c.Config.Hidden[0] = 96
	c.State.Weights["mean.bias"].Float32s()[0] = 95
	mustEpoch(t, trainer)
	if again := mustCheckpoint(t, trainer); again.Config.Hidden[0] != 7 || again.Check() != nil || again.State.Weights["mean.bias"].Float32s()[0] > 90 {
		t.Errorf("the model has become %v (%v)", again.Config, again.Check())
	}
}

// TestResumeWithOtherSettings checks that a program that changes β leaves the same traces as the command's user: the change
// with its step, and the lowest loss looked for anew, since losses with another β mean another thing. With another rate they do
// not.
func TestResumeWithOtherSettings(t *testing.T) {
	trainer := newTestTrainer(t)
	mustEpoch(t, trainer)
	c := mustCheckpoint(t, trainer)
	_, _, set := inMemory(t)
	for _, test := range []struct {
		field    string
		change   func(*machine.Settings)
		to       string
		wantBest int
	}{
		{"learning_rate", func(s *machine.Settings) { s.LearningRate = 1e-30 }, "1e-30", 1},
		{"beta", func(s *machine.Settings) { s.Beta = 1e3 }, "1000", 2}, // with a far greater loss
	} {
		s := c.Run.Settings
		test.change(&s)
		resumed, err := ResumeWith(s, c, set, device.CPU)
		if err != nil {
			t.Fatal(err)
		}
		resumed.bestLoss -= 1 // below what an epoch more comes to
		mustEpoch(t, resumed)
		got := mustCheckpoint(t, resumed).Run
		if n := len(got.Changes); n != 1 || got.Changes[0].Step != epochSteps || got.Changes[0].Name != test.field || got.Changes[0].To != test.to {
			t.Errorf("%s: changes are %+v", test.field, got.Changes)
		}
		if got.BestEpoch != test.wantBest || got.Settings != s {
			t.Errorf("%s: the best is epoch %d with %+v, want %d", test.field, got.BestEpoch, got.Settings, test.wantBest)
		}
		resumed.Close()
	}
}

// TestTermThatIsNewInAnEpoch resumes an epoch of which a term's sum is not known: it stays unknown for that epoch alone.
func TestTermThatIsNewInAnEpoch(t *testing.T) {
	o := interruptedAtStep10(t)
	changeCheckpoint(t, o, func(c *checkpoint.Checkpoint) { delete(c.Run.Partial.Terms, "kl") })
	if err := interruptedAfter(t, o, 1); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if terms := load(t, o, "checkpoint.safetensors").Run.Partial.Terms; len(terms) != 2 {
		t.Errorf("sums are %v, want those of loss and reconstruction", terms)
	}
	o.Epochs = 3
	mustRun(t, o)
	rows := metricsRows(t, o)
	if rows[2][4] != "" || rows[2][3] == "" || rows[3][4] == "" || rows[2][7] == "" {
		t.Errorf("metrics are %v, want train_kl of the second epoch to be empty alone", rows)
	}
}

func TestTrainerErrors(t *testing.T) {
	cfg, settings, set := inMemory(t)
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	good := mustCheckpoint(t, trainer)
	trainer.Close()
	if _, err := trainer.Epoch(t.Context(), nil); !errors.Is(err, machine.ErrClosed) {
		t.Errorf("after Close, error is %v", err)
	}

	_, _, odd := inMemory(t)
	odd.Test.Values = odd.Test.Values[1:]
	_, _, other := inMemory(t)
	other.Train.Values = slices.Clone(other.Train.Values)
	other.Train.Values[5]++
	changed := func(change func(c *checkpoint.Checkpoint)) *checkpoint.Checkpoint {
		c, run := *good, *good.Run
		c.Run = &run
		c.State.Weights = maps.Clone(c.State.Weights)
		change(&c)
		return &c
	}
	for _, test := range []struct {
		name   string
		opened func() (*Trainer, error)
		want   string
	}{
		{"batch", func() (*Trainer, error) {
			return New(cfg, machine.Settings{Batch: 0, LearningRate: 1}, set, device.CPU)
		}, "batch is 0"},
		{"model", func() (*Trainer, error) { return New(model.Config{}, settings, set, device.CPU) }, `kind is ""`},
		{"device", func() (*Trainer, error) { return New(cfg, settings, set, device.Choice{Name: "cuda:99"}) }, "no CUDA machine"},
		{"precision", func() (*Trainer, error) {
			return New(cfg, settings, set, device.Choice{Name: "cpu", Precision: machine.TF32})
		}, "float32 alone"},
		{"no set", func() (*Trainer, error) { return New(cfg, settings, &dataset.Set{}, device.CPU) }, "train: "},
		{"odd set", func() (*Trainer, error) { return New(cfg, settings, odd, device.CPU) }, "whole number of images"},
		{"odd set, resumed", func() (*Trainer, error) { return Resume(good, odd, device.CPU) }, "whole number of images"},
		{"weights alone", func() (*Trainer, error) { return Resume(good.Weights(), set, device.CPU) }, "weights alone"},
		{"another set", func() (*Trainer, error) { return Resume(good, other, device.CPU) }, "trained on another data set"},
		{"another number of images", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.Run.Data.Images++ }), set, device.CPU)
		}, "trained on another data set"},
		{"another shape", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.Config.Image.Height, c.Config.Image.Width = width, height }), set, device.CPU)
		}, "trained on another data set"},
		{"settings", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.Run.Settings.LearningRate = -1 }), set, device.CPU)
		}, "learning_rate is -1"},
		{"no batch", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.Run.Settings.Batch = 0 }), set, device.CPU)
		}, "batch is 0"},
		{"no weights", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.State.Weights = nil }), set, device.CPU)
		}, "weights: model: parameter encoder.0.weight is missing"},
		{"no moments", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) { c.State.SecondMoment = nil }), set, device.CPU)
		}, "second moments (adam.v.): model: parameter encoder.0.weight is missing"},
		{"another seed", func() (*Trainer, error) {
			s := settings
			s.Seed++
			return ResumeWith(s, good, set, device.CPU)
		}, "seed is 2, but the run to resume was started with 1"},
		{"no data set", func() (*Trainer, error) { return New(cfg, settings, nil, device.CPU) }, "no data set"},
		{"no data set, resumed", func() (*Trainer, error) { return Resume(good, nil, device.CPU) }, "no data set"},
		{"weights", func() (*Trainer, error) {
			return Resume(changed(func(c *checkpoint.Checkpoint) {
				c.State.Weights["mean.bias"] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4))
			}), set, device.CPU)
		}, "mean.bias has shape (4), want (3)"},
	} {
		if trainer, err := test.opened(); err == nil || !strings.Contains(err.Error(), test.want) || trainer != nil {
			t.Errorf("%s: error is %v, want %q", test.name, err, test.want)
		}
	}
}
