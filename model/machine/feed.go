package machine

import (
	"slices"

	"govae/internal/parallel"
	"govae/model"
)

// batch is the images of one step, and what fixes the numbers that are drawn for them.
type batch struct {
	images  *model.Images
	indices []int  // of the images
	step    uint64 // updates made before it
	test    bool   // in evaluation: what is drawn depends on the image, not on the step
}

// feeder makes what a graph is fed, one batch ahead: while a batch is worked on, the cores make the next in the gaps that the
// work leaves them. There are buffers for the two. The graphs that it serves have the same inputs, for batches of any size.
type feeder struct {
	seed   uint64
	sides  [2][][]float32    // the values of each input, nil for a setting; their memory is enough for the largest batch so far
	side   int               // that was filled last
	blocks []block           // of the batch that was started last
	making parallel.Deferred // of the blocks
}

// block is what is made at a time: an input's values for some images of a batch, or for all.
type block struct {
	input   model.Input
	columns int       // of the input
	indices []int     // of the images
	values  []float32 // one or more rows for each image
}

// blockValues is how many values are made at a time, which takes some 1 to 5 µs, as the images are in the cache or not.
const blockValues = 8 << 10

// start begins to make the values of a network's inputs for a batch of that network's size. wait returns them, and must be
// called before the next start.
func (f *feeder) start(inputs []model.Input, b batch) {
	f.side = 1 - f.side
	if f.sides[f.side] == nil {
		f.sides[f.side] = make([][]float32, len(inputs))
	}
	values, n := f.sides[f.side], len(b.indices)
	f.blocks = f.blocks[:0]
	for i, in := range inputs {
		if in.Source == model.Setting {
			continue
		}
		shape := in.Shape() // a copy
		rows, columns := shape[0], shape[1]
		if rows*columns > cap(values[i]) {
			values[i] = make([]float32, rows*columns)
		}
		values[i] = values[i][:rows*columns]
		if in.IsDrawn() && !b.test {
			// The draws of a step are one stream, so they stay in one block, however long: 65,536 of them take some 90 µs. A
			// worker at them joins no loop of the machine's meanwhile, but no loop waits for it: the other cores run its share
			// of the blocks. Coming first, they are seldom still being made in wait.
			f.blocks = slices.Insert(f.blocks, 0, block{in, columns, b.indices, values[i]})
			continue
		}
		width := rows / n * columns // of an image
		each := max(1, blockValues/width)
		for first := 0; first < n; first += each {
			last := min(n, first+each)
			f.blocks = append(f.blocks, block{in, columns, b.indices[first:last], values[i][first*width : last*width]})
		}
	}
	f.making.Start(len(f.blocks), 1, func(k, _ int) { f.fill(f.blocks[k], b) })
}

// wait returns the values of the inputs for the batch that was started last, once they are made. They are good until start has
// been called twice more.
func (f *feeder) wait() [][]float32 {
	f.making.Wait()
	return f.sides[f.side]
}

// fill makes a block of a batch.
func (f *feeder) fill(to block, b batch) {
	if to.input.IsDrawn() && !b.test {
		to.input.Draw(to.values, f.seed, to.input.Stream, b.step)
		return
	}
	width := len(to.values) / len(to.indices)
	for i, image := range to.indices {
		values := to.values[i*width:][:width]
		switch to.input.Source {
		case model.Pixels:
			for ; len(values) > 0; values = values[to.columns:] {
				b.images.Fill(values[:to.columns], image)
			}
		case model.Labels:
			clear(values)
			for at := int(b.images.Labels[image]); at < len(values); at += to.columns {
				values[at] = 1
			}
		case model.Normal, model.Uniform:
			to.input.Draw(values, f.seed, to.input.TestStream, uint64(image))
		}
	}
}
