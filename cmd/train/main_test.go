package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"govae/internal/idxtest"
	"govae/model/machine"
	"govae/train"
	"govae/train/device"
	"govae/train/rundir"
)

func TestFlagsFillTheOptions(t *testing.T) {
	o, err := parse(strings.Fields("-data d -out o -epochs 3 -batch 4 -lr 0.5 -hidden 400,200 -latent 2 -activation tanh -beta 0.1 -seed 9 -device cuda:2 -precision tf32 -resume -v"))
	if err != nil {
		t.Fatal(err)
	}
	if o.Data.Path != "d" || o.Out != "o" || o.Epochs != 3 || o.Settings != (machine.Settings{Seed: 9, Batch: 4, LearningRate: 0.5, Beta: 0.1}) || o.Device != (device.Choice{Name: "cuda:2", Precision: machine.TF32}) || !o.Resume || o.Force || !o.Verbose {
		t.Errorf("options are %+v", o)
	}
	if m := o.Model; !slices.Equal(m.Hidden, []int{400, 200}) || m.Latent != 2 || m.Activation != "tanh" {
		t.Errorf("model is %+v", m)
	}
	slices.Sort(o.Given)
	if want := []string{"activation", "batch", "beta", "data", "hidden", "latent", "learning_rate", "seed"}; !slices.Equal(o.Given, want) {
		t.Errorf("given are %v, want %v", o.Given, want)
	}
}

func TestNoFlagsGiveTheDefaults(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := train.DefaultOptions()
	if fmt.Sprint(o.Model) != fmt.Sprint(want.Model) || o.Epochs != want.Epochs || o.Settings != want.Settings || o.Device != want.Device || len(o.Given) != 0 {
		t.Errorf("options are %+v, want %+v", o, want)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-nonsense"}, "-nonsense"},
		{[]string{"runs/vae"}, `unexpected argument "runs/vae"`},
		{[]string{"-epochs", "many"}, `invalid value "many" for flag -epochs`},
		{[]string{"-epochs", "0"}, "-epochs is 0"},
		{[]string{"-model", "ae", "-beta", "1"}, "-beta is given, but it is the weight of the KL in the loss, and a model of kind ae has none: leave the flag out"},
		{[]string{"-hidden", "400,x"}, "400,200"},
		{[]string{"-hidden", ""}, "400,200"},
		{[]string{"-seed", "-1"}, "-seed"},
		{[]string{"-device", "gpu"}, `-device is "gpu", want auto, cpu, cuda, or cuda:N for card N, from 0 on`},
		{[]string{"-device", "cuda:x"}, `-device is "cuda:x", want `},
		{[]string{"-precision", "fp16"}, `-precision is "fp16", want float32, tf32`},
		{[]string{"-activation", "gelu"}, "gelu"},
		{[]string{"-resume", "-force", "-out", "x"}, "-resume continues a run and -force replaces it"},
		{[]string{"-force"}, "-force needs -out"},
		{[]string{"-lr", "NaN"}, "-lr is NaN, want a number from 1e-30 on"},
		{[]string{"-batch", "-3"}, "-batch is -3, want 1 to 65536"},
		{[]string{"-beta", "x"}, `invalid value "x" for flag -beta`},
		{[]string{"-model", "gan"}, `-model is "gan", want `},
		{[]string{"-hidden", "400,-1"}, "-hidden is 400,-1, want"},
		{[]string{"-graph", "model.png"}, `-graph is "model.png"`},
		{[]string{"-graph", ""}, `-graph is ""`},
		{[]string{"-graph", "", "-resume"}, "leave out -resume"},
		{[]string{"-out", ""}, "-out"},
		{[]string{"-data", ""}, "-data"},
		{[]string{"-graph", "model.dot", "-resume"}, "leave out -resume and -force"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), test.args, &stdout, &stderr); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", test.args, code, exitUsage)
		}
		if !strings.Contains(stderr.String(), test.want) || !strings.Contains(stderr.String(), "-h") || stdout.Len() > 0 {
			t.Errorf("%v: printed %q, want %q", test.args, stderr.String(), test.want)
		}
	}
}

func TestFailureExitsWithOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "damaged.npy"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		data   string
		advice bool // to name other data
	}{{filepath.Join(dir, "damaged.npy"), false}, {dir, true}, {filepath.Join(dir, "nowhere"), true}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"-data", test.data, "-out", filepath.Join(dir, "out")}, &stdout, &stderr); code != exitFailed {
			t.Errorf("%s: exit code %d, want %d", test.data, code, exitFailed)
		}
		if !strings.Contains(stderr.String(), test.data) {
			t.Errorf("printed %q, which does not name %s", stderr.String(), test.data)
		}
		if got := strings.Contains(stderr.String(), ": name with -data a folder of PNG, JPEG or GIF files, "); got != test.advice {
			t.Errorf("printed %q; want the advice to name other data with -data: %t", stderr.String(), test.advice)
		}
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	help := stdout.String()
	flags := newFlagSet(&command{Options: train.DefaultOptions()})
	flags.VisitAll(func(f *flag.Flag) {
		at := strings.Index(help, "\n    -"+f.Name+" ")
		if at < 0 {
			t.Errorf("the help lacks -%s", f.Name)
			return
		}
		// What it says up to the next flag names the default, where that is a value.
		entry, _, _ := strings.Cut(help[at+6:], "\n    -")
		if f.DefValue != "" && f.DefValue != "false" && !strings.Contains(strings.Join(strings.Fields(entry), " "), "(default "+f.DefValue+")") {
			t.Errorf("the help of -%s lacks its default, %s:\n%s", f.Name, f.DefValue, entry)
		}
	})
}

// TestInterruptBeforeTheRunBegins checks that no command is proposed to go on with what has not begun.
func TestInterruptBeforeTheRunBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	out := filepath.Join(t.TempDir(), "run")
	code := run(ctx, []string{"-data", writeDataSet(t), "-out", out, "-hidden", "4", "-latent", "2"}, &stdout, &stderr)
	if code != exitInterrupted || strings.Contains(stdout.String(), "to go on") || stderr.Len() > 0 {
		t.Errorf("exit code %d, printed %q and %q, want %d and nothing to go on with", code, stdout.String(), stderr.String(), exitInterrupted)
	}
}

// TestAdvice checks that an error of a run says what on the command line helps, and no library's words for it.
func TestAdvice(t *testing.T) {
	data, out := writeDataSet(t), filepath.Join(t.TempDir(), "run")
	small := func(words ...string) []string {
		return append([]string{"-data", data, "-out", out, "-hidden", "4", "-latent", "2", "-epochs", "1", "-batch", "500"}, words...)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{small("-resume"), "nothing to resume in " + out},
		{small("-resume"), ": name a run with -out"},
		{small("-device", "cuda:99"), ": use -device cpu, or auto to take what there is"},
		{small("-device", "cuda:99"), "the device is not available: no CUDA machine"},
		{small("-device", "cpu", "-precision", "tf32"), "the CPU has float32 alone, and tf32 is asked for: leave out -precision, or name a device"},
		{small("-lr", "1e30"), "the loss is not finite"},
		{small("-lr", "1e30"), "\nthere is no checkpoint to go on from: start again with -lr 0.001\n"},
		{small(), ""},
		{small(), "already holds a run (checkpoint.safetensors): give -resume to continue it, -force to replace it, or another -out"},
		{small("-resume", "-latent", "3"), "-latent is 3, but the run to resume was started with 2"},
		{small("-resume", "-data", otherDataSet(t)), "name the folder of the first with -data"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), test.args, &stdout, &stderr)
		if (code == exitOK) != (test.want == "") || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%v: exit code %d, printed %q, want %q", test.args, code, stderr.String(), test.want)
		}
	}

	underWay, err := rundir.Resume(out)
	if err != nil {
		t.Fatal(err)
	}
	defer underWay.Close()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), small("-resume"), &stdout, &stderr)
	if want := "another run is under way in " + out + ": wait for it, or give another -out"; code != exitFailed || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, printed %q, want %q", code, stderr.String(), want)
	}
}

// otherDataSet is writeDataSet with other images.
func otherDataSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, prefix := range []string{"train", "t10k"} {
		idxtest.Write(t, dir, prefix, 2, 2, make([]byte, 40), make([]byte, 10))
	}
	return dir
}

