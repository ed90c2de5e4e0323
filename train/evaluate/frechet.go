package evaluate

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Frechet returns the squared Fréchet distance between two sets of rows, a, [n, d], and b, [m, d], such as the features that a network
// finds in images: that between the two Gaussians which have their means and covariances (Dowson and Landau, Journal of Multivariate
// Analysis 12, 1982). With the features of the Inception network it is the FID of Heusel et al. (arXiv:1706.08500):
//
//	d² = |μa − μb|² + tr(Σa + Σb − 2·(Σa·Σb)^½)
//
// in the square of the rows' unit. The covariances are those of n−1 and m−1 degrees of freedom. The last trace is that of
// (Σa^½·Σb·Σa^½)^½, which has the same eigenvalues and is symmetric, so that no root is of a negative number or complex.
//
// It is 0 where means and covariances are the same, and else above 0. Two finite sets from one distribution have a distance too, about in
// inverse proportion to their sizes: compare distances of sets of one size, and with that of two sets which are known to be of one kind.
//
// The error says that a set has fewer than two rows, that the columns are not as many in both, which value is not a finite number, or that
// the values are too large to be squared.
func Frechet(a, b *mat.Dense) (float64, error) {
	if a.IsEmpty() || b.IsEmpty() {
		return 0, errors.New("evaluate: Fréchet distance of a set without rows")
	}
	if _, d := a.Dims(); d != b.RawMatrix().Cols {
		return 0, fmt.Errorf("evaluate: Fréchet distance of rows with %d columns from rows with %d, want as many", d, b.RawMatrix().Cols)
	}
	meanA, covarianceA, err := gaussianOf("first", a)
	if err != nil {
		return 0, err
	}
	meanB, covarianceB, err := gaussianOf("second", b)
	if err != nil {
		return 0, err
	}
	apart := floats.Distance(meanA, meanB, 2)
	squared := apart*apart + mat.Trace(covarianceA) + mat.Trace(covarianceB) - 2*traceOfRoot(covarianceA, covarianceB)
	if math.IsNaN(squared) || math.IsInf(squared, 0) {
		return 0, errors.New("evaluate: Fréchet distance: the values are too large")
	}
	return max(0, squared), nil // rounding aside
}

// gaussianOf returns the mean of the rows, [d], and their covariance, [d, d].
func gaussianOf(set string, rows *mat.Dense) (mean []float64, covariance *mat.SymDense, err error) {
	n, d := rows.Dims()
	if n < 2 {
		return nil, nil, fmt.Errorf("evaluate: Fréchet distance: the %s set has %d row, want at least 2", set, n)
	}
	mean, column := make([]float64, d), make([]float64, n)
	for j := range mean {
		for i, v := range mat.Col(column, j, rows) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, nil, fmt.Errorf("evaluate: Fréchet distance: column %d of row %d of the %s set is %v, want a finite number", j, i, set, v)
			}
		}
		mean[j] = stat.Mean(column, nil)
	}
	covariance = new(mat.SymDense)
	stat.CovarianceMatrix(covariance, rows, nil)
	return mean, covariance, nil
}

// traceOfRoot returns tr((a^½·b·a^½)^½), the sum of the roots of the eigenvalues of a^½·b·a^½. It is NaN where a value is not finite.
func traceOfRoot(a, b *mat.SymDense) float64 {
	var eigen mat.EigenSym
	if !finite(a) || !eigen.Factorize(a, true) {
		return math.NaN()
	}
	values, vectors := roots(eigen.Values(nil)), new(mat.Dense)
	eigen.VectorsTo(vectors)

	// With a = V·Λ·Vᵀ, the eigenvalues are those of Λ^½·Vᵀ·b·V·Λ^½ too, where a^½ need not be multiplied out.
	var product mat.Dense
	product.Product(vectors.T(), b, vectors)
	inner := mat.NewSymDense(len(values), nil)
	for i := range values {
		for j := i; j < len(values); j++ {
			inner.SetSym(i, j, values[i]*values[j]*(product.At(i, j)+product.At(j, i))/2)
		}
	}
	if !finite(inner) || !eigen.Factorize(inner, false) {
		return math.NaN()
	}
	return floats.Sum(roots(eigen.Values(nil)))
}

// finite says whether all values are, without which no eigenvalues can be looked for.
func finite(m *mat.SymDense) bool {
	norm := mat.Norm(m, 1)
	return !math.IsNaN(norm) && !math.IsInf(norm, 0)
}

// roots replaces the eigenvalues of a matrix that has none below 0 by their square roots. What is as small as rounding of the largest
// is taken for 0, whose root it would otherwise make much larger.
func roots(eigenvalues []float64) []float64 {
	const epsilon = 0x1p-52
	least := epsilon * float64(len(eigenvalues)) * floats.Max(eigenvalues)
	for i, v := range eigenvalues {
		eigenvalues[i] = 0
		if v > least {
			eigenvalues[i] = math.Sqrt(v)
		}
	}
	return eigenvalues
}
