//go:build !race

package train

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"govae/internal/philox"
	"govae/model"
)

// mostPieces is how many allocations a step of this test's network may make: the 209 that were measured, the same on 1, 2 and
// 4 cores and with -tags noasm, and two more. They depend on Gorgonia, here v0.9.18, which makes most of them, and on the
// operations and inputs of the graph: with another of either, measure again.
const mostPieces = 211

// TestStepAllocations checks that a step allocates next to nothing once its graph has run: no tensor of its own, and no more
// pieces than Gorgonia takes to execute the graph, some four for each operation (the list of its inputs, twice made larger, its
// result, and where that goes) and one for each input. Our own are the loops' bodies.
//
// It does not run under the race detector, which empties pools at random.
func TestStepAllocations(t *testing.T) {
	const batch, steps = 32, 5
	cfg := model.DefaultConfig()
	cfg.Hidden, cfg.Latent = []int{100}, 64 // the smallest matrix has 8 kB
	m, err := NewTapeMachine(cfg, 1e-3)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b := Batch{X: make([]float32, batch*cfg.Image.Pixels()), Epsilon: make([]float32, batch*cfg.Latent), Beta: 1}
	philox.New(1, philox.Latent, 0).Uniform(b.X, 0, 1)

	mustStep(t, m, b)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the matrix product's pools
	pieces, bytes := uint64(math.MaxUint64), uint64(math.MaxUint64)
	for range 5 { // a core that comes to the product late allocates its workspace then
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range steps {
			mustStep(t, m, b)
		}
		runtime.ReadMemStats(&after)
		pieces, bytes = min(pieces, (after.Mallocs-before.Mallocs)/steps), min(bytes, (after.TotalAlloc-before.TotalAlloc)/steps)
	}
	if pieces > mostPieces || bytes > 8<<10 {
		t.Errorf("a step allocates %d bytes in %d pieces, want at most 8 kB in %d", bytes, pieces, mostPieces)
	}
}
