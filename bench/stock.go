package bench

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/model/stock"
)

// StockMachine makes training steps with Gorgonia's operations and its AdamSolver.
type StockMachine struct {
	settings machine.Settings
	network  *stock.Network
	epsilon  []float32
	vm       gorgonia.VM
	solver   gorgonia.Solver
	made     uint64 // steps
}

// NewStockMachine returns a machine for the model and the settings of a job, with the initial weights that the seed fixes.
func NewStockMachine(j machine.Job) (*StockMachine, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	n := stock.New(j.Model, j.Settings.Batch, model.InitialWeights(j.Model, j.Settings.Seed))
	if _, err := gorgonia.Grad(n.Loss, n.Parameters...); err != nil {
		return nil, fmt.Errorf("bench: differentiating the stock network: %w", err)
	}
	return &StockMachine{
		settings: j.Settings,
		network:  n,
		epsilon:  make([]float32, n.Epsilon.Shape().TotalSize()),
		vm:       gorgonia.NewTapeMachine(n.Graph, gorgonia.BindDualValues(n.Parameters...)),
		solver:   gorgonia.NewAdamSolver(gorgonia.WithLearnRate(j.Settings.LearningRate)),
	}, nil
}

// Step runs forward and backward on the images x, [batch, pixels], with the ε that govae has in this step, and updates the weights
// once. The terms are those before the update.
func (m *StockMachine) Step(x []float32) (machine.Terms, error) {
	defer m.vm.Reset()
	n := m.network
	philox.New(m.settings.Seed, philox.Epsilon, m.made).Normal(m.epsilon)
	err := errors.Join(
		gorgonia.Let(n.X, tensor.New(tensor.WithShape(n.X.Shape()...), tensor.WithBacking(x))),
		gorgonia.Let(n.Epsilon, tensor.New(tensor.WithShape(n.Epsilon.Shape()...), tensor.WithBacking(m.epsilon))),
		gorgonia.Let(n.Beta, float32(m.settings.Beta)))
	if err != nil {
		return nil, fmt.Errorf("bench: feeding the stock network: %w", err)
	}
	if err := m.vm.RunAll(); err != nil {
		return nil, fmt.Errorf("bench: running the stock network: %w", err)
	}
	var terms machine.Terms
	for _, term := range []*gorgonia.Node{n.Loss, n.Reconstruction, n.KL} {
		terms = append(terms, float64(term.Value().Data().(float32)))
	}
	if err := m.solver.Step(gorgonia.NodesToValueGrads(n.Parameters)); err != nil {
		return nil, fmt.Errorf("bench: updating the stock network: %w", err)
	}
	m.made++
	return terms, nil
}

// Close frees the machine.
func (m *StockMachine) Close() error { return m.vm.Close() }
