//go:build cuda

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"govae/internal/idxtest"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/rundir"
)

// programs are the two commands, built with the tag cuda, and what they run on: the stand-in driver of cuda/standin, whose folder
// GOVAE_STANDIN names. Without it the tests are skipped.
type programs struct {
	train, generate, standin, data string
}

func buildForCUDA(t *testing.T) programs {
	t.Helper()
	standin := os.Getenv("GOVAE_STANDIN")
	if standin == "" {
		t.Skip("GOVAE_STANDIN names no folder with a stand-in driver")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-tags", "cuda", "-o", dir+"/", ".", "../generate").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return programs{filepath.Join(dir, "train"), filepath.Join(dir, "generate"), standin, someOfMNIST(t)}
}

// someOfMNIST writes 300 training and 100 test images of MNIST as IDX files, and returns their folder.
func someOfMNIST(t *testing.T) string {
	t.Helper()
	set, err := dataset.Open("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	idxtest.Write(t, dir, "train", 28, 28, set.Train.Values[:300*784], set.Train.Labels[:300])
	idxtest.Write(t, dir, "t10k", 28, 28, set.Test.Values[:100*784], set.Test.Labels[:100])
	return dir
}

// run runs a program on the stand-in, with faults as it is told, or, where it is told "none", without a driver. It returns all that
// is printed and the exit code.
func (p programs) run(t *testing.T, faults, program string, args ...string) (string, int) {
	t.Helper()
	command := p.command(faults, program, args...)
	out, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

func (p programs) command(faults, program string, args ...string) *exec.Cmd {
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+p.standin, "CUDA_STANDIN="+faults)
	if faults == "none" {
		command.Env = append(os.Environ(), "LD_LIBRARY_PATH=", "CUDA_STANDIN=")
	}
	return command
}

// small are the flags of a short training.
func (p programs) small(out string, more ...string) []string {
	return append([]string{"-data", p.data, "-out", out, "-hidden", "24", "-latent", "4", "-batch", "32"}, more...)
}

// TestCUDAWithoutADriver checks that a program that was built for CUDA needs no library of it, and trains on the CPU without a
// driver, or says why not.
func TestCUDAWithoutADriver(t *testing.T) {
	p := buildForCUDA(t)
	libraries, err := exec.Command("ldd", p.train).CombinedOutput()
	if err != nil || bytes.Contains(libraries, []byte("cuda")) {
		t.Errorf("ldd: %v\n%s", err, libraries)
	}
	dir := t.TempDir()
	out, code := p.run(t, "none", p.train, p.small(filepath.Join(dir, "auto"), "-epochs", "1")...)
	if code != 0 || !strings.Contains(out, "cores (no CUDA machine: no NVIDIA driver: libcuda.so.1") {
		t.Errorf("auto: exit code %d\n%s", code, out)
	}
	out, code = p.run(t, "none", p.train, p.small(filepath.Join(dir, "cuda"), "-device", "cuda")...)
	if code != 1 || !strings.Contains(out, "no NVIDIA driver") || !strings.Contains(out, "-device cpu") {
		t.Errorf("cuda: exit code %d\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "cuda")); err == nil {
		t.Error("a run that could not begin left a folder")
	}
}

// TestCUDAUntouched checks that the driver is not even loaded where it is not wanted: the stand-in aborts at its first call where it is told
// something that it does not know.
func TestCUDAUntouched(t *testing.T) {
	p := buildForCUDA(t)
	const nonsense = "nonsense"
	if out, code := p.run(t, nonsense, p.train, "-h"); code != 0 || strings.Contains(out, nonsense) {
		t.Errorf("-h: exit code %d\n%s", code, out)
	}
	run := filepath.Join(t.TempDir(), "run")
	if out, code := p.run(t, nonsense, p.train, p.small(run, "-epochs", "1", "-device", "cpu")...); code != 0 || strings.Contains(out, nonsense) {
		t.Errorf("-device cpu: exit code %d\n%s", code, out)
	}
	if out, code := p.run(t, nonsense, p.train, p.small(run, "-device", "cuda")...); code == 0 || !strings.Contains(out, nonsense) {
		t.Errorf("the stand-in takes nonsense: exit code %d\n%s", code, out)
	}
}

// TestCUDATrains checks that a run on the device comes to the CPU's test losses, and that one that was killed goes on with the bits of
// one that was not, there as well as after steps on the CPU.
func TestCUDATrains(t *testing.T) {
	p, dir := buildForCUDA(t), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	train := func(device, out string, more ...string) {
		t.Helper()
		printed, code := p.run(t, "", p.train, p.small(in(out), append(more, "-device", device)...)...)
		if code != 0 || device == "cuda" && (!strings.Contains(printed, "Stand-in") || !strings.Contains(printed, "nothing left")) {
			t.Fatalf("%s: exit code %d\n%s", out, code, printed)
		}
	}
	train("cuda", "whole", "-epochs", "3")
	train("cpu", "cpu", "-epochs", "3")
	cuda, cpu := testLosses(t, in("whole")), testLosses(t, in("cpu"))
	for i, want := range cpu {
		if len(cuda) != len(cpu) || !(math.Abs(cuda[i]-want) <= 1e-4*want) {
			t.Fatalf("test losses are %v, want %v", cuda, cpu)
		}
	}

	// Killed after the first epoch, at whatever moment.
	command := p.command("", p.train, p.small(in("killed"), "-epochs", "3", "-device", "cuda")...)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if first, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); first == "1/3" {
			command.Process.Kill()
		}
	}
	if command.Wait(); command.ProcessState.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v", command.ProcessState)
	}
	train("cuda", "killed", "-epochs", "3", "-resume")
	sameFile(t, in("killed"), in("whole"))

	// From the CPU to the device and back.
	train("cpu", "both", "-epochs", "1")
	train("cuda", "both", "-epochs", "2", "-resume")
	train("cpu", "both", "-epochs", "3", "-resume")
	for i, loss := range testLosses(t, in("both")) {
		if !(math.Abs(loss-cpu[i]) <= 1e-4*cpu[i]) {
			t.Errorf("on both machines in turn, test loss %d is %v, want %v", i, loss, cpu[i])
		}
	}
}

