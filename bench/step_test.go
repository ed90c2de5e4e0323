package bench

import (
	"math/rand/v2"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/dataset"
)

// BenchmarkStep measures one training step with Adam: the making of its batch, forward, backward and update. Of the default
// network, batch 128, once from govae's operations and once from Gorgonia's own; and of two small ones, 784-200-200-50, batch
// 20, where what surrounds the matrix products weighs as much as they do, and 1-1-1-1, batch 1, which is nothing but that.
func BenchmarkStep(b *testing.B) {
	cfg := model.DefaultConfig()
	const batch = 128
	b.Run("govae", func(b *testing.B) { benchmarkGovae(b, cfg, batch) })
	b.Run("stock", func(b *testing.B) {
		j := randomJob(cfg, batch)
		m, err := NewStockMachine(j)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		benchmarkSteps(b, j, StepByStep(j, m.Step))
	})

	cfg.Hidden, cfg.Latent, cfg.Activation = []int{200, 200}, 50, op.Tanh
	b.Run("small", func(b *testing.B) { benchmarkGovae(b, cfg, 20) })
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 1, Width: 1, Channels: 1}, []int{1, 1}, 1
	b.Run("least", func(b *testing.B) { benchmarkGovae(b, cfg, 1) })
}

func benchmarkGovae(b *testing.B, cfg model.Config, batch int) {
	j := randomJob(cfg, batch)
	m, err := machine.NewCPU(j)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	benchmarkSteps(b, j, m.Train)
}

// stretch is how many steps a Trainer is given at a time, so that it can make batches ahead as in a run.
const stretch = 64

// benchmarkSteps makes b.N steps, in stretches. Two come before, which compile the graph and allocate both buffers of batches.
func benchmarkSteps(b *testing.B, j machine.Job, train Trainer) {
	b.ReportAllocs()
	indices := dataset.Sequence(j.Train.Len())
	run := func(steps int) {
		if _, err := train(indices[:steps*j.Settings.Batch]); err != nil {
			b.Fatal(err)
		}
	}
	run(2)
	b.ResetTimer()
	for left := b.N; left > 0; left -= stretch {
		run(min(left, stretch))
	}
}

// randomJob returns a job with as many random images as a stretch takes.
func randomJob(cfg model.Config, batch int) machine.Job {
	j := machine.Job{Model: cfg, Settings: machine.DefaultSettings()}
	j.Settings.Batch = batch
	j.Train = &model.Images{Shape: cfg.Image, Values: make([]byte, stretch*batch*cfg.Image.Pixels())}
	rand.NewChaCha8([32]byte{}).Read(j.Train.Values)
	return j
}
