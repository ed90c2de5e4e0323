package cuda

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"gorgonia.org/tensor"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
)

// device is what the machine needs of a card: memory, and to run launches.
type device interface {
	// Alloc returns memory of so many bytes.
	Alloc(bytes int) (kernels.Ptr, error)

	// Write and Read copy. They take their turn after what was run before, and are done when they return.
	Write(to kernels.Ptr, from []byte) error
	Read(to []byte, from kernels.Ptr) error

	// Capture returns launches, in their order, as something that is run as a whole, so many times, without waiting for its end.
	Capture([]launch) (run func(times int) error, err error)

	// Close frees all that there is on the device.
	Close() error
}

// launch is a plan's Launch with addresses for its references.
type launch struct {
	kernel string
	x, y   int
	args   []byte
}

// gpu is the machine on a card: a machine.Machine. What a model has learned, the images and all that changes from step to step is in
// the card's memory, and the graphs are programs there. The host gives it a stretch of steps, and waits once for their terms.
type gpu struct {
	device          device
	multiprocessors int
	job             machine.Job
	step            uint64 // updates made
	lost            error  // says why the state is, which every call then returns; nil: it is not
	settings        []string
	terms           int // that a step has
	steps           int // of a stretch, at most
	shared          map[string]kernels.Ptr
	programs        map[programKey]*program
}

var _ machine.Machine = (*gpu)(nil)

// maxSteps and maxIndices bound a stretch, for which there is memory on the device.
const (
	maxSteps   = 1 << 12
	maxIndices = 1 << 20
)

// newGPU returns a machine for a job on a device with so many multiprocessors. A device that cannot hold it is ErrUnavailable; other
// errors are about the job.
func newGPU(d device, multiprocessors int, j machine.Job) (*gpu, error) {
	j.Model = j.Model.Clone()
	state, err := j.Start()
	if err != nil {
		return nil, err
	}
	m := &gpu{
		device:          d,
		multiprocessors: multiprocessors,
		job:             j,
		step:            state.Step,
		terms:           len(j.Model.Terms()),
		steps:           min(maxSteps, max(1, maxIndices/j.Settings.Batch)),
		shared:          make(map[string]kernels.Ptr),
		programs:        make(map[programKey]*program),
	}
	inputs, err := j.Model.Inputs(model.Train)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if err := j.Feeds(in); err != nil {
			return nil, err
		}
		if in.Source == model.Setting {
			m.settings = append(m.settings, in.Name())
		}
	}
	m.job.State = machine.State{}
	if err := m.fill(state); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if j.Train != nil { // so that it is known from the start whether the device can hold a training's programs
		_, _, err = m.trainingPrograms(j.Train.Len(), plan.Train)
	}
	if m.lost != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// columns returns how many values the table has for a step.
func (m *gpu) columns() int { return plan.Rates + len(m.settings) }

// fill makes all the memory that programs share, with the state and the images in it.
func (m *gpu) fill(state machine.State) error {
	type content struct {
		name   string
		bytes  int
		values []byte // nil: none yet
	}
	contents := []content{
		{name: plan.Control, bytes: int(unsafe.Sizeof(kernels.Control{}))},
		{name: plan.Table, bytes: 4 * m.steps * m.columns()},
		{name: plan.Scalars, bytes: 4 * m.columns()},
		{name: plan.Indices, bytes: 4 * m.steps * m.job.Settings.Batch},
		{name: plan.Terms, bytes: 4 * m.steps * m.terms},
	}
	put := func(name string, values []byte) {
		if len(values) > 0 {
			contents = append(contents, content{name, len(values), values})
		}
	}
	for _, set := range state.Sets() {
		for _, name := range slices.Sorted(maps.Keys(*set.Tensors)) {
			put(set.Prefix+name, memory((*set.Tensors)[name].Float32s()))
		}
	}
	if images := m.job.Train; images != nil {
		put(plan.TrainPixels, images.Values)
		put(plan.TrainLabels, images.Labels)
	}
	if images := m.job.Test; images != nil {
		put(plan.TestPixels, images.Values)
		put(plan.TestLabels, images.Labels)
	}
	for _, c := range contents {
		p, err := m.device.Alloc(c.bytes)
		if err != nil {
			return err
		}
		m.shared[c.name] = p
		if c.values != nil {
			if err := m.device.Write(p, c.values); err != nil {
				return err
			}
		}
	}
	return nil
}

// Train implements machine.Machine.
func (m *gpu) Train(indices []int) ([]machine.Terms, error) { return m.each(indices, false) }

// Evaluate implements machine.Machine.
func (m *gpu) Evaluate(indices []int) ([]machine.Terms, error) { return m.each(indices, true) }

// each runs the training graph for the images at indices, in stretches: for the training images with updates, or for the test
// images.
func (m *gpu) each(indices []int, test bool) ([]machine.Terms, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	if _, err := m.job.At(indices, test); err != nil {
		return nil, err
	}
	var all []machine.Terms
	for part := range slices.Chunk(indices, m.steps*m.job.Settings.Batch) {
		terms, err := m.stretch(part, test)
		all = append(all, terms...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// Forward implements machine.Machine.
func (m *gpu) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	if part == model.Train {
		return nil, fmt.Errorf("cuda: the graph to %s has no outputs", part)
	}
	p, err := m.program(programKey{part, forwardBatch, plan.Forward})
	if err != nil {
		return nil, err
	}
	n, err := p.network.Images(rows)
	if err != nil {
		return nil, err
	}
	outputs := make([][]float32, len(p.network.Outputs))
	for first := 0; first < n; first += forwardBatch {
		images := min(forwardBatch, n-first)
		if err := m.forward(p, rows, outputs, first, images); err != nil {
			return nil, m.fail(err)
		}
	}
	return outputs, nil
}

// forward runs a program for some images, of which the first is given, and appends what comes out. Where they are fewer than the
// program takes, the rows of an earlier run follow them.
func (m *gpu) forward(p *program, rows, outputs [][]float32, first, images int) error {
	for i, in := range p.network.Inputs {
		width := in.Width(forwardBatch)
		if err := m.device.Write(p.inputs[i], memory(rows[i][first*width:][:images*width])); err != nil {
			return err
		}
	}
	if err := p.run(1); err != nil {
		return err
	}
	for i, node := range p.network.Outputs {
		values := make([]float32, images*node.Shape().TotalSize()/forwardBatch)
		if err := m.device.Read(memory(values), p.outputs[i]); err != nil {
			return err
		}
		outputs[i] = append(outputs[i], values...)
	}
	return nil
}

// State implements machine.Machine.
func (m *gpu) State() (machine.State, error) {
	if m.lost != nil {
		return machine.State{}, m.lost
	}
	s := machine.State{Step: m.step}
	for _, set := range s.Sets() {
		tensors := make(model.Tensors)
		for _, p := range m.job.Model.Parameters() {
			at, ok := m.shared[set.Prefix+p.Name]
			if !ok {
				continue
			}
			values := make([]float32, p.Shape.TotalSize())
			if err := m.device.Read(memory(values), at); err != nil {
				return machine.State{}, m.fail(err)
			}
			tensors[p.Name] = tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(values))
		}
		if len(tensors) > 0 {
			*set.Tensors = tensors
		}
	}
	return s, nil
}

// Close implements machine.Machine.
func (m *gpu) Close() error { return m.device.Close() }

// fail keeps an error of the device, after which nothing on it can be trusted.
func (m *gpu) fail(err error) error {
	m.lost = err
	return err
}

// memory returns the bytes of values that hold no pointers.
func memory[T any](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}
