package train

import (
	"govae/internal/philox"
	"govae/train/dataset"
)

// batcher makes what the machine is fed. Its buffers serve every batch, so a batch is good until the next is made.
type batcher struct {
	seed    uint64
	beta    float32
	latent  int
	x       []float32 // [batch, pixels]
	epsilon []float32 // [batch, latent]
}

func newBatcher(o Options, set *dataset.Set) *batcher {
	most := min(o.Batch, max(set.Train.Len(), set.Test.Len()))
	return &batcher{
		seed:    o.Model.Seed,
		beta:    float32(o.Beta),
		latent:  o.Model.Latent,
		x:       make([]float32, most*set.Train.Pixels()),
		epsilon: make([]float32, most*o.Model.Latent),
	}
}

// training returns the batch of the images at indices, with the ε of a training step.
func (b *batcher) training(split *dataset.Split, indices []int, step uint64) Batch {
	batch := b.batch(len(indices), split.Pixels())
	split.Fill(batch.X, indices)
	philox.New(b.seed, philox.Epsilon, step).Normal(batch.Epsilon)
	return batch
}

// test returns the batch of n images from first on. The ε of an image depends on its place alone, so it is
// the same for every batch size.
func (b *batcher) test(split *dataset.Split, first, n int) Batch {
	batch := b.batch(n, split.Pixels())
	split.FillFrom(batch.X, first)
	for i := range n {
		philox.New(b.seed, philox.TestEpsilon, uint64(first+i)).Normal(batch.Epsilon[i*b.latent:][:b.latent])
	}
	return batch
}

// batch returns a batch of n images that are still to be filled in, with their ε.
func (b *batcher) batch(n, pixels int) Batch {
	return Batch{X: b.x[:n*pixels], Epsilon: b.epsilon[:n*b.latent], Beta: b.beta}
}
