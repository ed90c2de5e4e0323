package gmm

import (
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
	"govae/internal/philox"
)

const sampleGrain = 64 // rows

// Sample draws n rows, [n, d]. A row depends on the seed and its place alone: the first rows of many are those of few. Below
// one row the matrix is empty.
//
// The standard normal numbers behind a row come from pairs of 32 bits each, as package philox makes them, and are rounded to float32.
func (m *Mixture) Sample(n int, seed uint64) *mat.Dense {
	if n < 1 {
		return new(mat.Dense)
	}
	x := mat.NewDense(n, m.Dim(), nil)
	cumulative := floats.CumSum(make([]float64, m.Components()), m.weights)
	parallel.For(n, sampleGrain, func(start, end int) {
		epsilon := make([]float32, m.Dim())
		for i := start; i < end; i++ {
			source := philox.New(seed, philox.MixtureRows, uint64(i))
			k := pick(cumulative, unit(source))
			source.Normal(epsilon)
			row := x.RawRowView(i)
			for j, v := range epsilon {
				row[j] = float64(v)
			}
			m.gaussians[k].colour(row)
		}
	})
	return x
}

// pick returns the first component up to which the weights sum up to more than u times all of them. It has a weight above 0, though
// rounding may bring the product up to the whole.
func pick(cumulative []float64, u float64) int {
	whole := cumulative[len(cumulative)-1]
	return slices.IndexFunc(cumulative, func(sum float64) bool { return sum > u*whole || sum == whole })
}
