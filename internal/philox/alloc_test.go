//go:build !race

package philox

import "testing"

// TestNoAllocations does not run under the race detector, which empties pools at random.
func TestNoAllocations(t *testing.T) {
	s, dst := New(1, Epsilon, 0), make([]float32, 2*chunk+17)
	for name, draw := range map[string]func(){
		"Normal":  func() { s.Normal(dst) },
		"Uniform": func() { s.Uniform(dst, 0, 1) },
	} {
		if allocs := testing.AllocsPerRun(100, draw); allocs != 0 { // the pool fills at first, which does not count
			t.Errorf("%s made %v allocations", name, allocs)
		}
	}
}
