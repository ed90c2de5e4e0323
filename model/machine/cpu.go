package machine

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/tapevm"
	"govae/model"
)

// CPU executes graphs on the CPU, with Gorgonia's tape machine and Adam.
//
// A graph has a fixed batch size, so there is one graph for each part and size met, all over the same weights. For training
// these are usually one for the full batches and one for the short last one, each with and without a backward part.
type CPU struct {
	job      Job
	state    State
	lost     error // says why the state is, which every call then returns; nil: it is not
	programs map[programKey]*program
	feeder   feeder
}

var _ Machine = (*CPU)(nil)

type programKey struct {
	part     model.Part
	batch    int
	backward bool
}

// program is a compiled graph.
type program struct {
	network    *model.Network
	vm         gorgonia.VM
	matrices   []*tensor.Dense // the inputs' values; nil where the input is a setting
	scalars    []*gorgonia.F32 // the inputs' values; nil where it is none
	gradients  gorgonia.Nodes  // by the network's parameters; none without a backward part
	parameters []values        // with the gradients of the last run
}

// NewCPU returns a CPU machine for a job. Its error says what of the job does not fit, and is ErrPrecision for any precision but
// Float32.
func NewCPU(j Job) (*CPU, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	if j.Precision != "" && j.Precision != Float32 {
		return nil, fmt.Errorf("%w: the CPU has %s alone, and %s is asked for", ErrPrecision, Float32, j.Precision)
	}
	j.Model = j.Model.Clone()
	state, err := j.Start()
	if err != nil {
		return nil, err
	}
	return &CPU{
		job:      j,
		state:    state,
		programs: make(map[programKey]*program),
		feeder:   feeder{seed: j.Settings.Seed},
	}, nil
}

// Train implements Machine.
func (m *CPU) Train(indices []int) ([]Terms, error) {
	var steps []Terms
	err := m.each(indices, false, func(p *program) error {
		terms := p.terms()
		steps = append(steps, terms)
		if !terms.Finite() {
			return ErrNotFinite
		}
		parameters := p.withGradients()
		// Here the gradients of several machines would be added up.
		rate := m.job.Settings.Rate(m.job.Epoch(m.state.Step))
		m.state.Step++
		if !adam(parameters, rate, m.state.Step) {
			m.lost = fmt.Errorf("%w after an update that overflows", ErrNotFinite)
			return m.lost
		}
		return nil
	})
	return steps, err
}

// Evaluate implements Machine.
func (m *CPU) Evaluate(indices []int) ([]Terms, error) {
	var batches []Terms
	err := m.each(indices, true, func(p *program) error {
		batches = append(batches, p.terms())
		return nil
	})
	return batches, err
}

// each runs the training graph for the images at indices, batch by batch, and calls do after each: for the training images with the
// graph's backward part, or, in a test, for the test images without. An error of do is the end.
func (m *CPU) each(indices []int, test bool, do func(*program) error) error {
	if m.lost != nil {
		return m.lost
	}
	images, err := m.job.At(indices, test)
	if err != nil {
		return err
	}
	batches := slices.Collect(slices.Chunk(indices, m.job.Settings.Batch))
	programs := make([]*program, len(batches))
	for i, b := range batches {
		if programs[i], err = m.program(programKey{model.Train, len(b), !test}); err != nil {
			return err
		}
	}
	step := m.state.Step // of the first batch
	start := func(i int) {
		if i < len(batches) {
			m.feeder.start(programs[i].network.Inputs, batch{images, batches[i], step + uint64(i), test})
		}
	}
	defer m.feeder.wait() // where an error is the end, for the batch after it
	start(0)
	for i, p := range programs {
		p.feed(m.feeder.wait())
		start(i + 1)
		if err := m.run(p); err != nil {
			return err
		}
		err := do(p)
		p.vm.Reset()
		if err != nil {
			return err
		}
	}
	return nil
}

// forwardBatch is how many images one run of a graph takes in Forward.
const forwardBatch = 64

