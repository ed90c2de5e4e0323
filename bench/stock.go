package bench

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model"
	"govae/model/stock"
	"govae/train"
)

// StockMachine makes training steps with Gorgonia's operations and its AdamSolver.
type StockMachine struct {
	network *stock.Network
	machine gorgonia.VM
	solver  gorgonia.Solver
}

// NewStockMachine returns a machine for batches of the given size, with the initial weights that cfg's seed fixes.
func NewStockMachine(cfg model.Config, batch int, learningRate float64) (*StockMachine, error) {
	n := stock.New(cfg, batch, model.InitialWeights(cfg))
	if _, err := gorgonia.Grad(n.Loss, n.Parameters...); err != nil {
		return nil, fmt.Errorf("bench: differentiating the stock network: %w", err)
	}
	return &StockMachine{
		network: n,
		machine: gorgonia.NewTapeMachine(n.Graph, gorgonia.BindDualValues(n.Parameters...)),
		solver:  gorgonia.NewAdamSolver(gorgonia.WithLearnRate(learningRate)),
	}, nil
}

// Step runs forward and backward and updates the weights once. The terms are those before the update.
func (m *StockMachine) Step(b train.Batch) (train.Terms, error) {
	defer m.machine.Reset()
	n := m.network
	err := errors.Join(
		gorgonia.Let(n.X, tensor.New(tensor.WithShape(n.X.Shape()...), tensor.WithBacking(b.X))),
		gorgonia.Let(n.Epsilon, tensor.New(tensor.WithShape(n.Epsilon.Shape()...), tensor.WithBacking(b.Epsilon))),
		gorgonia.Let(n.Beta, b.Beta))
	if err != nil {
		return train.Terms{}, fmt.Errorf("bench: feeding the stock network: %w", err)
	}
	if err := m.machine.RunAll(); err != nil {
		return train.Terms{}, fmt.Errorf("bench: running the stock network: %w", err)
	}
	value := func(n *gorgonia.Node) float64 { return float64(n.Value().Data().(float32)) }
	terms := train.Terms{Loss: value(n.Loss), Reconstruction: value(n.Reconstruction), KL: value(n.KL)}
	if err := m.solver.Step(gorgonia.NodesToValueGrads(n.Parameters)); err != nil {
		return train.Terms{}, fmt.Errorf("bench: updating the stock network: %w", err)
	}
	return terms, nil
}

// Close frees the machine.
func (m *StockMachine) Close() error { return m.machine.Close() }
