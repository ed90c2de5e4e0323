package bench

import (
	"testing"

	"govae/internal/philox"
	"govae/model"
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
	fed := train.Batch{X: x, Epsilon: epsilon, Beta: 1}

	b.Run("govae", func(b *testing.B) {
		m, err := train.NewTapeMachine(cfg, LearningRate)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		benchmarkSteps(b, m.Step, fed)
	})
	b.Run("stock", func(b *testing.B) {
		m, err := NewStockMachine(cfg, batch, LearningRate)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		benchmarkSteps(b, m.Step, fed)
	})
}

func benchmarkSteps(b *testing.B, step func(train.Batch) (train.Terms, error), fed train.Batch) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := step(fed); err != nil {
			b.Fatal(err)
		}
	}
}