// TestWayOnGoesWell checks that where a loss is not finite, the command that is printed goes on from the checkpoint that there is, and ends
// well, whichever of rate and β was too large.
func TestWayOnGoesWell(t *testing.T) {
	data := writeDataSet(t)
	for _, test := range []struct {
		begin, spoil []string
		changes      string // at the end of the command
	}{
		{nil, []string{"-lr", "1e30"}, "-lr 0.001"},
		{nil, []string{"-beta", "1e38"}, "-beta 1"},
		{[]string{"-beta", "1e3"}, []string{"-lr", "1e30", "-beta", "1e38"}, "-beta 1 -lr 0.001"},
		{[]string{"-lr", "0.0003"}, []string{"-beta", "1e38"}, "-beta 1"},
	} {
		out := filepath.Join(t.TempDir(), "my run")
		var stdout, stderr bytes.Buffer
		args := append([]string{"-data", data, "-out", out, "-hidden", "4", "-latent", "2", "-epochs", "1", "-batch", "500"}, test.begin...)
		if code := run(t.Context(), args, &stdout, &stderr); code != exitOK {
			t.Fatalf("%v: exit code %d, printed %q", args, code, stderr.String())
		}
		args = append([]string{"-resume", "-out", out, "-epochs", "2"}, test.spoil...)
		if code := run(t.Context(), args, &stdout, &stderr); code != exitFailed {
			t.Fatalf("%v: exit code %d, want a loss that is not finite", args, code)
		}
		_, line, _ := strings.Cut(stderr.String(), "which is finite: ")
		flags, ok := strings.CutPrefix(strings.TrimSpace(line), quoted(os.Args[0])+" -resume -out '"+out+"' ")
		if want := "-epochs 2 " + test.changes; !ok || flags != want {
			t.Fatalf("%v: printed %q, want a command that ends in %q", args, stderr.String(), want)
		}
		stderr.Reset()
		args = append([]string{"-resume", "-out", out}, strings.Fields(flags)...)
		if code := run(t.Context(), args, &stdout, &stderr); code != exitOK {
			t.Errorf("%v: exit code %d, printed %q", args, code, stderr.String())
		}
	}
}

// TestCalmer checks what is proposed against what was too large.
func TestCalmer(t *testing.T) {
	for _, test := range []struct {
		rate, beta float64
		want       string
	}{
		{0.001, 1, "-lr 0.0001"},
		{0.0003, 4, "-lr 3e-05"},
		{0.05, 1, "-lr 0.001"},
		{1e30, 1e30, "-beta 1 -lr 0.001"},
		{0.001, 1e20, "-beta 1"},
		{1e-30, 1, "-lr 1e-30"}, // the smallest that -lr takes
	} {
		s := machine.DefaultSettings()
		s.LearningRate, s.Beta = test.rate, test.beta
		if got := calmer(s); got != test.want {
			t.Errorf("rate %v, β %v: %q, want %q", test.rate, test.beta, got, test.want)
		}
		if _, err := parse(strings.Fields(calmer(s))); err != nil {
			t.Errorf("%s: %v", calmer(s), err)
		}
	}
}

// TestFailedDevice checks that where a device fails in mid-run, what is printed says so and how to go on, and the exit code is 1.
func TestFailedDevice(t *testing.T) {
	c := command{Options: train.DefaultOptions(), program: "train"}
	c.Device.Precision = machine.TF32
	cause := fmt.Errorf("epoch 2, step 7: %w: a card, 80 GB: an illegal address", device.ErrFailed)
	const what = "train: epoch 2, step 7: the device failed: a card, 80 GB: an illegal address: " +
		"nothing goes on elsewhere by itself; -device cpu does without it\n"
	for out, want := range map[string]string{
		"": what,
		"my run": what + "to go on from the last checkpoint: train -resume -out 'my run' -precision tf32\n" +
			"or, on the CPU: train -resume -out 'my run' -device cpu\n",
	} {
		var stdout, stderr bytes.Buffer
		code := c.ended(&train.Failed{Out: out, Err: cause}, &stdout, &stderr)
		if code != exitFailed || stderr.String() != want || stdout.Len() > 0 {
			t.Errorf("exit code %d, printed %q, want %q", code, stderr.String(), want)
		}
	}
}

// buildFolder holds the program, which is built for the first test that starts it; empty: none has.
var buildFolder string

var built = sync.OnceValues(func() (program string, err error) {
	if buildFolder, err = os.MkdirTemp("", ""); err != nil {
		return "", err
	}
	program = filepath.Join(buildFolder, "train")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return program, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// build returns the path of the program.
func build(t *testing.T) string {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestMain(m *testing.M) {
	code := m.Run()
	if buildFolder != "" {
		os.RemoveAll(buildFolder)
	}
	os.Exit(code)
}

// writeDataSet writes 2,000 training and 10 test images of 2×2 as gzipped IDX files, and returns their folder.
func writeDataSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for prefix, n := range map[string]int{"train": 2000, "t10k": 10} {
		images, labels := make([]byte, n*2*2), make([]byte, n)
		for i := range images {
			images[i] = byte(i % 10)
		}
		idxtest.Write(t, dir, prefix, 2, 2, images, labels)
	}
	return dir
}
