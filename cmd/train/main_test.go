package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"govae/internal/idxtest"
	"govae/model/machine"
	"govae/train"
	"govae/train/checkpoint"
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

// TestAdvice checks that an error of a run says what on the command line helps, and no library's words for it.
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
		{small("-lr", "1e30"), "the loss is not finite: try a smaller -lr"},
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

// TestResumeCommand checks the command that TestSignals sees printed, for more flags.
func TestResumeCommand(t *testing.T) {
	c := command{Options: train.DefaultOptions(), program: "go run ./cmd/train"}
	if got, want := c.resumeCommand("runs/vae"), "go run ./cmd/train -resume -out runs/vae"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Data.Path, c.Epochs, c.Device = "my data", 3, device.CPU // the checkpoint knows where the data are
	if got, want := c.resumeCommand("it's"), `go run ./cmd/train -resume -out 'it'\''s' -epochs 3 -device cpu`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c = command{Options: train.DefaultOptions(), program: "train"}
	c.Device = device.Choice{Name: "cuda:1", Precision: machine.TF32}
	if got, want := c.resumeCommand("out"), "train -resume -out out -device cuda:1 -precision tf32"; got != want {
		t.Errorf("got %q, want %q", got, want)
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

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{
		"runs/vae-2":  "runs/vae-2",
		"my runs":     "'my runs'",
		"it's":        `'it'\''s'`,
		"$HOME":       "'$HOME'",
		`C:\runs\vae`: `'C:\runs\vae'`,
	} {
		if got := quoted(word); got != want {
			t.Errorf("quoted(%q) is %s, want %s", word, got, want)
		}
	}
}

// build builds the program and returns its path.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "train")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// TestSignals interrupts the real program while it trains.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent these signals on Windows")
	}
	program, dir, data := build(t), t.TempDir(), writeDataSet(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			out := filepath.Join(dir, signal.String())
			// So many steps that it is still in the first epoch when the signal comes.
			command := exec.Command(program, "-data", data, "-out", out, "-hidden", "4", "-latent", "2", "-batch", "1", "-epochs", "1000", "-v")
			timer := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
			defer timer.Stop()
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			var printed strings.Builder
			sent := false
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				fmt.Fprintln(&printed, lines.Text())
				if !sent && strings.Contains(lines.Text(), "images/s, ") {
					sent = true
					command.Process.Signal(signal)
				}
			}
			command.Wait()
			if code := command.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit code %d, want 130", code)
			}
			want := fmt.Sprintf("%s -resume -out %s -epochs 1000\n", program, out)
			if !strings.HasSuffix(printed.String(), want) {
				t.Errorf("printed\n%s, want at its end\n%s", printed.String(), want)
			}
			c, err := checkpoint.Load(filepath.Join(out, "checkpoint.safetensors"))
			if err != nil || c.State.Step < 100 {
				t.Errorf("checkpoint: %v, %+v", err, c)
			}
		})
	}
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
