package machine

import (
	"errors"
	"sync"

	"govae/model"
)

// ErrClosed says that a machine was used after its end.
var ErrClosed = errors.New("machine: it is closed")

// InTurns returns m made safe for concurrent use: callers take turns, and each call has all of the device. A call after Close
// returns ErrClosed; Close itself may be called again.
func InTurns(m Machine) Machine { return &turns{machine: m} }

type turns struct {
	mu      sync.Mutex
	machine Machine // nil when closed
}

func (t *turns) Train(indices []int) (steps []Terms, err error) {
	err = t.do(func(m Machine) (err error) { steps, err = m.Train(indices); return err })
	return steps, err
}

func (t *turns) Evaluate(indices []int) (batches []Terms, err error) {
	err = t.do(func(m Machine) (err error) { batches, err = m.Evaluate(indices); return err })
	return batches, err
}

func (t *turns) Forward(part model.Part, rows ...[]float32) (outputs [][]float32, err error) {
	err = t.do(func(m Machine) (err error) { outputs, err = m.Forward(part, rows...); return err })
	return outputs, err
}

func (t *turns) State() (s State, err error) {
	err = t.do(func(m Machine) (err error) { s, err = m.State(); return err })
	return s, err
}

func (t *turns) Close() error {
	err := t.do(func(m Machine) error { t.machine = nil; return m.Close() })
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// do calls f when it is its turn.
func (t *turns) do(f func(Machine) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.machine == nil {
		return ErrClosed
	}
	return f(t.machine)
}
