package device

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"govae/cuda"
	"govae/model"
	"govae/model/machine"
)

// job returns a job on a small model and 8 images.
func job() machine.Job {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 3, Width: 5, Channels: 1}, []int{7}, 2
	images := &model.Images{Shape: cfg.Image, Values: make([]byte, 8*cfg.Image.Pixels())}
	for i := range images.Values {
		images.Values[i] = byte(i * 89)
	}
	return machine.Job{Model: cfg, Settings: machine.DefaultSettings(), Train: images, Test: images}
}

func mustOpen(t *testing.T, name Name) (machine.Machine, string) {
	t.Helper()
	m, words, err := Open(name, job())
	if err != nil {
		t.Fatal(err)
	}
	return m, words
}

// cudaIs makes open what a CUDA machine is opened with, until the test ends.
func cudaIs(t *testing.T, open func(card int, j machine.Job) (machine.Machine, string, error)) {
	was := openCUDA
	t.Cleanup(func() { openCUDA = was })
	openCUDA = open
}

// errNoCard is why there is no CUDA machine in tests.
var errNoCard = fmt.Errorf("%w: there is no driver", cuda.ErrUnavailable)

func withoutCUDA(t *testing.T) {
	cudaIs(t, func(int, machine.Job) (machine.Machine, string, error) { return nil, "", errNoCard })
}

