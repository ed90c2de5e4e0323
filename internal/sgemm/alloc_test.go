//go:build !race

package sgemm

import (
	"runtime"
	"testing"
)

// TestNoAllocations does not run under the race detector, which empties pools at random.
func TestNoAllocations(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // testing.AllocsPerRun would use one core
	x := RowMajor(make([]float32, 128*400), 128, 400)
	w := RowMajor(make([]float32, 200*400), 200, 400)
	y := RowMajor(make([]float32, 128*200), 128, 200)
	bias := make([]float32, 200)
	const calls = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		MulBias(y, x, w.T(), bias, true)
	}
	runtime.ReadMemStats(&after)
	if allocs := after.Mallocs - before.Mallocs; allocs > calls/4 { // the pools fill at first, and after a collection
		t.Errorf("%d products made %d allocations", calls, allocs)
	}
}
