package train

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"govae/internal/setting"
	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/rundir"
)

// runOn returns options that resume a run of one epoch, which was told that its images are at path, with nothing of the source given.
func runOn(t *testing.T, path string) Options {
	t.Helper()
	o := testOptions(t)
	o.Data.Path, o.Epochs = path, 1
	mustRun(t, o)
	o.Data = dataset.DefaultSource()
	o.Resume, o.Epochs = true, 2
	return o
}

// wantRefused checks that a run is refused with an error that says all of want, that a terminal shows the error, and that no file changes.
func wantRefused(t *testing.T, o Options, want ...string) error {
	t.Helper()
	before := contents(t, o.Out)
	err := Run(t.Context(), o)
	if err == nil {
		t.Fatalf("no error, want one that says %q", want)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
	if i := strings.IndexFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || len(err.Error()) > 2000 {
		t.Errorf("error %.2000q is not fit for a terminal", err)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
	return err
}

// TestResumeFindsTheImagesOfTheRun resumes a run whose images were named by a path from where it was started.
func TestResumeFindsTheImagesOfTheRun(t *testing.T) {
	data := writeDataSet(t, 1)
	t.Chdir(filepath.Dir(data))
	o := runOn(t, filepath.Base(data))
	mustRun(t, o)
	run := load(t, o, rundir.Checkpoint).Run
	if want := map[string]string{"data": filepath.Base(data)}; run.Epoch != 2 || !maps.Equal(run.Data.Source, want) {
		t.Errorf("after epoch %d the source is %v, want %v", run.Epoch, run.Data.Source, want)
	}

	t.Chdir(t.TempDir())
	o.Epochs = 3
	err := wantRefused(t, o, "the run had its images at "+filepath.Base(data)+", seen from where it was started: ")
	if !errors.Is(err, ErrImagesElsewhere) || !errors.Is(err, dataset.ErrNoData) { // for which the command says what helps
		t.Errorf("error %q is not ErrImagesElsewhere and ErrNoData", err)
	}
	o.Data.Path, o.Given = "nowhere", []string{"data"}
	if err := wantRefused(t, o, "nowhere"); strings.Contains(err.Error(), "had its images") {
		t.Errorf("error %q speaks of a place that nobody asked for", err)
	}
	o.Data.Path = data
	mustRun(t, o)
	if got, want := load(t, o, rundir.Checkpoint).Run.Data.Source, map[string]string{"data": data}; !maps.Equal(got, want) {
		t.Errorf("the source is %v, want %v", got, want)
	}
}

// TestResumeWithImagesThatHaveMoved names the new place, which later starts then find by themselves.
func TestResumeWithImagesThatHaveMoved(t *testing.T) {
	data := writeDataSet(t, 1)
	o := runOn(t, data)
	name := load(t, o, rundir.Checkpoint).Run.Data.Name
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(data, moved); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, o, "the run had its images at "+data+": ")

	o.Data.Path, o.Given = moved, []string{"data"}
	mustRun(t, o)
	o.Data, o.Given, o.Epochs = dataset.DefaultSource(), nil, 3
	mustRun(t, o)
	got := load(t, o, rundir.Checkpoint).Run
	if want := map[string]string{"data": moved}; got.Epoch != 3 || !maps.Equal(got.Data.Source, want) || got.Data.Name != name {
		t.Errorf("after epoch %d the data are %+v, want %s from %v", got.Epoch, got.Data, name, want)
	}
}

// TestResumeWithImagesThatHaveChanged finds other images at the run's place, and a checkpoint that gives its own a name to fear.
func TestResumeWithImagesThatHaveChanged(t *testing.T) {
	data := writeDataSet(t, 1)
	o := runOn(t, data)
	if err := os.CopyFS(data+"-new", os.DirFS(writeDataSet(t, 2))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(data), os.Rename(data+"-new", data)); err != nil {
		t.Fatal(err)
	}
	if err := wantRefused(t, o, "(50 images, fingerprint "); !errors.Is(err, ErrOtherData) {
		t.Errorf("error %q is not ErrOtherData", err)
	}

	changeCheckpoint(t, o, func(c *checkpoint.Checkpoint) {
		c.Run.Data.Name, c.Run.Data.Fingerprint = "\x1b[2J", strings.Repeat("f", 1<<19)
	})
	wantRefused(t, o, `another data set: "\x1b[2J" (50 images, fingerprint "ffff`, "(524,288 bytes)), and not 0")
}

// TestHostileSource resumes runs whose checkpoints say of their images what no run writes.
func TestHostileSource(t *testing.T) {
	data := writeDataSet(t, 1)
	o := runOn(t, data)
	path := filepath.Join(o.Out, rundir.Checkpoint)
	for _, test := range []struct {
		source map[string]string
		want   []string
	}{
		{map[string]string{"data": "\x1b]0;mine\x07"}, []string{`had its images at "\x1b]0;mine\a", seen from`}},
		{map[string]string{"data": data, "\x1b[2J": ""}, []string{path, `run: data.source: "\x1b[2J" is no field`}},
		{map[string]string{"data": ""}, []string{path, `run: data.source: data is "": `}},
		{map[string]string{"data": data, "size": "\x1b"}, []string{path, `run: data.source: size is "\x1b": want height x width`}},
		{map[string]string{"data": data, "size": "0x9999999"}, []string{path, "run: data.source: size is 0x9999999, want sides of 1 to"}},
		{map[string]string{"data": data, "size": strings.Repeat("9", 1<<15)}, []string{path, "run: data.source: size is ", "(32,768 bytes)"}},
		{map[string]string{"data": data, "grey": "perhaps"}, []string{path, `run: data.source: grey is "perhaps": invalid syntax`}},
		{map[string]string{"data": data, "holdout": "NaN"}, []string{path, "run: data.source: holdout is NaN, want 0.0001 to 0.9"}},
	} {
		changeCheckpoint(t, o, func(c *checkpoint.Checkpoint) { c.Run.Data.Source = test.source })
		wantRefused(t, o, test.want...)
	}
}

// TestResumeWithImagesThatAreReadOtherwise gives what other images are made of, from the same place. The sets are made here: what a
// field does is package dataset's.
func TestResumeWithImagesThatAreReadOtherwise(t *testing.T) {
	cfg, settings, set := inMemory(t)
	set.Source = dataset.Source{Path: "pictures", Size: dataset.Size{Height: height, Width: width}, Holdout: 0.25}
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	c := mustCheckpoint(t, trainer)
	for _, test := range []struct {
		change func(*dataset.Source)
		want   string // empty: ErrOtherData
	}{
		{func(s *dataset.Source) { s.Size = dataset.Size{Height: 7, Width: 8} }, "size is 7x8, but the run to resume was started with 6x5"},
		{func(s *dataset.Source) { s.Size = dataset.Size{} }, "size is none, but the run to resume was started with 6x5"},
		{func(s *dataset.Source) { s.Grey = true }, "grey is true, but the run to resume was started with false"},
		{func(s *dataset.Source) { s.Holdout = 0.5 }, "holdout is 0.5, but the run to resume was started with 0.25"},
		{func(s *dataset.Source) { s.SkipBad = true }, "skip_bad is true, but the run to resume was started with false"},
		{func(s *dataset.Source) { s.Path = "others" }, ""},
		{func(s *dataset.Source) { *s = dataset.Source{} }, ""}, // made in memory
	} {
		other := *set
		test.change(&other.Source)
		resumed, err := Resume(c, &other, device.CPU) // the same images all the same
		if err != nil {
			t.Fatal(err)
		}
		resumed.Close()
		other.Train.Values = slices.Clone(other.Train.Values)
		other.Train.Values[0]++
		_, err = Resume(c, &other, device.CPU)
		var changed *setting.Changed
		switch {
		case test.want == "" && !errors.Is(err, ErrOtherData):
			t.Errorf("%+v: error is %v, want ErrOtherData", other.Source, err)
		case test.want != "" && (!errors.As(err, &changed) || err.Error() != test.want):
			t.Errorf("%+v: error is %v, want %s", other.Source, err, test.want)
		}
	}
}

// TestEverySourceComesBack checks that a checkpoint gives a source back as it was, whatever its fields are.
func TestEverySourceComesBack(t *testing.T) {
	side := rapid.IntRange(1, model.MaxSide)
	rapid.Check(t, func(t *rapid.T) {
		want := dataset.Source{
			Path: rapid.StringN(1, -1, -1).Draw(t, "path"), Grey: rapid.Bool().Draw(t, "grey"), Holdout: rapid.Float64Range(0.0001, 0.9).Draw(t, "holdout"),
			SkipBad: rapid.Bool().Draw(t, "skip"),
		}
		if rapid.Bool().Draw(t, "sized") {
			want.Size = dataset.Size{Height: side.Draw(t, "height"), Width: side.Draw(t, "width")}
		}
		texts := sourceOf(&dataset.Set{Source: want})
		got, err := setting.SetTexts(dataset.Fields, texts, dataset.DefaultSource())
		if err != nil || got != want {
			t.Errorf("%q gives %+v (%v), want %+v", texts, got, err, want)
		}
	})
}

// TestSourcesThatAreNotStored checks which sets leave nothing of their source in a checkpoint: those of before there were any, so that a
// run on MNIST has the bytes that it always had, and those of which JSON would make another.
func TestSourcesThatAreNotStored(t *testing.T) {
	noPath, notUTF8 := dataset.DefaultSource(), dataset.DefaultSource()
	noPath.Path, notUTF8.Path = "", "caf\xe9"
	for name, source := range map[string]dataset.Source{"MNIST": dataset.DefaultSource(), "no path": noPath, "not UTF-8": notUTF8, "in memory": {}} {
		if got := sourceOf(&dataset.Set{Source: source}); got != nil {
			t.Errorf("%s: the source is stored as %v", name, got)
		}
	}
	if got, want := sourceOf(&dataset.Set{Source: dataset.Source{Holdout: 0.5}}), map[string]string{"holdout": "0.5"}; !maps.Equal(got, want) {
		t.Errorf("no path and a share are stored as %v, want %v", got, want)
	}
}
