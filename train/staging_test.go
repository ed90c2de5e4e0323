package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/report"
	"govae/train/rundir"
)

// atStep returns o with a machine that calls f once it has made the given step.
func atStep(o Options, step int, f func()) Options {
	steps := 0
	return spied(o, func([]int, machine.Terms) error {
		if steps++; steps == step {
			f()
		}
		return nil
	}, nil)
}

// disturbances are what goes wrong, from a step on, with the first save of a run in o.Out: it cannot be written, or not put in
// place.
func disturbances(t *testing.T, o Options) map[string]func() {
	staging := func() string {
		t.Helper()
		entries, err := filepath.Glob(filepath.Join(o.Out, ".govae-*"))
		if err != nil || len(entries) != 1 {
			t.Fatalf("there is %v (%v), want the folder for the first files", entries, err)
		}
		return entries[0]
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]func(){
		"nothing can be written": func() { // as on a full disk, which comes before anything else, too
			path := staging()
			must(errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o666)))
		},
		"the pictures have a place, but not the metrics": func() { must(os.Mkdir(filepath.Join(staging(), rundir.Metrics), 0o777)) },
		"all but the checkpoint can be written":          func() { must(os.Mkdir(filepath.Join(staging(), rundir.Checkpoint), 0o777)) },
		"samples have become a link to nothing": func() {
			path := filepath.Join(o.Out, rundir.Samples)
			must(errors.Join(os.RemoveAll(path), os.Symlink("nowhere", path)))
		},
		"a folder has come in the place of a file": func() {
			path := filepath.Join(o.Out, rundir.Curves)
			must(errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o777)))
		},
	}
}

// TestFirstSaveThatFails checks that a run whose first save fails, at the end of an epoch or when it is stopped, leaves things
// as they were, and has nothing to go on from. So it is for a run that replaces another, and for one that has its folder to
// itself.
func TestFirstSaveThatFails(t *testing.T) {
	callsAreShort(t, false)
	for name := range disturbances(t, Options{}) {
		for _, force := range []bool{true, false} {
			for _, step := range []int{1, epochSteps} { // is stopped there, or comes to the epoch's end
				if step == 1 && strings.Contains(name, "metrics") { // which are not written then
					continue
				}
				o := testOptions(t)
				o.Epochs, o.Force = 1, force
				if force {
					old := o
					old.Force = false
					mustRun(t, old)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var before map[string]string
				err := Run(ctx, atStep(o, step, func() {
					disturbances(t, o)[name]()
					before = contents(t, o.Out)
					if step == 1 {
						cancel()
					}
				}))
				cancel()
				if err == nil || errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), o.Out) {
					t.Errorf("%s: error is %v, want one that names what is in %s", name, err, o.Out)
				}
				after := make(map[string]string)
				if _, err := os.Stat(o.Out); err == nil || force { // else the run has made it, and removed it
					after = contents(t, o.Out)
				}
				for path := range before {
					if strings.HasPrefix(path, ".govae-") || path == ".lock" && !force { // of this run
						delete(before, path)
					}
				}
				if !maps.Equal(after, before) {
					t.Errorf("%s: force is %t: there is other than before: %v and %v", name, force, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
				}
				if strings.Contains(printed(o), "saved") {
					t.Errorf("%s: printed:\n%s", name, printed(o))
				}
			}
		}
	}
}

// panicking is a machine whose model cannot be drawn, in the worst way.
type panicking struct{ machine.Machine }

func (panicking) Forward(model.Part, ...[]float32) ([][]float32, error) { panic("illegal range") }

// TestPanicInTheFirstSave checks that even a fault of a library costs no run but its own.
func TestPanicInTheFirstSave(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Force = true
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		m, words, err := device.Open(name, j)
		return panicking{m}, words, err
	}
	func() {
		defer func() {
			if got := recover(); got != "illegal range" {
				t.Errorf("recovered %v", got)
			}
		}()
		Run(t.Context(), o)
	}()
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("the old run was touched")
	}
	o.Force, o.Resume, o.Epochs, o.open = false, true, 3, nil
	mustRun(t, o) // the folder is let go of
}

