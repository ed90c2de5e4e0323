package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"govae/cmd/internal/trained"
	"govae/internal/files"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// askData ends the errors of a model whose images are not to be had.
const askData = "name images with -data PATH, or -data mnist for those of MNIST"

// writeTrained saves a model, as one that was trained on data.
func writeTrained(t *testing.T, path string, data checkpoint.Data) {
	t.Helper()
	c := ofSize(t, 2, op.ReLU)
	c.Run.Data = data
	c.Run.Data.Images = 40
	if err := checkpoint.Save(path, c); err != nil {
		t.Fatal(err)
	}
}

// TestImagesOfTheRun checks that what no flag names comes from where the run's images were, or from nowhere: MNIST is not taken for it,
// nor are images that came into its place.
func TestImagesOfTheRun(t *testing.T) {
	inWorkshop(t)
	tiny := map[string]string{"data": "tiny"}
	with := func(name, value string) map[string]string {
		source := maps.Clone(tiny)
		source[name] = value
		return source
	}
	wide, err := dataset.Open("wide")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		data checkpoint.Data
		want string // of the error; empty: the images are drawn
	}{
		{"as they were", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: tiny}, ""},
		{"renamed since", checkpoint.Data{Name: "small", Fingerprint: tinyFingerprint, Source: tiny}, ""},
		{"others in their place", checkpoint.Data{Name: "tiny", Fingerprint: "0123456789abcdef", Source: tiny}, "was trained on tiny, and tiny gives other images now: "},
		{"without a fingerprint", checkpoint.Data{Name: "tiny", Source: tiny}, "was trained on tiny, and tiny gives other images now: "},
		{"of another shape", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("data", "wide")}, "was trained on tiny, and wide gives other images now: "},
		{"of a run on another shape", checkpoint.Data{Name: "wide", Fingerprint: wide.Fingerprint(), Source: with("data", "wide")}, "was trained on wide, and wide gives other images now: "},
		{"gone", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("data", "gone")}, "was trained on tiny, which cannot be read: dataset: no data: "},
		{"of an old version", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint}, "was trained on tiny, and does not say where that is: "},
		{"made in memory", checkpoint.Data{}, `was trained on "", and does not say where that is: `},
		{"of an unknown kind", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("weather", "rain")}, `: run: data.source: "weather" is no field: `},
		{"of no size", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("size", "big")}, ": run: data.source: size is "},
		{"of a wrong size", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("size", "0x7")}, ": run: data.source: size is 0x7"},
		{"of no path", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("data", "")}, `: run: data.source: data is ""`},
		{"a hostile path", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("data", "\x1b]0;owned\a")}, `was trained on tiny, at "\x1b]0;owned\a": `},
		{"a hostile name", checkpoint.Data{Name: "\x1b[2Jtiny", Fingerprint: "0123456789abcdef", Source: tiny}, `was trained on "\x1b[2Jtiny", and tiny gives `},
		{"a hostile field", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("\x1b[2J", "x")}, `: run: data.source: "\x1b[2J" is no field: `},
		{"a hostile size", checkpoint.Data{Name: "tiny", Fingerprint: tinyFingerprint, Source: with("size", "\x1b[2J")}, `: run: data.source: size is "\x1b[2J"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			writeTrained(t, "trained.safetensors", test.data)
			for _, mode := range []string{"reconstruct", "interpolate"} {
				code, stdout, stderr := command("-checkpoint trained.safetensors -mode " + mode)
				if strings.ContainsAny(stdout+stderr, "\x1b\a") {
					t.Errorf("%s: stdout is %q, stderr %q, want nothing that a terminal obeys", mode, stdout, stderr)
				}
				if test.want == "" {
					if code != 0 || !strings.Contains(stdout, " of tiny") {
						t.Errorf("%s: exit code %d, stdout %q, stderr %q, want a picture of tiny", mode, code, stdout, stderr)
					}
					continue
				}
				if code != trained.ExitFailure || stdout != "" || !strings.Contains(stderr, test.want) {
					t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", mode, code, stdout, stderr, test.want)
				}
				if !strings.HasPrefix(stderr, "generate: trained.safetensors") || !strings.HasSuffix(stderr, askData+"\n") {
					t.Errorf("%s: stderr is %q, want it to name the checkpoint and to end with %q", mode, stderr, askData)
				}
				// Named in so many words, they are drawn all the same.
				if code, stdout, stderr := command("-checkpoint trained.safetensors -data tiny -mode " + mode); code != 0 || !strings.Contains(stdout, " of tiny") {
					t.Errorf("%s with -data: exit code %d, stdout %q, stderr %q, want a picture of tiny", mode, code, stdout, stderr)
				}
			}
		})
	}
}

// TestFlagsMakeOtherImages checks that where a flag makes others of the run's images, that is said, and not that they have changed.
func TestFlagsMakeOtherImages(t *testing.T) {
	inWorkshop(t)
	code, _, stderr := command("-checkpoint latent2.safetensors -mode reconstruct -grey -size 6x4")
	if want := "was trained on tiny, and tiny gives other images with -size -grey: leave that out, or " + askData + "\n"; code != trained.ExitFailure || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

// TestImagesOfMNIST checks the runs that need not say where their images were: those on MNIST, of this version and of older ones.
func TestImagesOfMNIST(t *testing.T) {
	t.Chdir(t.TempDir())
	c := ofSize(t, 2, op.ReLU)
	c.Config.Image = model.Image{Height: 28, Width: 28, Channels: 1}
	c.State = machine.State{Weights: model.InitialWeights(c.Config, 1)}
	for fingerprint, want := range map[string]string{
		"3883cf909600e585": "Wrote reconstruct.png, 118×58 pixels: 4 test images of MNIST above their reconstructions.\n", // as package dataset's test has it
		"0123456789abcdef": "generate: mnist.safetensors was trained on MNIST, and ",
	} {
		c.Run.Data = checkpoint.Data{Name: "MNIST", Images: 60000, Fingerprint: fingerprint}
		if err := checkpoint.Save("mnist.safetensors", startOf(t, c)); err != nil {
			t.Fatal(err)
		}
		_, stdout, stderr := command("-checkpoint mnist.safetensors -mode reconstruct -n 4 -scale 1 -device cpu")
		if !strings.HasPrefix(stdout+stderr, want) {
			t.Errorf("fingerprint %s: stdout is %q, stderr %q, want %q", fingerprint, stdout, stderr, want)
		}
	}
}

// startOf returns a checkpoint of c's model and run with the moments that a run begins with.
func startOf(t *testing.T, c *checkpoint.Checkpoint) *checkpoint.Checkpoint {
	t.Helper()
	image := &model.Images{Shape: c.Config.Image, Values: make([]byte, c.Config.Image.Pixels())}
	state, err := machine.Job{Model: c.Config, Settings: c.Run.Settings, Train: image}.Start()
	if err != nil {
		t.Fatal(err)
	}
	return &checkpoint.Checkpoint{Config: c.Config, State: state, Run: c.Run}
}

// TestWeightsAloneKnowNoImages: neither this program's nor another's.
func TestWeightsAloneKnowNoImages(t *testing.T) {
	inWorkshop(t)
	if err := checkpoint.Save("weights.safetensors", ofSize(t, 2, op.ReLU).Weights()); err != nil {
		t.Fatal(err)
	}
	writeForeign(t, "foreign.safetensors", ofSize(t, 2, op.ReLU), nil)
	for file, flags := range map[string]string{"weights.safetensors": "", "foreign.safetensors": " -image 3x2"} {
		code, _, stderr := command("-mode reconstruct -checkpoint " + file + flags)
		if want := "generate: " + file + " does not say what it was trained on: " + askData + "\n"; code != trained.ExitFailure || stderr != want {
			t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
		}
		if code, _, stderr := command("-mode reconstruct -data tiny -checkpoint " + file + flags); code != 0 {
			t.Errorf("with -data: exit code %d, stderr %q", code, stderr)
		}
	}
}

// TestAsManyAsThereAre checks that only what was asked for can be too much.
func TestAsManyAsThereAre(t *testing.T) {
	inWorkshop(t)
	for _, n := range []int{1, 2, 5, 20} {
		writeData(t, fmt.Sprint("of", n), n, height, width)
	}
	tests := []struct {
		args string
		code int
		want string
	}{
		{"-mode reconstruct -data of20", 0, ": 20 test images of of20 above their reconstructions."},
		{"-mode reconstruct -data of1", 0, "Wrote reconstruct.png, 4×14 pixels: 1 test image of of1 above its reconstruction."},
		{"-mode reconstruct -data of1 -dir d", 0, "Wrote reconstruction-0001.png in d, 4×6 pixels: the reconstruction of 1 test image of of1."},
		{"-mode reconstruct -data of20 -n 64", trained.ExitUsage, "-n is 64, which takes 64 test images, and of20 has 20\n"},
		{"-mode reconstruct -data of1 -n 2", trained.ExitUsage, "-n is 2, which takes 2 test images, and of1 has 1\n"},
		{"-mode interpolate -data of20", 0, ": 11 steps between the test images of each of 8 pairs, of of20."},
		{"-mode interpolate -data of5", 0, "Wrote interpolate.png, 64×14 pixels: 11 steps between the test images of each of 2 pairs, of of5."},
		{"-mode interpolate -data of2", 0, ": 11 steps between the test images of a pair, of of2."},
		{"-mode interpolate -data of2 -n 2", trained.ExitUsage, "-n is 2, which takes 4 test images, and of2 has 2\n"},
		{"-mode interpolate -data of1", trained.ExitFailure, "-mode interpolate takes at least 2 test images, and of1 has 1\n"},
		{"-mode interpolate -data of1 -n 1", trained.ExitUsage, "-n is 1, which takes 2 test images, and of1 has 1\n"},
		{"-n 1", 0, ": 1 sample of seed 1."},
		{"-n 1 -dir d", 0, "Wrote sample-0001.png in d, 4×6 pixels: 1 sample of seed 1."},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			code, stdout, stderr := command("-checkpoint latent2.safetensors " + test.args)
			if code != test.code || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %d and %q", code, stdout, stderr, test.code, test.want)
			}
		})
	}
	if _, stdout, _ := command("-checkpoint latent1.safetensors -mode traverse -steps 2"); !strings.Contains(stdout, ": 2 steps from -3 to 3 of the only latent dimension.") {
		t.Errorf("stdout is %q", stdout)
	}
}

// TestWithoutLabels interpolates between any two of the images.
func TestWithoutLabels(t *testing.T) {
	inWorkshop(t)
	o, err := parse(strings.Fields("-mode interpolate -steps 2 -seed 3"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := generate.Open("latent2.safetensors", device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	images := model.Images{Shape: g.Config().Image, Values: make([]byte, 4*height*width)}
	for i := range images.Values {
		images.Values[i] = byte(40 * (i / (height * width)))
	}
	d, err := interpolate(&work{options: o, g: g}, &dataset.Set{Name: "bare", Test: images})
	if err != nil {
		t.Fatal(err)
	}
	order := dataset.Order(4, 3, 0)
	want, err := g.Reconstruct(pick(&images, order)) // of two steps, each is an end: first and second, third and fourth
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range d.grid.Images {
		if diff := v - want[i]; diff < -1e-5 || diff > 1e-5 {
			t.Fatalf("value %d is %v, want %v", i, v, want[i])
		}
	}
}

// full is a writer as /dev/full is one.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestWhatIsPrintedCounts: a script that reads it must learn that there is nothing.
func TestWhatIsPrintedCounts(t *testing.T) {
	inWorkshop(t)
	for _, args := range []string{"-checkpoint latent2.safetensors -n 1", "-h"} {
		var stderr bytes.Buffer
		code := run(strings.Fields(args), full{}, &stderr)
		if code != trained.ExitFailure || !strings.HasSuffix(stderr.String(), os.ErrClosed.Error()+"\n") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, stderr %q, want %d and a line", args, code, stderr.String(), trained.ExitFailure)
		}
	}
	if _, err := os.Stat("samples.png"); err != nil {
		t.Error(err)
	}
	// What failed before is what is said.
	var stderr bytes.Buffer
	if code := run([]string{"-n", "0"}, full{}, &stderr); code != trained.ExitUsage || !strings.Contains(stderr.String(), "-n is 0") {
		t.Errorf("exit code %d, stderr %q, want the wrong flag", code, stderr.String())
	}
}

// TestFileSystemThatCannotSync checks that a picture is written where nothing can be synced, and that this is said.
func TestFileSystemThatCannotSync(t *testing.T) {
	inWorkshop(t)
	t.Cleanup(func() { files.Sync = (*os.File).Sync })
	files.Sync = func(f *os.File) error { return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.EINVAL} }
	var stdout, stderr bytes.Buffer
	code := run(strings.Fields("-checkpoint latent2.safetensors -n 1"), &stdout, &stderr)
	if code != 0 || !strings.Contains(stdout.String(), "Note: files in . may not outlive a power failure: ") {
		t.Errorf("exit code %d, printed %q and %q", code, stdout.String(), stderr.String())
	}
	if _, err := os.Stat("samples.png"); err != nil {
		t.Error(err)
	}
}
