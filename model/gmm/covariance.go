package gmm

import (
	"maps"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// Covariance names what the covariances of a mixture's components may be.
type Covariance string

// The covariances.
const (
	Full      Covariance = "full"      // each component has any of its own
	Diagonal  Covariance = "diagonal"  // each has its own variance in each column, and the columns are independent within it
	Tied      Covariance = "tied"      // all components have the same one, which may be any
	Spherical Covariance = "spherical" // each has one variance, the same in all columns
)

// kind is what the covariances of K components in d columns are.
//
// The scatter of a component is Σᵢ rᵢₖ (xᵢ−μₖ)(xᵢ−μₖ)ᵀ / Nₖ + ρ·I: of a dense kind the matrix, [d, d], and else its diagonal, [d]. What
// a kind has for a component is as long.
type kind struct {
	dense bool // columns may depend on each other within a component

	shape      func(k, d int) []int                              // of all the covariances, as scikit-learn has them
	parameters func(k, d int) int                                // how many numbers in them are free
	estimate   func(scatters [][]float64, w []float64) []float64 // the most likely ones, stored row by row; w: the weights
	of         func(covariances []float64, k, d int) []float64   // a component's, dense or diagonal
}

// kinds has those that Options may name. A new one is added here.
var kinds = map[Covariance]kind{
	Full: {
		dense:      true,
		shape:      func(k, d int) []int { return []int{k, d, d} },
		parameters: func(k, d int) int { return k * d * (d + 1) / 2 },
		estimate:   func(scatters [][]float64, _ []float64) []float64 { return slices.Concat(scatters...) },
		of:         func(all []float64, k, d int) []float64 { return all[k*d*d:][:d*d] },
	},
	Diagonal: {
		shape:      func(k, d int) []int { return []int{k, d} },
		parameters: func(k, d int) int { return k * d },
		estimate:   func(scatters [][]float64, _ []float64) []float64 { return slices.Concat(scatters...) },
		of:         func(all []float64, k, d int) []float64 { return all[k*d:][:d] },
	},
	Tied: {
		dense:      true,
		shape:      func(_, d int) []int { return []int{d, d} },
		parameters: func(_, d int) int { return d * (d + 1) / 2 },
		estimate:   weightedSum,
		of:         func(all []float64, _, _ int) []float64 { return all },
	},
	Spherical: {
		shape:      func(k, _ int) []int { return []int{k} },
		parameters: func(k, _ int) int { return k },
		estimate:   averages,
		of:         func(all []float64, k, d int) []float64 { return slices.Repeat(all[k:k+1], d) },
	},
}

// Covariances lists those that Options may name.
func Covariances() []Covariance { return slices.Sorted(maps.Keys(kinds)) }

// weightedSum returns the sum of the scatters, which the most likely covariance is that all components share.
func weightedSum(scatters [][]float64, w []float64) []float64 {
	sum := make([]float64, len(scatters[0]))
	for k, s := range scatters {
		floats.AddScaled(sum, w[k], s)
	}
	return sum
}

// averages returns the average of each scatter over the columns.
func averages(scatters [][]float64, _ []float64) []float64 {
	average := make([]float64, len(scatters))
	for k, s := range scatters {
		average[k] = stat.Mean(s, nil)
	}
	return average
}