// TestWhatIsInTheWayIsFoundBeforeTraining checks that no step is made for a run that cannot be saved, and that a pipe is not
// waited for.
func TestWhatIsInTheWayIsFoundBeforeTraining(t *testing.T) {
	for _, resume := range []bool{false, true} {
		for _, name := range []string{rundir.Best, rundir.Curves, rundir.Samples, rundir.Reconstructions} {
			if resume && name == rundir.Curves { // without which a run goes on
				continue
			}
			o := testOptions(t)
			mustRun(t, o)
			path := filepath.Join(o.Out, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			want := path + " is a folder: want a file"
			if name == rundir.Samples || name == rundir.Reconstructions {
				want = path + " is a file: want a folder"
				write(t, path)
			} else {
				write(t, filepath.Join(path, "in the way"))
			}
			before := contents(t, o.Out)
			o.Resume, o.Force, o.Epochs = resume, !resume, 3
			err := Run(t.Context(), atStep(o, 1, func() { t.Errorf("%s: a step is made", name) }))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error is %v, want %q", err, want)
			}
			if !maps.Equal(contents(t, o.Out), before) {
				t.Errorf("%s: a file has changed", name)
			}
		}
	}
}

// TestReplacedWhileItIsTrained checks that the run which is replaced can be used until the new one has something to put in its
// place.
func TestReplacedWhileItIsTrained(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Force, o.Settings.Seed, o.Epochs = true, 2, 1
	mustRun(t, atStep(o, epochSteps, func() {
		if !maps.Equal(contents(t, o.Out), before) {
			t.Error("the old run was touched")
		}
	}))
	if c := load(t, o, rundir.Checkpoint); c.Run.Settings.Seed != 2 || c.Run.Epoch != 1 {
		t.Errorf("there is a run of %+v", c.Run)
	}
	for name := range contents(t, o.Out) {
		if strings.HasPrefix(name, ".govae-") || strings.Contains(name, "epoch-0002") {
			t.Errorf("%s is left", name)
		}
	}
}

// TestDescribed checks how a data set is told: by its name, whose it may be, and how many images of what kind it holds.
func TestDescribed(t *testing.T) {
	images := func(n int, shape model.Image) model.Images {
		return model.Images{Shape: shape, Values: make([]byte, n*shape.Pixels())}
	}
	grey, colour := model.Image{Height: 2, Width: 3, Channels: 1}, model.Image{Height: 3, Width: 2, Channels: 3}
	for want, set := range map[string]*dataset.Set{
		"pics, 1,900 training and 100 test images of 2×3":      {Name: "pics", Train: images(1900, grey), Test: images(100, grey)},
		"pics, 2 training and 1 test image of 3×2, RGB":        {Name: "pics", Train: images(2, colour), Test: images(1, colour)},
		`"\x1b[2Jx", 1 training and 2 test images of 3×2, RGB`: {Name: "\x1b[2Jx", Train: images(1, colour), Test: images(2, colour)},
	} {
		if got := described(set); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}

// TestNotesOfTheData checks that a user is told what there is to know of the data.
func TestNotesOfTheData(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	r := &run{Options: o, set: &dataset.Set{Notes: []string{"3 pictures are left out", "1 file is not read"}}}
	defer r.close()
	var err error
	if r.dir, err = rundir.Resume(o.Out); err != nil {
		t.Fatal(err)
	}
	r.note()
	if !slices.Equal(r.notes, r.set.Notes) {
		t.Errorf("the notes are %q, want %q", r.notes, r.set.Notes)
	}
}

// TestStoppedBeforeTheFolder checks that a run which is stopped while its machine is opened has no folder.
func TestStoppedBeforeTheFolder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := testOptions(t)
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		cancel()
		return device.Open(name, j)
	}
	var interrupted *Interrupted
	if err := Run(ctx, o); !errors.As(err, &interrupted) || interrupted.Out != "" {
		t.Errorf("error is %v, want an Interrupted before the run began", err)
	}
	if _, err := os.Lstat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is %s (%v)", o.Out, err)
	}
}

// TestStoppedWhileDataAreRead checks that a run which is stopped while its data are read, of which the error tells, has not
// begun, and that another error is not taken for that.
func TestStoppedWhileDataAreRead(t *testing.T) {
	signal := errors.New("a signal")
	other := errors.New("a picture cannot be read")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := testOptions(t)
	r := &run{Options: o, console: report.NewConsole(o.Output, false)}
	if err := r.stopped(ctx, other); err != other {
		t.Errorf("before the end of the context: error is %v, want %v", err, other)
	}
	cancel(signal)
	if err := r.stopped(ctx, other); err != other {
		t.Errorf("error is %v, want %v", err, other)
	}
	for _, cause := range []error{signal, context.Canceled} {
		err := r.stopped(ctx, fmt.Errorf("dataset: %w", cause))
		var interrupted *Interrupted
		if !errors.As(err, &interrupted) || interrupted.Out != "" || !errors.Is(err, ErrInterrupted) || !errors.Is(err, signal) {
			t.Errorf("error is %v, want an Interrupted before the run began", err)
		}
	}
	if !strings.Contains(printed(o), "nothing was written") {
		t.Errorf("printed:\n%s", printed(o))
	}
}
