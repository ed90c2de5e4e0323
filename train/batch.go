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
	indices []int
	x       []float32 // [batch, pixels]
	epsilon []float32 // [batch, latent]
}

func newBatcher(o Options, set *dataset.Set) *batcher {
	most := min(o.Batch, max(set.Train.Len(), set.Test.Len()))
	return &batcher{
		seed:    o.Model.Seed,
		beta:    float32(o.Beta),
		latent:  o.Model.Latent,
		indices: make([]int, most),
		x:       make([]float32, most*set.Train.Pixels()),
		epsilon: make([]float32, most*o.Model.Latent),
	}
}

// training returns the batch of the images at indices, with the ε of a training step.
func (b *batcher) training(split *dataset.Split, indices []int, step uint64) Batch {
	batch := b.fill(split, indices)
	philox.New(b.seed, philox.Epsilon, step).Normal(batch.Epsilon)
	return batch
}

// test returns the batch of n images from first on. The ε of an image depends on its place alone, so it is
// the same for every batch size.
func (b *batcher) test(split *dataset.Split, first, n int) Batch {
	indices := b.indices[:n]
	for i := range indices {
		indices[i] = first + i
	}
	batch := b.fill(split, indices)
	for i, place := range indices {
		philox.New(b.seed, philox.TestEpsilon, uint64(place)).Normal(batch.Epsilon[i*b.latent:][:b.latent])
	}
	return batch
}

// fill returns a batch whose ε are still to be drawn.
func (b *batcher) fill(split *dataset.Split, indices []int) Batch {
	n := len(indices)
	x := b.x[:n*split.Pixels()]
	split.Fill(x, indices)
	return Batch{X: x, Epsilon: b.epsilon[:n*b.latent], Beta: b.beta}
}
