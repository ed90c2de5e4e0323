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

// TestWords checks that the words say what the device is and, where it was not named, why it is no other.
func TestWords(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for name, want := range map[Name]string{CPU: "cpu, 3 cores", Auto: fmt.Sprintf("cpu, 3 cores (%v)", cuda.ErrUnavailable)} {
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
	broken := job()
	broken.Settings.Batch = 0
	for _, c := range []struct {
		name Name
		job  machine.Job
		is   error
		want string
	}{
		{CUDA, job(), ErrUnavailable, cuda.ErrUnavailable.Error()},
		{"tpu", job(), nil, `device: there is none named "tpu"`},
		{CPU, broken, nil, "settings: batch is 0"},
		{Auto, broken, nil, "settings: batch is 0"},
	} {
		m, words, err := Open(c.name, c.job)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrUnavailable) != (c.is != nil) {
			t.Errorf("%q: error is %v, want one that says %q", c.name, err, c.want)
		}
		if m != nil || words != "" {
			t.Errorf("%q: a machine all the same: %v, %q", c.name, m, words)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []Name{Auto, CPU, CUDA} {
		if !Names[name] {
			t.Errorf("%s is not among the names", name)
		}
	}
	if len(Names) != 3 {
		t.Errorf("%d names, want 3", len(Names))
	}
}

// TestSeveralCallers checks that several goroutines at once get what one gets, and after the end an error.
func TestSeveralCallers(t *testing.T) {
	m, _ := mustOpen(t, CPU)
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
	was := openCUDA
	t.Cleanup(func() { openCUDA = was })
	failure := errors.New("the card has too little memory")
	for _, c := range []struct {
		name Name
		err  error // of the CUDA machine
		want string
		is   error
	}{
		{Auto, nil, "a card", nil},
		{CUDA, nil, "a card", nil},
		{Auto, cuda.ErrUnavailable, fmt.Sprintf("cpu, %d cores (%v)", runtime.GOMAXPROCS(0), cuda.ErrUnavailable), nil},
		{CUDA, cuda.ErrUnavailable, "", ErrUnavailable},
		{Auto, failure, "", failure},
		{CUDA, failure, "", failure},
		{CPU, failure, fmt.Sprintf("cpu, %d cores", runtime.GOMAXPROCS(0)), nil},
	} {
		openCUDA = func(_ int, j machine.Job) (machine.Machine, string, error) {
			if c.err != nil {
				return nil, "", c.err
			}
			m, err := machine.NewCPU(j)
			return m, "a card", err
		}
		m, words, err := Open(c.name, job())
		if words != c.want || (err != nil) != (c.is != nil) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s, where CUDA says %v: %q, %v, want %q, %v", c.name, c.err, words, err, c.want, c.is)
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
