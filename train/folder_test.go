package train

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"govae/model/machine"
	"govae/train/rundir"
)

func TestRunIsNeverOverwritten(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	if err := Run(t.Context(), o); !errors.Is(err, rundir.ErrHoldsRun) || !strings.Contains(err.Error(), o.Out) {
		t.Errorf("error is %v, want ErrHoldsRun", err)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
}

// A run killed in its first epoch may leave pictures alone, and the best state is as dear as the last.
func TestOneFileAloneIsARun(t *testing.T) {
	for _, name := range []string{
		rundir.Checkpoint, rundir.Best, rundir.Metrics, rundir.Curves, filepath.Join(rundir.Samples, "epoch-0001.png"),
		filepath.Join(rundir.Reconstructions, "epoch-0001.png"), filepath.Join(rundir.Samples, "epoch-10000.png"),
	} {
		o := testOptions(t)
		write(t, filepath.Join(o.Out, name))
		want := rundir.ErrHoldsFiles // which no -resume continues
		if name == rundir.Checkpoint {
			want = rundir.ErrHoldsRun
		}
		if err := Run(t.Context(), o); !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v, want %v", name, err, want)
		}
	}
}

func TestForceReplacesARunAndNothingElse(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	foreign := []string{"notes.txt", "samples/best.png", "samples/epoch-1.png", "more/epoch-0001.png"}
	for _, name := range foreign {
		write(t, filepath.Join(o.Out, name))
	}
	before := contents(t, o.Out)

	o.Force = true
	data := o.Data
	o.Data.Path = t.TempDir()
	if err := Run(t.Context(), o); err == nil {
		t.Fatal("no error for a folder without data")
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("the old run was touched before the new one was known to start")
	}

	o.Data = data
	o.Epochs = 1
	mustRun(t, o)
	after := contents(t, o.Out)
	for _, name := range foreign {
		if after[name] == "" {
			t.Errorf("%s is gone", name)
		}
	}
	if after["samples/epoch-0002.png"] != "" || after["reconstructions/epoch-0002.png"] != "" {
		t.Error("a picture of the old run is still there")
	}
	if run := load(t, o, rundir.Checkpoint).Run; run.Epoch != 1 {
		t.Errorf("the checkpoint is at %+v", run)
	}
}

// A new run that fails before it has anything to show must not cost the old one.
func TestForceKeepsTheOldRunUntilTheNewHasFiles(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Force = true
	failing := o
	failing.Settings.LearningRate = 1e30
	if err := Run(t.Context(), failing); !errors.Is(err, machine.ErrNotFinite) {
		t.Fatalf("error is %v, want machine.ErrNotFinite", err)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("the old run was touched")
	}
	if err := interruptedAfter(t, o, 2); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	if after := contents(t, o.Out); after[rundir.Metrics] != "" || after[rundir.Best] != "" || after[rundir.Curves] != "" || load(t, o, rundir.Checkpoint).State.Step != 2 {
		t.Error("an interrupted run did not replace the old one")
	}
}

func TestTwoRunsDoNotShareAFolder(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	second := o
	second.Output = new(bytes.Buffer)
	var errs []error
	mustRun(t, spied(o, func([]int, machine.Terms) error {
		second.Resume, second.Force = false, false
		errs = append(errs, Run(t.Context(), second))
		second.Force = true
		errs = append(errs, Run(t.Context(), second))
		return nil
	}, nil))
	for _, err := range errs {
		if !errors.Is(err, rundir.ErrUnderWay) || !strings.Contains(err.Error(), o.Out) {
			t.Fatalf("error is %v, want ErrUnderWay", err)
		}
	}
	o.Resume, o.Epochs = true, 2
	mustRun(t, o) // the first has let go of it
}

// TestRunUnderWayKeepsOthersOut checks that a run has its folder to itself where it was resumed, and where it has found the folder itself.
func TestRunUnderWayKeepsOthersOut(t *testing.T) {
	t.Chdir(t.TempDir())
	o := testOptions(t)
	o.Out = ""
	second := o
	second.Out, second.Resume, second.Epochs = filepath.Join("runs", "vae"), true, 9
	var err error
	for _, o.Epochs = range []int{2, 3} { // the third epoch after a resume
		second.Output = new(bytes.Buffer)
		steps := 0
		mustRun(t, spied(o, func([]int, machine.Terms) error {
			if steps++; o.Resume || steps == epochSteps+1 { // from when on there is a checkpoint
				err = Run(t.Context(), second)
			}
			return nil
		}, nil))
		if !errors.Is(err, rundir.ErrUnderWay) {
			t.Fatalf("resume is %t: error is %v, want ErrUnderWay", o.Resume, err)
		}
		o.Resume, err = true, nil
	}
}

func TestFailedRunRemovesOnlyWhatItMade(t *testing.T) {
	o := testOptions(t)
	o.Settings.LearningRate = 1e30
	if err := os.Mkdir(o.Out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), o); !errors.Is(err, machine.ErrNotFinite) {
		t.Fatalf("error is %v, want machine.ErrNotFinite", err)
	}
	if _, err := os.Stat(o.Out); err != nil {
		t.Errorf("the folder that was there before the run: %v", err)
	}
}

func TestOutFolderWithoutARun(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	write(t, filepath.Join(o.Out, "notes.txt"))
	mustRun(t, o)
	if contents(t, o.Out)["notes.txt"] == "" {
		t.Error("notes.txt is gone")
	}
}