// TestWords checks that the words say what the device is and, where it was not named, why it is no other.
func TestWords(t *testing.T) {
	withoutCUDA(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	const why = " (no CUDA machine: there is no driver)"
	for name, want := range map[Name]string{"cpu": "cpu, 3 cores", "auto": "cpu, 3 cores" + why, "": "cpu, 3 cores" + why} {
		m, words := mustOpen(t, name)
		if words != want {
			t.Errorf("%s: the words are %q, want %q", name, words, want)
		}
		if _, err := m.Train([]int{0, 1, 2}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := m.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}

func TestErrors(t *testing.T) {
	withoutCUDA(t)
	broken, fast, unknown := job(), job(), job()
	broken.Settings.Batch = 0
	fast.Precision = machine.TF32
	unknown.Precision = "fp16"
	const wanted = ", want auto, cpu, cuda, or cuda:N for card N, from 0 on"
	for _, c := range []struct {
		name Name
		job  machine.Job
		is   error
		want string
	}{
		{"cuda", job(), ErrUnavailable, "the device is not available: no CUDA machine: there is no driver"},
		{"cuda:3", job(), ErrUnavailable, "there is no driver"},
		{"cuda", fast, ErrUnavailable, "there is no driver"},
		{"cpu", fast, machine.ErrPrecision, "the CPU has float32 alone, and tf32 is asked for"},
		{"auto", fast, machine.ErrPrecision, "the CPU has float32 alone, and tf32 is asked for (no CUDA machine: there is no driver)"},
		{"cpu", unknown, nil, `precision is "fp16", want float32, tf32`},
		{"tpu", job(), nil, `device: device is "tpu"` + wanted},
		{"cuda:", job(), nil, `device is "cuda:"` + wanted},
		{"cuda:-1", job(), nil, `device is "cuda:-1"` + wanted},
		{"cuda:+1", job(), nil, `device is "cuda:+1"` + wanted},
		{"cuda:01", job(), nil, `device is "cuda:01"` + wanted},
		{"cuda:x", job(), nil, `device is "cuda:x"` + wanted},
		{"cuda:99999999999999999999", job(), nil, `device is "cuda:99999999999999999999"` + wanted},
		{"cuda1", job(), nil, `device is "cuda1"` + wanted},
		{"1", job(), nil, `device is "1"` + wanted},
		{"CUDA:0", job(), nil, `device is "CUDA:0"` + wanted},
		{"cpu", broken, nil, "settings: batch is 0"},
		{"auto", broken, nil, "settings: batch is 0"},
	} {
		m, words, err := Open(c.name, c.job)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %v, want one that says %q", c.name, err, c.want)
		}
		for _, is := range []error{ErrUnavailable, machine.ErrPrecision} {
			if errors.Is(err, is) != (c.is == is) {
				t.Errorf("%q: error is %v, want it to be %v", c.name, err, c.is)
			}
		}
		if m != nil || words != "" {
			t.Errorf("%q: a machine all the same: %v, %q", c.name, m, words)
		}
	}
}

// TestSeveralCallers checks that several goroutines at once get what one gets, and after the end an error.
func TestSeveralCallers(t *testing.T) {
	m, _ := mustOpen(t, CPU.Name)
	x := make([]float32, 2*15)
	encoded, err := m.Forward(model.Encode, x)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, err := m.Evaluate([]int{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 10 {
				outputs, err := m.Forward(model.Encode, x)
				if err != nil || !slices.EqualFunc(outputs, encoded, slices.Equal) {
					t.Errorf("Forward returns %v, %v, want %v", outputs, err, encoded)
				}
				terms, err := m.Evaluate([]int{0, 1, 2})
				if err != nil || !slices.EqualFunc(terms, evaluated, func(a, b machine.Terms) bool { return slices.Equal(a, b) }) {
					t.Errorf("Evaluate returns %v, %v, want %v", terms, err, evaluated)
				}
			}
		})
	}
	callers.Wait()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.State(); !errors.Is(err, machine.ErrClosed) {
		t.Errorf("after the end: %v, want %v", err, machine.ErrClosed)
	}
}

// TestCUDA stands in for a build with a CUDA machine: it is taken where it can be had, and why it cannot is only passed over by auto where
// there is none at all, as against one that fails.
func TestCUDA(t *testing.T) {
	failure := errors.New("the model takes labels")
	for _, c := range []struct {
		name Name
		err  error // of the CUDA machine
		card int   // -1: none is to be opened
		want string
		is   error
	}{
		{"auto", nil, 0, "a card", nil},
		{"", nil, 0, "a card", nil},
		{"cuda", nil, 0, "a card", nil},
		{"cuda:0", nil, 0, "a card", nil},
		{"cuda:12", nil, 12, "a card", nil},
		{"auto", errNoCard, 0, fmt.Sprintf("cpu, %d cores (%v)", runtime.GOMAXPROCS(0), errNoCard), nil},
		{"cuda", errNoCard, 0, "", ErrUnavailable},
		{"cuda:1", errNoCard, 1, "", ErrUnavailable},
		{"auto", failure, 0, "", failure},
		{"cuda", failure, 0, "", failure},
		{"cpu", failure, -1, fmt.Sprintf("cpu, %d cores", runtime.GOMAXPROCS(0)), nil},
	} {
		opened := -1
		cudaIs(t, func(card int, j machine.Job) (machine.Machine, string, error) {
			opened = card
			if c.err != nil {
				return nil, "", c.err
			}
			m, err := machine.NewCPU(j)
			return m, "a card", err
		})
		m, words, err := Open(c.name, job())
		if words != c.want || (err != nil) != (c.is != nil) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s, where CUDA says %v: %q, %v, want %q, %v", c.name, c.err, words, err, c.want, c.is)
		}
		if opened != c.card {
			t.Errorf("%s: card %d was opened, want %d", c.name, opened, c.card)
		}
		if m == nil {
			continue
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil { // which only a machine that is shared allows
			t.Errorf("%s: closing twice: %v", c.name, err)
		}
		if _, err := m.State(); !errors.Is(err, machine.ErrClosed) {
			t.Errorf("%s: the machine is not one that several may use: %v", c.name, err)
		}
	}
}

// TestPrecision checks that a CUDA machine is asked for the job's precision, and that the words name one that is not float32.
func TestPrecision(t *testing.T) {
	var asked machine.Precision
	cudaIs(t, func(_ int, j machine.Job) (machine.Machine, string, error) {
		asked, j.Precision = j.Precision, ""
		m, err := machine.NewCPU(j)
		return m, "a card", err
	})
	for precision, want := range map[machine.Precision]string{"": "a card", machine.Float32: "a card", machine.TF32: "a card, in tf32"} {
		j := job()
		j.Precision = precision
		if _, words, err := Open("auto", j); err != nil || words != want || asked != precision {
			t.Errorf("%q: a machine of %q for %q (%v), want %q", precision, words, asked, err, want)
		}
	}

	// A card that lacks it is not passed over.
	lacks := fmt.Errorf("%w: the card is too old", machine.ErrPrecision)
	cudaIs(t, func(int, machine.Job) (machine.Machine, string, error) { return nil, "", lacks })
	j := job()
	j.Precision = machine.TF32
	if _, _, err := Open("auto", j); !errors.Is(err, lacks) {
		t.Errorf("error is %v, want %v", err, lacks)
	}
}
