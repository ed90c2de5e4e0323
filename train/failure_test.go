package train

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/train/device"
	"govae/train/rundir"
)

// dying is a machine that fails for good at one kind of call, once so many of that kind have gone well.
type dying struct {
	machine.Machine
	call string
	left int
	dead error
}

// lives returns an error from the last call on.
func (d *dying) lives(call string) error {
	if call == d.call {
		if d.left--; d.left < 0 {
			d.dead = fmt.Errorf("%w: a card, 80 GB: an illegal address", device.ErrFailed)
		}
	}
	return d.dead
}

func (d *dying) Train(indices []int) ([]machine.Terms, error) {
	if err := d.lives("Train"); err != nil {
		return nil, err
	}
	return d.Machine.Train(indices)
}

func (d *dying) Evaluate(indices []int) ([]machine.Terms, error) {
	if err := d.lives("Evaluate"); err != nil {
		return nil, err
	}
	return d.Machine.Evaluate(indices)
}

func (d *dying) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	if err := d.lives("Forward"); err != nil {
		return nil, err
	}
	return d.Machine.Forward(part, rows...)
}

func (d *dying) State() (machine.State, error) {
	if err := d.lives("State"); err != nil {
		return machine.State{}, err
	}
	return d.Machine.State()
}

// dies returns o with such a machine, and counts how many are opened.
func dies(o Options, call string, left int, opened *int) Options {
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		*opened++
		m, words, err := device.Open(name, j)
		return &dying{Machine: m, call: call, left: left}, words, err
	}
	return o
}

// TestDeviceThatFails checks that a run whose device fails in its second epoch ends there, whatever it was about, says what
// failed, and leaves the state after the first. To go on from it on another device gives what an undisturbed run gives, and no
// other files.
func TestDeviceThatFails(t *testing.T) {
	callsAreShort(t, false)
	undisturbed := testOptions(t)
	mustRun(t, undisturbed)
	want := load(t, undisturbed, rundir.Checkpoint)
	files := slices.Sorted(maps.Keys(contents(t, undisturbed.Out)))

	evaluations := machine.Steps(testImages, batch)
	for _, test := range []struct {
		call  string
		left  int // that go well
		where string
	}{
		{"Train", epochSteps + 3, fmt.Sprintf("epoch 2, step %d, ", epochSteps+3)},
		{"Evaluate", evaluations + 1, fmt.Sprintf("epoch 2, step %d, ", 2*epochSteps)},
		{"Forward", 4, ""}, // after samples and reconstructions
		{"State", 1, ""},
	} {
		o := testOptions(t)
		opened := 0
		err := Run(t.Context(), dies(o, test.call, test.left, &opened))
		var failed *Failed
		if !errors.As(err, &failed) || failed.Out != o.Out || !errors.Is(err, device.ErrFailed) {
			t.Fatalf("%s: error is %#v, want a *Failed with the folder", test.call, err)
		}
		if text := err.Error(); !strings.HasPrefix(text, test.where) || !strings.Contains(text, "the device failed: a card, 80 GB: an illegal address") {
			t.Errorf("%s: error is %q, want what failed after %q", test.call, text, test.where)
		}
		if opened != 1 {
			t.Errorf("%s: %d machines were opened, want one", test.call, opened)
		}
		if c := load(t, o, rundir.Checkpoint); c.Run.Epoch != 1 || c.State.Step != epochSteps {
			t.Errorf("%s: the checkpoint is of step %d, want the first epoch's %d", test.call, c.State.Step, epochSteps)
		}
		for name := range contents(t, o.Out) {
			if !slices.Contains(files, name) {
				t.Errorf("%s: it leaves %s", test.call, name)
			}
		}

		o.Resume, o.Device = true, device.CPU
		mustRun(t, o)
		sameTensors(t, load(t, o, rundir.Checkpoint), want)
		if got := slices.Sorted(maps.Keys(contents(t, o.Out))); !slices.Equal(got, files) {
			t.Errorf("%s: after the resume there are %v, want %v", test.call, got, files)
		}
	}
}

// TestDeviceThatFailsAtOnce checks that a run whose device fails before its first epoch is done has nothing to go on from, though
// it was to replace a run, and leaves things as they were.
func TestDeviceThatFailsAtOnce(t *testing.T) {
	o := testOptions(t)
	wantNothingSaved := func() {
		t.Helper()
		opened := 0
		err := Run(t.Context(), dies(o, "Train", 1, &opened))
		var failed *Failed
		if !errors.As(err, &failed) || failed.Out != "" {
			t.Errorf("error is %#v, want a *Failed without a folder", err)
		}
	}
	wantNothingSaved()
	if _, err := os.Stat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}

	mustRun(t, o)
	before := contents(t, o.Out)
	o.Force = true
	wantNothingSaved()
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("the run that was to be replaced has changed")
	}

	o.Force, o.Resume, o.Epochs = false, true, 3
	opened := 0
	err := Run(t.Context(), dies(o, "Train", 0, &opened))
	var failed *Failed
	if !errors.As(err, &failed) || failed.Out != o.Out {
		t.Errorf("resumed: error is %#v, want a *Failed with the folder", err)
	}
}

// inAnyPrecision returns o on a machine that takes any precision, and writes down the one that it is opened for.
func inAnyPrecision(o Options, asked *machine.Precision) Options {
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		*asked, j.Precision = j.Precision, ""
		return device.Open(name, j)
	}
	return o
}

// TestPrecision checks that a precision is that of one start: it reaches the machine, and checkpoints tell where it changed; a
// resume need not have the one before.
func TestPrecision(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 0
	for i, precision := range []machine.Precision{machine.TF32, machine.TF32, machine.Float32, "", machine.TF32} {
		var asked machine.Precision
		o.Device.Precision = precision
		o.Epochs++
		o.Resume = i > 0
		mustRun(t, inAnyPrecision(o, &asked))
		want := precision
		if precision == machine.Float32 {
			want = ""
		}
		if got := load(t, o, rundir.Checkpoint).Run.Precision; asked != want || got != want {
			t.Errorf("start %d: the machine is opened for %q and the checkpoint says %q, want %q", i, asked, got, want)
		}
	}
	changes := load(t, o, rundir.Checkpoint).Run.Changes
	if text := fmt.Sprint(changes); text != fmt.Sprintf("[{%d {precision tf32 float32}} {%d {precision float32 tf32}}]", 2*epochSteps, 4*epochSteps) {
		t.Errorf("the changes are %s", text)
	}
	if n := strings.Count(printed(o), "note     precision was tf32, and is float32 from here on"); n != 1 {
		t.Errorf("the change is told %d times, want once:\n%s", n, printed(o))
	}
}

// TestPrecisionThatTheDeviceLacks checks that a start is refused, and that the run can be resumed without.
func TestPrecisionThatTheDeviceLacks(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Epochs, o.Resume = 2, true
	o.Device = device.Choice{Name: device.CPU.Name, Precision: machine.TF32}
	if err := Run(t.Context(), o); !errors.Is(err, machine.ErrPrecision) {
		t.Errorf("error is %v, want %v", err, machine.ErrPrecision)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
	o.Device = device.CPU
	mustRun(t, o)
}
