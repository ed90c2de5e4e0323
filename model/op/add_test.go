package op

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestAdd checks sums of scalars, vectors and matrices, and that a second run of the graph does not add to what the first has left.
func TestAdd(t *testing.T) {
	for _, shape := range []tensor.Shape{nil, {5}, {70, 90}} { // the matrix is more than one core's share
		for n := 1; n <= 4; n++ {
			random := rand.New(rand.NewPCG(uint64(n), 0))
			g := gorgonia.NewGraph()
			var terms gorgonia.Nodes
			want := make([]float64, max(1, shape.TotalSize()))
			for i := range n {
				values := uniform(random, len(want), -2, 2)
				terms = append(terms, fed(g, fmt.Sprintf("term %d", i), shape, values))
				for j, v := range values {
					want[j] += v
				}
			}
			total, err := Add(terms...)
			if err != nil {
				t.Fatal(err)
			}
			if n == 1 {
				if total != terms[0] {
					t.Errorf("the sum of one term of shape %v is %v, want the term itself", shape, total)
				}
				continue
			}
			m := gorgonia.NewTapeMachine(g)
			defer m.Close()
			for run := 1; run <= 2; run++ {
				if err := m.RunAll(); err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprintf("run %d: sum of %d of shape %v", run, n, shape), all(total), want, 1e-6)
				m.Reset()
			}
		}
	}
}
