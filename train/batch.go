package train

import (
	"iter"

	"govae/internal/parallel"
	"govae/internal/philox"
	"govae/train/dataset"
)

// batcher makes what the machine is fed, one batch ahead: while the machine works on a batch, the cores make the next
// in the gaps that the machine leaves them. There are buffers for the two.
type batcher struct {
	seed    uint64
	beta    float32
	size    int // images of a batch; the last of a sequence may have fewer
	pixels  int // of an image
	latent  int
	set     *dataset.Set
	buffers [2]Batch
	making  parallel.Deferred // of the next batch
}

func newBatcher(o Options, set *dataset.Set) *batcher {
	b := &batcher{
		seed:   o.Model.Seed,
		beta:   float32(o.Beta),
		size:   o.Batch,
		pixels: set.Train.Shape.Pixels(),
		latent: o.Model.Latent,
		set:    set,
	}
	most := min(o.Batch, max(set.Train.Len(), set.Test.Len()))
	for i := range b.buffers {
		b.buffers[i] = Batch{X: make([]float32, most*b.pixels), Epsilon: make([]float32, most*b.latent)}
	}
	return b
}

// training yields the training images at indices in batches, with how many there are in each.
// The ε are those of the training steps from step on.
func (b *batcher) training(indices []int, step uint64) iter.Seq2[int, Batch] {
	return b.ahead(len(indices), maker{
		images: func(dst []float32, first, n int) {
			for row, i := range indices[first : first+n] {
				b.set.Train.Fill(dst[row*b.pixels:][:b.pixels], i)
			}
		},
		noise: func(dst []float32, first, _ int) {
			philox.New(b.seed, philox.Epsilon, step+uint64(first/b.size)).Normal(dst)
		},
	})
}

// test yields the test images in batches, with how many there are in each. The ε of an image depends on its place alone,
// so it is the same for every batch size.
func (b *batcher) test() iter.Seq2[int, Batch] {
	return b.ahead(b.set.Test.Len(), maker{
		images: func(dst []float32, first, _ int) { b.set.Test.Fill(dst, first) },
		noise: func(dst []float32, first, n int) {
			for i := range n {
				philox.New(b.seed, philox.TestEpsilon, uint64(first+i)).Normal(dst[i*b.latent:][:b.latent])
			}
		},
	})
}

// maker makes parts of the batches of a sequence of images: for the n images from first on, their pixels and, called
// for a batch as a whole, their ε.
type maker struct {
	images, noise func(dst []float32, first, n int)
}

// ahead yields a sequence of images in batches. A batch is good until the next is yielded. After the last, or where the
// consumer leaves off, nobody is at work on the buffers any more.
func (b *batcher) ahead(images int, m maker) iter.Seq2[int, Batch] {
	return func(yield func(int, Batch) bool) {
		defer b.making.Wait()
		next := b.start(m, 0, min(b.size, images))
		for first := 0; first < images; first += b.size {
			b.making.Wait()
			n, batch := min(b.size, images-first), next
			if left := images - first - n; left > 0 {
				next = b.start(m, first+n, min(b.size, left))
			}
			if !yield(n, batch) {
				return
			}
		}
	}
}

// blockPixels is how many pixels are made at a time, which takes some 1 to 5 µs, as the images are in the cache or not.
const blockPixels = 8 << 10

// start begins to make the batch of the n images from first on, which is complete after b.making.Wait.
func (b *batcher) start(m maker, first, n int) Batch {
	buffer := b.buffers[first/b.size%len(b.buffers)]
	batch := Batch{X: buffer.X[:n*b.pixels], Epsilon: buffer.Epsilon[:n*b.latent], Beta: b.beta}
	rows := max(1, blockPixels/b.pixels)
	b.making.Start(n+rows, rows, func(start, end int) {
		// The first block is ε, the others are images. The ε of a step are one stream, so they stay in one block, however long: 65,536
		// of them take some 90 µs. A worker at them joins no loop of the machine's meanwhile, but no loop waits for it: the other cores
		// run its share of the blocks. Coming first, they are seldom still being made when b.making.Wait is called.
		if start == 0 {
			m.noise(batch.Epsilon, first, n)
			return
		}
		start, end = start-rows, end-rows
		m.images(batch.X[start*b.pixels:end*b.pixels], first+start, end-start)
	})
	return batch
}
