// Package bench measures govae against what it is compared with.
package bench

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/philox"
	"govae/model"
	"govae/model/stock"
	"govae/train"
)

const batch = 128

// BenchmarkStep measures one training step of the default network, batch 128, with Adam: forward, backward and update,
// once from govae's operations and once from Gorgonia's own.
func BenchmarkStep(b *testing.B) {
	cfg := model.DefaultConfig()
	x := make([]float32, batch*cfg.Image.Pixels())
	philox.New(1, philox.Latent, 0).Uniform(x, 0, 1)
	epsilon := make([]float32, batch*cfg.Latent)
	philox.New(1, philox.Epsilon, 0).Normal(epsilon)

	b.Run("govae", func(b *testing.B) {
		m, err := train.NewTapeMachine(cfg, 1e-3)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Step(train.Batch{X: x, Epsilon: epsilon, Beta: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stock", func(b *testing.B) {
		step := newStockStep(b, cfg, x, epsilon)
		b.ReportAllocs()
		for b.Loop() {
			step()
		}
	})
}

// newStockStep returns a function that makes one step with Gorgonia's operations and its AdamSolver.
func newStockStep(b *testing.B, cfg model.Config, x, epsilon []float32) func() {
	n := stock.New(cfg, batch, model.InitialWeights(cfg))
	if _, err := gorgonia.Grad(n.Loss, n.Parameters...); err != nil {
		b.Fatal(err)
	}
	for node, value := range map[*gorgonia.Node]any{
		n.X:       tensor.New(tensor.WithShape(batch, cfg.Image.Pixels()), tensor.WithBacking(x)),
		n.Epsilon: tensor.New(tensor.WithShape(batch, cfg.Latent), tensor.WithBacking(epsilon)),
		n.Beta:    float32(1),
	} {
		if err := gorgonia.Let(node, value); err != nil {
			b.Fatal(err)
		}
	}
	m := gorgonia.NewTapeMachine(n.Graph, gorgonia.BindDualValues(n.Parameters...))
	b.Cleanup(func() { m.Close() })
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(1e-3))
	return func() {
		if err := m.RunAll(); err != nil {
			b.Fatal(err)
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(n.Parameters)); err != nil {
			b.Fatal(err)
		}
		m.Reset()
	}
}
