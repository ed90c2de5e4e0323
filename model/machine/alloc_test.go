//go:build !race

package machine

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"govae/model"
)

// mostPieces is how many allocations a step of this test's network may make, in a call of Train for 8: the 217 that were
// measured, the same on 1, 2 and 4 cores and with -tags noasm, and two more. They depend on Gorgonia, here v0.9.18, which makes
// most of them, and on the operations and inputs of the graph: with another of either, measure again.
const mostPieces = 219

// TestStepAllocations checks that a step allocates next to nothing once its graph has run: no tensor of its own, and no more
// pieces than Gorgonia takes to execute the graph, some four for each operation (the list of its inputs, twice made larger, its
// result, and where that goes) and one for each input. Our own are the loops' bodies, the step's terms, and what makes its ε.
//
// It does not run under the race detector, which empties pools at random.
func TestStepAllocations(t *testing.T) {
	const batch, steps = 32, 8
	j := tinyJob()
	j.Model = model.DefaultConfig()
	j.Model.Hidden, j.Model.Latent = []int{100}, 64 // the smallest matrix has 8 kB
	j.Train, j.Test = randomImages(j.Model.Image, 2*batch, 1), nil
	j.Settings.Batch = batch
	m := open(t, j)
	indices := slices.Repeat(counted(2*batch), steps/2)

	mustTrain(t, m, indices)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the matrix product's pools
	onCores(func(cores int) {
		pieces, bytes := uint64(math.MaxUint64), uint64(math.MaxUint64)
		for range 5 { // a core that comes to the product late allocates its workspace then
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			mustTrain(t, m, indices)
			runtime.ReadMemStats(&after)
			pieces, bytes = min(pieces, (after.Mallocs-before.Mallocs)/steps), min(bytes, (after.TotalAlloc-before.TotalAlloc)/steps)
		}
		if pieces > mostPieces || bytes > 8<<10 {
			t.Errorf("%d cores: a step allocates %d bytes in %d pieces, want at most 8 kB in %d", cores, bytes, pieces, mostPieces)
		}
	})
}
