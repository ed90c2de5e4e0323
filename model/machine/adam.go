package machine

import (
	"math"
	"runtime"
	"sync/atomic"

	"govae/internal/parallel"
	"govae/internal/vec"
)

// The constants of Kingma and Ba (arXiv:1412.6980, algorithm 1), as the paper proposes them.
const (
	AdamBeta1   = 0.9   // decay of the mean of the gradients
	AdamBeta2   = 0.999 // decay of the mean of the squared gradients
	AdamEpsilon = 1e-8
)

// AdamRates returns what update t, counted from 1, multiplies with learning rate alpha: the moments' means by
// alpha/(1 − β₁ᵗ), and the root of the squares' means by 1/√(1 − β₂ᵗ).
func AdamRates(alpha float64, t uint64) (rate, correction float32) {
	rate64 := alpha / (1 - math.Pow(AdamBeta1, float64(t)))
	correction64 := 1 / math.Sqrt(1-math.Pow(AdamBeta2, float64(t)))
	return float32(rate64), float32(correction64)
}

// adamShares is into how many shares, for each core, the parameters are divided.
const adamShares = 8

// values are a parameter's, with its moments and its gradient, all of the same length.
type values struct{ w, m, v, g []float32 }

// adam makes update t, counted from 1, of all the parameters with learning rate alpha, in place. It says whether all that it
// has made is finite.
func adam(parameters []values, alpha float64, t uint64) bool {
	rate, correction := AdamRates(alpha, t)
	// All the parameters in one loop: each loop ends in a wait for the other cores, and a bias is not worth one. A block
	// is a share of each of them, as a block of the product that computes a large gradient is: so a core finds most of what it
	// has computed.
	shares := adamShares * runtime.GOMAXPROCS(0)
	var overflow atomic.Bool
	parallel.For(shares, 1, func(share, _ int) {
		for _, p := range parameters {
			start, end := cut(len(p.w), share, shares), cut(len(p.w), share+1, shares)
			finite := vec.Adam(p.w[start:end], p.m[start:end], p.v[start:end], p.g[start:end],
				AdamBeta1, AdamBeta2, rate, correction, AdamEpsilon)
			if !finite {
				overflow.Store(true)
			}
		}
	})
	return !overflow.Load()
}

// cut returns where a share of n values begins: at a multiple of 16, a line of the cache, or at the end.
func cut(n, share, shares int) int {
	if share == shares {
		return n
	}
	return n * share / shares &^ 15
}