// Forward implements Machine.
func (m *CPU) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	if part == model.Train {
		return nil, fmt.Errorf("machine: the graph to %s has no outputs", part)
	}
	p, err := m.program(programKey{part, forwardBatch, false})
	if err != nil {
		return nil, err
	}
	n, err := p.network.Images(rows)
	if err != nil {
		return nil, err
	}
	outputs := make([][]float32, len(p.network.Outputs))
	for first := 0; first < n; first += forwardBatch {
		for i, matrix := range p.matrices {
			in := matrix.Float32s()
			copy(in, rows[i][first*len(in)/forwardBatch:]) // in the last run, rows of the run before it may be left at the end
		}
		if err := m.run(p); err != nil {
			return nil, err
		}
		for i, node := range p.network.Outputs {
			output := floats(node)
			outputs[i] = append(outputs[i], output[:min(forwardBatch, n-first)*len(output)/forwardBatch]...)
		}
		p.vm.Reset()
	}
	return outputs, nil
}

// feed makes values, whose sizes fit, those of the inputs that are no setting. It copies nothing.
func (p *program) feed(values [][]float32) {
	for i, matrix := range p.matrices {
		if matrix != nil {
			tensor.WithBacking(values[i])(matrix)
		}
	}
}

// run gives the inputs that are a setting their values, and executes the program.
func (m *CPU) run(p *program) error {
	for i, scalar := range p.scalars {
		if scalar != nil {
			value, _ := m.job.Scalar(p.network.Inputs[i].Name(), m.state.Step, p.gradients == nil)
			*scalar = gorgonia.F32(value)
		}
	}
	if err := tapevm.RunAll(p.vm); err != nil {
		p.vm.Reset()
		return fmt.Errorf("machine: running the graph: %w", err)
	}
	return nil
}

// program returns the program for key, which it compiles at its first use.
func (m *CPU) program(key programKey) (*program, error) {
	if p, ok := m.programs[key]; ok {
		return p, nil
	}
	network, err := model.New(m.job.Model, key.part, key.batch, m.state.Weights)
	if err != nil {
		return nil, err
	}
	p := &program{
		network:  network,
		matrices: make([]*tensor.Dense, len(network.Inputs)),
		scalars:  make([]*gorgonia.F32, len(network.Inputs)),
	}
	for i, in := range network.Inputs {
		if key.part == model.Train {
			if err := m.job.Feeds(in); err != nil {
				return nil, err
			}
		}
		if err := p.bind(i, in); err != nil {
			return nil, fmt.Errorf("machine: input %s: %w", in.Name(), err)
		}
	}
	if key.backward {
		if p.gradients, err = network.Gradients(); err != nil {
			return nil, err
		}
		for _, node := range network.Parameters {
			of := func(t model.Tensors) []float32 { return t[node.Name()].Float32s() }
			p.parameters = append(p.parameters, values{w: of(m.state.Weights), m: of(m.state.FirstMoment), v: of(m.state.SecondMoment)})
		}
	}
	// A machine that watches everything looks up no lists of what to watch, seven times an operation. It has no logger to tell.
	p.vm = gorgonia.NewTapeMachine(network.Graph, gorgonia.WithWatchlist())
	m.programs[key] = p
	return p, nil
}

// bind gives input i of the program a value.
func (p *program) bind(i int, in model.Input) error {
	if in.Source != model.Setting {
		p.matrices[i] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(in.Shape()...))
		return gorgonia.Let(in.Node, p.matrices[i])
	}
	p.scalars[i] = gorgonia.NewF32(0)
	return gorgonia.Let(in.Node, p.scalars[i])
}

// terms returns the terms of the last run.
func (p *program) terms() Terms {
	terms := make(Terms, len(p.network.Terms))
	for i, term := range p.network.Terms {
		terms[i] = float64(*term.Node.Value().(*gorgonia.F32))
	}
	return terms
}

// withGradients returns the parameters with the gradients of the last run.
func (p *program) withGradients() []values {
	for i, node := range p.gradients {
		p.parameters[i].g = floats(node)
	}
	return p.parameters
}

// State implements Machine.
func (m *CPU) State() (State, error) {
	if m.lost != nil {
		return State{}, m.lost
	}
	return m.state.Clone(), nil
}

// Close implements Machine.
func (m *CPU) Close() error {
	var errs []error
	for _, p := range m.programs {
		errs = append(errs, p.vm.Close())
	}
	return errors.Join(errs...)
}

// floats returns the values of a vector or a matrix.
func floats(n *gorgonia.Node) []float32 { return n.Value().(*tensor.Dense).Float32s() }
