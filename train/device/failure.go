package device

import (
	"errors"
	"fmt"

	"govae/model"
	"govae/model/machine"
)

// ErrFailed says that a CUDA device failed at what another device may do. The machine is good for nothing more.
var ErrFailed = errors.New("the device failed")

// watched is a CUDA machine whose errors, but for those that are about the numbers or the model, are ErrFailed and name the device.
type watched struct {
	machine.Machine
	words string
}

func (w watched) failed(err error) error {
	if err == nil || errors.Is(err, machine.ErrNotFinite) || errors.Is(err, model.ErrCannot) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrFailed, w.words, err)
}

func (w watched) Train(indices []int) ([]machine.Terms, error) {
	steps, err := w.Machine.Train(indices)
	return steps, w.failed(err)
}

func (w watched) Evaluate(indices []int) ([]machine.Terms, error) {
	batches, err := w.Machine.Evaluate(indices)
	return batches, w.failed(err)
}

func (w watched) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	outputs, err := w.Machine.Forward(part, rows...)
	return outputs, w.failed(err)
}

func (w watched) State() (machine.State, error) {
	state, err := w.Machine.State()
	return state, w.failed(err)
}
