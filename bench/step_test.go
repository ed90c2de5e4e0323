package bench

import (
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
	"govae/train"
)

// BenchmarkStep measures one training step with Adam: forward, backward and update. Of the default network, batch 128, once from
// govae's operations and once from Gorgonia's own; and of two small ones, 784-200-200-50, batch 20, where what surrounds the
// matrix products weighs as much as they do, and 1-1-1-1, batch 1, which is nothing but that.
func BenchmarkStep(b *testing.B) {
	cfg := model.DefaultConfig()
	const batch = 128
	b.Run("govae", func(b *testing.B) { benchmarkGovae(b, cfg, batch) })
	b.Run("stock", func(b *testing.B) {
		m, err := NewStockMachine(cfg, batch, LearningRate)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		benchmarkSteps(b, m.Step, randomBatch(cfg, batch))
	})

	cfg.Hidden, cfg.Latent, cfg.Activation = []int{200, 200}, 50, op.Tanh
	b.Run("small", func(b *testing.B) { benchmarkGovae(b, cfg, 20) })
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 1, Width: 1, Channels: 1}, []int{1, 1}, 1
	b.Run("least", func(b *testing.B) { benchmarkGovae(b, cfg, 1) })
}

func benchmarkGovae(b *testing.B, cfg model.Config, batch int) {
	m, err := train.NewTapeMachine(cfg, LearningRate)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	benchmarkSteps(b, m.Step, randomBatch(cfg, batch))
}

func benchmarkSteps(b *testing.B, step func(train.Batch) (train.Terms, error), fed train.Batch) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := step(fed); err != nil {
			b.Fatal(err)
		}
	}
}

// randomBatch returns n images and their ε.
func randomBatch(cfg model.Config, n int) train.Batch {
	fed := train.Batch{X: make([]float32, n*cfg.Image.Pixels()), Epsilon: make([]float32, n*cfg.Latent), Beta: 1}
	philox.New(1, philox.Latent, 0).Uniform(fed.X, 0, 1)
	philox.New(1, philox.Epsilon, 0).Normal(fed.Epsilon)
	return fed
}
