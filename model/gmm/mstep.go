package gmm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
)

const (
	mostParts    = 64      // into which sums over the rows are divided
	mostPartials = 1 << 23 // values, of all of these sums together

	// vanished is the Nₖ below which a component has no rows to learn from. It keeps its mean and covariance, which are as good as any
	// other: its weight says that nothing comes from it.
	vanished = 1e-100
)

// sum returns Σ over all blocks of what add adds to its argument, of so many values. Blocks are added up in parts, in an order that
// the shape of the data alone determines.
func (e *em) sum(values int, add func(to []float64, at int)) []float64 {
	parts := max(1, min(len(e.blocks), mostParts, mostPartials/values))
	grain := (len(e.blocks)-1)/parts + 1
	partial := make([][]float64, (len(e.blocks)-1)/grain+1)
	parallel.For(len(e.blocks), grain, func(start, end int) {
		to := make([]float64, values)
		for at := start; at < end; at++ {
			add(to, at)
		}
		partial[start/grain] = to
	})
	total := partial[0]
	for _, p := range partial[1:] {
		floats.Add(total, p)
	}
	return total
}

// maximize returns the mixture of the M step. A component whose responsibilities have vanished keeps what it has in previous.
func (e *em) maximize(previous *Mixture) (*Mixture, error) {
	kind := kinds[e.Covariance]
	counts, means := e.moments()
	weights := make([]float64, e.Components)
	scatters := make([][]float64, e.Components)
	for k, count := range counts {
		weights[k] = count / float64(e.n)
		if count < vanished {
			means.SetRow(k, previous.means.RawRowView(k))
			scatters[k] = previous.covarianceOf(k)
			continue
		}
		scatters[k] = e.scatter(k, count, means.RawRowView(k), kind.dense)
	}
	m, err := newMixture(e.Covariance, weights, means, kind.estimate(scatters, weights))
	if err != nil {
		return nil, fmt.Errorf("%w: a larger regularization than %v prevents that", err, e.Regularization)
	}
	return m, nil
}

// moments returns Nₖ = Σᵢ rᵢₖ and μₖ = Σᵢ rᵢₖ xᵢ / Nₖ.
func (e *em) moments() (counts []float64, means *mat.Dense) {
	k, d := e.Components, e.d
	sums := e.sum(k*(1+d), func(to []float64, at int) {
		b := e.blocks[at]
		for c := range k {
			r := e.resp[at][c*b.n:][:b.n]
			to[c] += floats.Sum(r)
			for j, mean := 0, to[k+c*d:][:d]; j < d; j++ {
				mean[j] += floats.Dot(r, b.column(j))
			}
		}
	})
	counts, means = sums[:k], mat.NewDense(k, d, sums[k:])
	for c, count := range counts {
		floats.Scale(1/count, means.RawRowView(c))
	}
	return counts, means
}

// scatter returns Σᵢ rᵢₖ (xᵢ−μ)(xᵢ−μ)ᵀ / Nₖ + ρ·I, [d, d], or its diagonal, [d].
func (e *em) scatter(k int, count float64, mean []float64, dense bool) []float64 {
	values, step := e.d, 1 // and from one element of the diagonal to the next
	if dense {
		values, step = e.d*e.d, e.d+1
	}
	s := e.sum(values, func(to []float64, at int) {
		b := e.blocks[at]
		memory := borrow(len(b.values) + b.n)
		defer memory.giveBack()
		y, root := block{b.n, memory.take(len(b.values))}, memory.take(b.n)
		for i, r := range e.resp[at][k*b.n:][:b.n] {
			root[i] = math.Sqrt(r)
		}
		subtract(y, b, mean)
		for j := range mean {
			floats.Mul(y.column(j), root)
		}
		addSquares(to, y, dense)
	})
	if dense {
		mirror(s, e.d)
	}
	floats.Scale(1/count, s)
	for j := 0; j < values; j += step {
		s[j] += e.Regularization
	}
	return s
}

// addSquares adds Σᵢ yᵢ·yᵢᵀ over the rows of y, as its upper triangle, or as its diagonal.
func addSquares(to []float64, y block, dense bool) {
	if dense {
		d := len(y.values) / y.n
		blas64.Syrk(blas.NoTrans, 1, blas64.General{Rows: d, Cols: y.n, Stride: y.n, Data: y.values},
			1, blas64.Symmetric{N: d, Stride: d, Data: to, Uplo: blas.Upper})
		return
	}
	for j := range to {
		column := y.column(j)
		to[j] += floats.Dot(column, column)
	}
}

// mirror copies the upper triangle of a matrix, [d, d], to the lower one.
func mirror(s []float64, d int) {
	for i := range d {
		for j := range i {
			s[i*d+j] = s[j*d+i]
		}
	}
}
