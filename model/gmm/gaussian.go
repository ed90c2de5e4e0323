package gmm

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// gaussian is a component, with what its density needs of its covariance.
type gaussian struct {
	mean     []float64
	dense    bool
	factor   []float64 // dense: the Cholesky factor L, [d, d], of which the lower triangle counts; else its diagonal, [d]
	logScale float64   // −½·d·log 2π − Σⱼ log Lⱼⱼ
}

// newGaussian is false where the covariance, [d, d] or its diagonal, [d], is not positive definite.
func newGaussian(mean, covariance []float64, dense bool) (g gaussian, ok bool) {
	d := len(mean)
	g = gaussian{mean: mean, dense: dense, factor: make([]float64, len(covariance)), logScale: -0.5 * float64(d) * math.Log(2*math.Pi)}
	copy(g.factor, covariance)
	step := 1 // from one element of the diagonal to the next
	if dense {
		step = d + 1
		if _, ok := lapack64.Potrf(blas64.Symmetric{N: d, Stride: d, Data: g.factor, Uplo: blas.Lower}); !ok {
			return gaussian{}, false
		}
	} else {
		for j, variance := range covariance {
			g.factor[j] = math.Sqrt(variance)
		}
	}
	for j := 0; j < len(g.factor); j += step {
		if !(g.factor[j] > 0) || math.IsInf(g.factor[j], 0) {
			return gaussian{}, false
		}
		g.logScale -= math.Log(g.factor[j])
	}
	return g, true
}

// logDensity computes log N(x; μ, Σ) of each row of x. Its scratch has as many values as x.
func (g gaussian) logDensity(dst []float64, x block, scratch []float64) {
	y := block{x.n, scratch[:len(x.values)]}
	subtract(y, x, g.mean)
	g.whiten(y)
	clear(dst)
	for j := range g.mean {
		for i, v := range y.column(j) {
			dst[i] += v * v
		}
	}
	for i, squared := range dst {
		dst[i] = g.logScale - 0.5*squared
	}
}

// whiten replaces each row of y by L⁻¹·y.
func (g gaussian) whiten(y block) {
	if !g.dense {
		for j, deviation := range g.factor {
			floats.Scale(1/deviation, y.column(j))
		}
		return
	}
	d := len(g.mean)
	blas64.Trsm(blas.Left, blas.NoTrans, 1,
		blas64.Triangular{N: d, Stride: d, Data: g.factor, Uplo: blas.Lower, Diag: blas.NonUnit},
		blas64.General{Rows: d, Cols: y.n, Stride: y.n, Data: y.values})
}

// colour replaces epsilon, drawn from N(0, I), by μ + L·epsilon.
func (g gaussian) colour(epsilon []float64) {
	if g.dense {
		d := len(g.mean)
		blas64.Trmv(blas.NoTrans, blas64.Triangular{N: d, Stride: d, Data: g.factor, Uplo: blas.Lower, Diag: blas.NonUnit},
			blas64.Vector{N: d, Inc: 1, Data: epsilon})
	} else {
		floats.Mul(epsilon, g.factor)
	}
	floats.Add(epsilon, g.mean)
}

// subtract computes y = x − mean of each row.
func subtract(y, x block, mean []float64) {
	for j, m := range mean {
		to := y.column(j)
		for i, v := range x.column(j) {
			to[i] = v - m
		}
	}
}