// sameFile checks that two runs have the same checkpoint, byte for byte.
func sameFile(t *testing.T, got, want string) {
	t.Helper()
	var files [2][]byte
	for i, dir := range []string{got, want} {
		var err error
		if files[i], err = os.ReadFile(filepath.Join(dir, rundir.Checkpoint)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Errorf("the checkpoints of %s and %s differ", got, want)
	}
}

// testLosses returns those of each epoch of a run.
func testLosses(t *testing.T, dir string) (losses []float64) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, rundir.Metrics))
	if err != nil {
		t.Fatal(err)
	}
	column := -1
	for i, line := range strings.Split(strings.TrimSpace(string(file)), "\n") {
		fields := strings.Split(line, ",")
		for k, name := range fields {
			if i == 0 && name == "test_loss" {
				column = k
			}
		}
		if column < 0 {
			t.Fatalf("metrics have no column test_loss:\n%s", file)
		}
		if i > 0 {
			loss, err := strconv.ParseFloat(fields[column], 64)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, loss)
		}
	}
	return losses
}

// TestCUDAFaults checks, for each fault that the stand-in can make, what is said, the exit code, and that the last checkpoint is good:
// a run that has begun goes on from there without the fault, and comes to what it would have come to.
func TestCUDAFaults(t *testing.T) {
	p, dir := buildForCUDA(t), t.TempDir()
	whole := filepath.Join(dir, "whole")
	if out, code := p.run(t, "", p.train, p.small(whole, "-epochs", "2", "-device", "cuda")...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	for i, c := range []struct {
		faults string
		flags  []string
		code   int
		want   string
		epochs int // that its checkpoint is of; 0: it has none
	}{
		// What keeps a card from being opened: auto goes on without.
		{"nodevice", []string{"-device", "auto"}, 0, "no card", 2},
		{"nodevice", []string{"-device", "cuda"}, 1, "no card", 0},
		{"olddriver", []string{"-device", "auto"}, 0, "older than 12.0", 2},
		{"olddriver", []string{"-device", "cuda"}, 1, "older than 12.0", 0},
		{"capability=61", []string{"-device", "auto"}, 0, "compute capability 6.1, less than 7.0", 2},
		{"capability=61", []string{"-device", "cuda"}, 1, "compute capability 6.1, less than 7.0", 0},
		{"memory=100000", []string{"-device", "auto"}, 0, "CUDA_ERROR_OUT_OF_MEMORY", 2},
		{"memory=100000", []string{"-device", "cuda"}, 1, "CUDA_ERROR_OUT_OF_MEMORY", 0},
		{"alloc=3", []string{"-device", "auto"}, 0, "CUDA_ERROR_OUT_OF_MEMORY", 2},
		{"alloc=3", []string{"-device", "cuda"}, 1, "CUDA_ERROR_OUT_OF_MEMORY", 0},
		{"cutimage", []string{"-device", "auto"}, 0, "CUDA_ERROR_INVALID_IMAGE", 2},
		{"cutimage", []string{"-device", "cuda"}, 1, "CUDA_ERROR_INVALID_IMAGE", 0},
		{"lost=30", []string{"-device", "auto"}, 0, "CUDA_ERROR_UNKNOWN", 2},
		{"lost=200", []string{"-device", "auto"}, 0, "CUDA_ERROR_UNKNOWN", 2},
		{"lost=30", []string{"-device", "cuda"}, 1, "CUDA_ERROR_UNKNOWN", 0},
		{"alloc=60", []string{"-device", "auto"}, 0, "CUDA_ERROR_OUT_OF_MEMORY", 2}, // the graph's
		{"", []string{"-device", "cuda:7"}, 1, "no card 7: the last is card 0", 0},
		{"", []string{"-device", "cpu", "-precision", "tf32"}, 1, "the CPU has float32 alone", 0},
		{"capability=75", []string{"-device", "auto", "-precision", "tf32"}, 1, "has no tf32", 0},
		{"capability=75", []string{"-device", "cuda"}, 0, "Stand-in", 2},
		{"", []string{"-device", "auto", "-precision", "tf32"}, 0, "in tf32", 2},
		// What happens to one that is at work: nothing goes on elsewhere.
		{"alloc=120", []string{"-device", "auto"}, 1, "CUDA_ERROR_OUT_OF_MEMORY", 0}, // an evaluation's
		{"launch=1", []string{"-device", "auto"}, 1, "CUDA_ERROR_LAUNCH_FAILED", 0},
		{"launch=400", []string{"-device", "auto"}, 1, "CUDA_ERROR_LAUNCH_FAILED", 1},
		{"launch=400", []string{"-device", "cuda"}, 1, "CUDA_ERROR_LAUNCH_FAILED", 1},
		{"lost=560", []string{"-device", "auto"}, 1, "CUDA_ERROR_", 0},
		{"lost=700", []string{"-device", "auto"}, 1, "CUDA_ERROR_", 0},
		{"", []string{"-device", "cuda", "-lr", "1e30"}, 1, "the loss is not finite", 0},
	} {
		out := filepath.Join(dir, fmt.Sprint(i))
		printed, code := p.run(t, c.faults, p.train, p.small(out, append(c.flags, "-epochs", "2")...)...)
		t.Logf("CUDA_STANDIN=%s train %s: exit code %d\n%s", c.faults, strings.Join(c.flags, " "), code, printed)
		if code != c.code || !strings.Contains(printed, c.want) || strings.Contains(printed, "panic") || strings.Contains(printed, "goroutine ") {
			t.Errorf("%s %v: exit code %d, want %d, and one that says %q:\n%s", c.faults, c.flags, code, c.code, c.want, printed)
			continue
		}
		if strings.Contains(printed, "CUDA_ERROR_OUT_OF_MEMORY") && !strings.Contains(printed, "nothing left") {
			t.Errorf("%s %v: a card that could not hold the job was not closed:\n%s", c.faults, c.flags, printed)
		}
		saved, err := checkpoint.Load(filepath.Join(out, rundir.Checkpoint))
		if c.epochs == 0 && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil || saved.Run.Epoch != c.epochs {
			t.Errorf("%s %v: no checkpoint of %d epochs: %v", c.faults, c.flags, c.epochs, err)
			continue
		}
		if c.code == 0 {
			continue
		}
		if printed, code := p.run(t, "", p.train, p.small(out, "-resume", "-epochs", "2", "-device", "cuda")...); code != 0 {
			t.Errorf("%s %v, resumed after epoch %d: exit code %d\n%s", c.faults, c.flags, saved.Run.Epoch, code, printed)
			continue
		}
		sameFile(t, out, whole)
	}
}

// TestCUDAGenerates checks that pictures can be made on the device, and are the CPU's.
func TestCUDAGenerates(t *testing.T) {
	p, dir := buildForCUDA(t), t.TempDir()
	run := filepath.Join(dir, "run")
	if out, code := p.run(t, "", p.train, p.small(run, "-epochs", "1", "-device", "cuda")...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	for _, mode := range [][]string{{"-mode", "samples"}, {"-mode", "reconstruct", "-data", p.data}} {
		var pictures [2]*image.Gray
		for i, device := range []string{"cuda", "cpu"} {
			path := filepath.Join(dir, mode[1]+"-"+device+".png")
			args := append([]string{"-checkpoint", filepath.Join(run, rundir.Best), "-out", path, "-device", device}, mode...)
			out, code := p.run(t, "", p.generate, args...)
			if code != 0 || device == "cuda" && !strings.Contains(out, "Stand-in") {
				t.Fatalf("%v on %s: exit code %d\n%s", mode, device, code, out)
			}
			pictures[i] = readPicture(t, path)
		}
		if pictures[0].Rect != pictures[1].Rect {
			t.Fatalf("%v: the pictures are %v and %v", mode, pictures[0].Rect, pictures[1].Rect)
		}
		for i, v := range pictures[0].Pix {
			if d := int(v) - int(pictures[1].Pix[i]); d < -1 || d > 1 {
				t.Fatalf("%v: a pixel is %d, and on the CPU %d", mode, v, pictures[1].Pix[i])
			}
		}
	}
}

func readPicture(t *testing.T, path string) *image.Gray {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	grey, ok := picture.(*image.Gray)
	if !ok {
		t.Fatalf("%s is a %T", path, picture)
	}
	return grey
}
