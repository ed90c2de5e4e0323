package train

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/tapevm"
	"govae/model"
)

// TapeMachine executes a network on the CPU, with Gorgonia's tape machine and Adam.
//
// A graph has a fixed batch size, so there is one graph for each size met, all over the same weights:
// usually one for the full batches and one for the short last one, each with and without a backward part.
type TapeMachine struct {
	config   model.Config
	weights  model.Tensors
	adam     *Adam
	programs map[programKey]*program
}

var _ Machine = (*TapeMachine)(nil)

type programKey struct {
	batch    int
	backward bool
}

// program is a compiled graph, and the values of its inputs.
type program struct {
	network    *model.Network
	machine    gorgonia.VM
	x, epsilon *tensor.Dense
	beta       *gorgonia.F32
	solvable   []gorgonia.ValueGrad // the weights with their gradients; none without a backward part
}

// NewTapeMachine returns a machine for the model that cfg describes, with initial weights.
func NewTapeMachine(cfg model.Config, learningRate float64) (*TapeMachine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &TapeMachine{
		config:   cfg,
		weights:  model.InitialWeights(cfg),
		adam:     NewAdam(learningRate),
		programs: make(map[programKey]*program),
	}, nil
}

// Step implements Machine.
func (m *TapeMachine) Step(b Batch) (Terms, error) {
	p, err := m.run(b, true)
	if err != nil {
		return Terms{}, err
	}
	defer p.machine.Reset()
	terms := p.terms()
	if !terms.finite() {
		return terms, ErrNotFinite
	}
	return terms, m.adam.Step(p.solvable)
}

// Evaluate implements Machine.
func (m *TapeMachine) Evaluate(b Batch) (Terms, error) {
	p, err := m.run(b, false)
	if err != nil {
		return Terms{}, err
	}
	defer p.machine.Reset()
	return p.terms(), nil
}

// run feeds b to the program for its size and executes that.
func (m *TapeMachine) run(b Batch, backward bool) (*program, error) {
	pixels, latent := m.config.Image.Pixels(), m.config.Latent
	n := len(b.X) / pixels
	if n == 0 || len(b.X) != n*pixels {
		return nil, fmt.Errorf("train: a batch has %d values in x, want a multiple of %d", len(b.X), pixels)
	}
	if len(b.Epsilon) != n*latent {
		return nil, fmt.Errorf("train: a batch of %d images has %d values in ε, want %d", n, len(b.Epsilon), n*latent)
	}
	p, err := m.program(programKey{n, backward})
	if err != nil {
		return nil, err
	}
	p.feed(b)
	if err := tapevm.RunAll(p.machine); err != nil {
		p.machine.Reset()
		return nil, fmt.Errorf("train: running the graph: %w", err)
	}
	return p, nil
}

// program returns the program for key, which it compiles at its first use.
func (m *TapeMachine) program(key programKey) (*program, error) {
	if p, ok := m.programs[key]; ok {
		return p, nil
	}
	network, err := model.NewWithWeights(m.config, key.batch, m.weights)
	if err != nil {
		return nil, err
	}
	p := &program{
		network: network,
		x:       tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(network.X.Shape()...)),
		epsilon: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(network.Epsilon.Shape()...)),
		beta:    gorgonia.NewF32(0),
	}
	err = errors.Join(
		gorgonia.Let(network.X, p.x), gorgonia.Let(network.Epsilon, p.epsilon), gorgonia.Let(network.Beta, p.beta))
	if err != nil {
		return nil, fmt.Errorf("train: binding the graph's inputs: %w", err)
	}
	if key.backward {
		gradients, err := network.Gradients()
		if err != nil {
			return nil, err
		}
		for i, node := range network.Parameters {
			p.solvable = append(p.solvable, parameter{node, gradients[i]})
		}
	}
	// A machine that watches everything looks up no lists of what to watch, seven times an operation. It has no logger to tell.
	p.machine = gorgonia.NewTapeMachine(network.Graph, gorgonia.WithWatchlist())
	m.programs[key] = p
	return p, nil
}

// feed makes b, whose size fits, the value of the inputs. It copies nothing.
func (p *program) feed(b Batch) {
	tensor.WithBacking(b.X)(p.x)
	tensor.WithBacking(b.Epsilon)(p.epsilon)
	*p.beta = gorgonia.F32(b.Beta)
}

func (p *program) terms() Terms {
	value := func(n *gorgonia.Node) float64 { return float64(*n.Value().(*gorgonia.F32)) }
	return Terms{
		Loss:           value(p.network.Loss),
		Reconstruction: value(p.network.Reconstruction),
		KL:             value(p.network.KL),
	}
}

// parameter is a weight and the node that computes its gradient: what a gorgonia.Solver works on. Binding the gradient to the
// weight's node instead (gorgonia.BindDualValues) would copy and add up every gradient.
type parameter struct {
	*gorgonia.Node
	gradient *gorgonia.Node
}

func (p parameter) Grad() (gorgonia.Value, error) { return p.gradient.Value(), nil }

// State implements Machine.
func (m *TapeMachine) State() (State, error) {
	s := State{
		Weights:      model.Tensors{},
		FirstMoment:  model.Tensors{},
		SecondMoment: model.Tensors{},
		Step:         m.adam.Steps,
	}
	for name, weight := range m.weights {
		s.Weights[name] = weight.Clone().(*tensor.Dense)
		for _, moments := range []struct{ from, to model.Tensors }{{m.adam.First, s.FirstMoment}, {m.adam.Second, s.SecondMoment}} {
			moment(moments.from, name, weight)
			moments.to[name] = moments.from[name].Clone().(*tensor.Dense)
		}
	}
	return s, nil
}

// SetState implements Machine.
func (m *TapeMachine) SetState(s State) error {
	for _, part := range []struct {
		name    string
		tensors model.Tensors
	}{{"weights", s.Weights}, {"first moments", s.FirstMoment}, {"second moments", s.SecondMoment}} {
		if err := part.tensors.Check(m.config); err != nil {
			return fmt.Errorf("train: %s: %w", part.name, err)
		}
	}
	for name, weight := range m.weights {
		copy(weight.Float32s(), s.Weights[name].Float32s())
		copy(moment(m.adam.First, name, weight), s.FirstMoment[name].Float32s())
		copy(moment(m.adam.Second, name, weight), s.SecondMoment[name].Float32s())
	}
	m.adam.Steps = s.Step
	return nil
}

// Close implements Machine.
func (m *TapeMachine) Close() error {
	var errs []error
	for _, p := range m.programs {
		errs = append(errs, p.machine.Close())
	}
	return errors.Join(errs...)
}