func TestOutIsAFile(t *testing.T) {
	o := testOptions(t)
	write(t, o.Out)
	for _, o.Force = range []bool{false, true} {
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is a file") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestNextFreeFolderAndNewestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	o := testOptions(t)
	o.Epochs = 1
	o.Out = ""
	o.Resume = true
	if err := Run(t.Context(), o); !errors.Is(err, rundir.ErrNothingToResume) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with no run at all, error is %v", err)
	}
	o.Resume = false
	for _, want := range []string{"vae", "vae-2", "vae-3"} {
		mustRun(t, o)
		if _, err := os.Stat(filepath.Join("runs", want, rundir.Checkpoint)); err != nil {
			t.Error(err)
		}
	}

	past := time.Now().Add(-time.Hour)
	for i, name := range []string{"vae-3", "vae", "vae-2"} { // vae-2 is the newest, though not the last made
		at := past.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(filepath.Join("runs", name, rundir.Checkpoint), at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "runs/vae-4/notes.txt")
	o.Resume = true
	o.Epochs = 2
	mustRun(t, o)
	for name, want := range map[string]int{"vae": 1, "vae-2": 2, "vae-3": 1} {
		o.Out = filepath.Join("runs", name)
		if got := load(t, o, rundir.Checkpoint).Run.Epoch; got != want {
			t.Errorf("%s has %d epochs, want %d", name, got, want)
		}
	}
}

func TestResumeErrors(t *testing.T) {
	o := testOptions(t)
	o.Resume = true
	if err := Run(t.Context(), o); !errors.Is(err, rundir.ErrNothingToResume) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nothing to resume in "+o.Out) {
		t.Errorf("without a checkpoint, error is %v", err)
	}

	o.Resume = false
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Resume = true
	o.Epochs = 2

	other := o
	other.Data.Path, other.Given = writeDataSet(t, 2), []string{"data"}
	if err := Run(t.Context(), other); !errors.Is(err, ErrOtherData) {
		t.Errorf("with another data set, error is %v", err)
	}

	for _, test := range []struct {
		field string
		set   func(*Options)
		want  string
	}{
		{"batch", func(o *Options) { o.Settings.Batch = 16 }, "batch is 16, but the run to resume was started with 8"},
		{"seed", func(o *Options) { o.Settings.Seed = 2 }, "seed is 2, but the run to resume was started with 1"},
		{"hidden", func(o *Options) { o.Model.Hidden = []int{7, 7} }, "hidden is 7,7, but the run to resume was started with 7"},
		{"latent", func(o *Options) { o.Model.Latent = 2 }, "latent is 2, but the run to resume was started with 3"},
		{"activation", func(o *Options) { o.Model.Activation = "tanh" }, `activation is "tanh", but the run to resume was started with "relu"`},
	} {
		given := o
		test.set(&given)
		given.Given = []string{test.field}
		if err := Run(t.Context(), given); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want %q", err, test.want)
		}
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
}

// A resumed run says what is missing of its files, and goes on.
// TestRefusedResumeLeavesNothing checks that a folder which has no run is as it was.
func TestRefusedResumeLeavesNothing(t *testing.T) {
	o := testOptions(t)
	o.Resume, o.Out = true, t.TempDir()
	if err := Run(t.Context(), o); !errors.Is(err, rundir.ErrNothingToResume) {
		t.Errorf("error is %v, want ErrNothingToResume", err)
	}
	if left := contents(t, o.Out); len(left) > 0 {
		t.Errorf("it holds %v", left)
	}
}

func TestResumeWithoutMetricsAndBest(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	for _, name := range []string{rundir.Metrics, rundir.Best} {
		if err := os.Remove(filepath.Join(o.Out, name)); err != nil {
			t.Fatal(err)
		}
	}
	o.Resume, o.Epochs, o.Output = true, 3, new(bytes.Buffer)
	mustRun(t, spied(o, nil, func(_ []int, terms machine.Terms) { terms[0] += 1000 })) // so the third is not the best
	for _, want := range []string{"metrics.csv has 0 rows of 2 epochs", "best.safetensors is missing"} {
		if !strings.Contains(printed(o), want) {
			t.Errorf("printed:\n%s\nwant it to say %q", printed(o), want)
		}
	}
	if got := load(t, o, rundir.Best).Run.Epoch; got != 3 {
		t.Errorf("best.safetensors is of epoch %d, want 3", got)
	}
}

// TestResumeInTheFirstEpochMissesNothing checks that files which no epoch has left yet are not said to be missing.
func TestResumeInTheFirstEpochMissesNothing(t *testing.T) {
	o := testOptions(t)
	if err := interruptedAfter(t, o, 3); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	o.Resume = true
	mustRun(t, o)
	if strings.Contains(printed(o), "\nnote ") {
		t.Errorf("printed:\n%s, want no note", printed(o))
	}
}

func TestResumeTakesWhatNoFlagGaveFromTheCheckpoint(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	o.Settings.Beta = 0.5
	mustRun(t, o)

	resumed := DefaultOptions() // whose model, batch size, learning rate and β are others
	resumed.Data, resumed.Out, resumed.Output = o.Data, o.Out, new(bytes.Buffer)
	resumed.Resume = true
	resumed.Epochs = 2
	resumed.Given = []string{"batch"}
	resumed.Settings.Batch = batch // given, and the same
	mustRun(t, resumed)
	if line := "2 epochs of 7 steps, batch 8, learning rate 0.01, β 0.5, seed 1\n"; !strings.Contains(printed(resumed), line) {
		t.Errorf("printed:\n%s, want it to say %q", printed(resumed), line)
	}
	c := load(t, o, rundir.Checkpoint)
	if c.Run.Epoch != 2 || c.Run.Settings.Batch != batch || c.Run.Settings.LearningRate != 0.01 || c.Run.Settings.Beta != 0.5 || fmt.Sprint(c.Config.Hidden) != "[7]" {
		t.Errorf("resumed to %+v with %+v", c.Run, c.Config)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte("mine"), 0o666)); err != nil {
		t.Fatal(err)
	}
}
