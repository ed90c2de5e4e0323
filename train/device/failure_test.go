package device

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"govae/model"
	"govae/model/machine"
)

// failing is a machine each of whose calls fails.
type failing struct{ err error }

func (f failing) Train([]int) ([]machine.Terms, error)                  { return nil, f.err }
func (f failing) Evaluate([]int) ([]machine.Terms, error)               { return nil, f.err }
func (f failing) Forward(model.Part, ...[]float32) ([][]float32, error) { return nil, f.err }
func (f failing) State() (machine.State, error)                         { return machine.State{}, f.err }
func (f failing) Close() error                                          { return nil }

// TestFailures checks that what a CUDA device fails at is told from what is about the numbers or the model, and names the device.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		err    error // of the machine
		failed bool
	}{
		{errors.New("an illegal address in gemm"), true},
		{fmt.Errorf("step 3: %w", machine.ErrNotFinite), false},
		{fmt.Errorf("%w: it takes labels", model.ErrCannot), false},
		{nil, false},
	} {
		cudaIs(t, func(int, machine.Job) (machine.Machine, string, error) { return failing{c.err}, "a card, 80 GB", nil })
		m, _ := mustOpen(t, "auto")
		for name, call := range map[string]func() error{
			"Train":    func() error { _, err := m.Train(nil); return err },
			"Evaluate": func() error { _, err := m.Evaluate(nil); return err },
			"Forward":  func() error { _, err := m.Forward(model.Encode); return err },
			"State":    func() error { _, err := m.State(); return err },
		} {
			err := call()
			if !errors.Is(err, c.err) || errors.Is(err, ErrFailed) != c.failed {
				t.Errorf("%s: error is %v, of one of the machine that is %v", name, err, c.err)
			}
			if c.failed && !strings.Contains(err.Error(), "the device failed: a card, 80 GB: an illegal address in gemm") {
				t.Errorf("%s: error is %v, want it to say what failed", name, err)
			}
		}
		m.Close()
		if _, err := m.State(); !errors.Is(err, machine.ErrClosed) || errors.Is(err, ErrFailed) {
			t.Errorf("after the end: error is %v, want %v alone", err, machine.ErrClosed)
		}
	}
}
