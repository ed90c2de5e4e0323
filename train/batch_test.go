package train

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"govae/internal/parallel"
	"govae/internal/philox"
	"govae/model"
	"govae/train/dataset"
)

// The sequences of these tests: 13 images make batches of 5, 5 and 3.
const (
	aheadImages, aheadSize, aheadLatent = 13, 5, 3
	aheadSeed                           = 7
)

// forBatchers runs a test with batchers for images of which one or two make a block, on several numbers of cores.
func forBatchers(t *testing.T, test func(t *testing.T, b *batcher)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, side := range []int{56, 100} {
		pixels := side * side
		split := model.Images{Shape: model.Image{Height: side, Width: side, Channels: 1}, Values: make([]byte, aheadImages*pixels)}
		for i := range split.Values {
			split.Values[i] = byte(i%251 + i/pixels)
		}
		o := DefaultOptions()
		o.Batch, o.Model.Latent, o.Model.Seed = aheadSize, aheadLatent, aheadSeed
		b := newBatcher(o, &dataset.Set{Train: split, Test: split})
		for _, cores := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(cores)
			t.Run(fmt.Sprintf("%d×%d pixels, GOMAXPROCS=%d", side, side, cores), func(t *testing.T) { test(t, b) })
		}
	}
}

// checkBatch reports where a batch is not that of the images at indices with the given ε, after some time in which
// the cores may have made the next.
func checkBatch(t *testing.T, got Batch, split *model.Images, indices []int, epsilon []float32) {
	t.Helper()
	for range 100 {
		parallel.For(2, 1, func(int, int) {})
	}
	if got.Beta != 1 || !slices.Equal(got.Epsilon, epsilon) {
		t.Errorf("β is %v, ε are %v, want 1 and %v", got.Beta, got.Epsilon, epsilon)
	}
	pixels := split.Shape.Pixels()
	if len(got.X) != len(indices)*pixels {
		t.Fatalf("%d pixels, want those of %d images", len(got.X), len(indices))
	}
	for row, i := range indices {
		for p, x := range got.X[row*pixels:][:pixels] {
			if want := float32(float64(split.Values[i*pixels+p]) / 255); x != want {
				t.Fatalf("pixel %d of image %d is %v, want %v", p, i, x, want)
			}
		}
	}
}

// TestStepsBatchIsMadeAhead leaves the sequence after one batch, after two, after the last, and when it ends.
func TestStepsBatchIsMadeAhead(t *testing.T) {
	const step = 40
	order := dataset.Order(aheadImages, aheadSeed, 1)
	forBatchers(t, func(t *testing.T, b *batcher) {
		for most := 1; most <= 4; most++ {
			var sizes []int
			for n, batch := range b.training(order, step) {
				first := len(sizes) * aheadSize
				epsilon := make([]float32, n*aheadLatent)
				philox.New(aheadSeed, philox.Epsilon, uint64(step+len(sizes))).Normal(epsilon)
				checkBatch(t, batch, &b.set.Train, order[first:first+n], epsilon)
				if sizes = append(sizes, n); len(sizes) == most {
					break
				}
			}
			if want := []int{5, 5, 3}[:min(most, 3)]; !slices.Equal(sizes, want) {
				t.Errorf("batches of %v images, want %v", sizes, want)
			}
		}
	})
}

func TestEvaluationsBatchIsMadeAhead(t *testing.T) {
	forBatchers(t, func(t *testing.T, b *batcher) {
		first := 0
		for n, batch := range b.test() {
			indices, epsilon := make([]int, n), make([]float32, n*aheadLatent)
			for i := range n {
				indices[i] = first + i
				philox.New(aheadSeed, philox.TestEpsilon, uint64(first+i)).Normal(epsilon[i*aheadLatent:][:aheadLatent])
			}
			checkBatch(t, batch, &b.set.Test, indices, epsilon)
			first += n
		}
		if first != aheadImages {
			t.Errorf("%d images, want %d", first, aheadImages)
		}
	})
}
