package evaluate

import (
	"gonum.org/v1/gonum/mat"

	"govae/model/gmm"
)

// Clusters fits a mixture of k Gaussians, each with a covariance of its own, to codes, [n, latent], and returns for each code the Gaussian
// from which it most likely is, from 0 to k−1. No labels play a part; Agree says how far the clusters agree with some. The seed fixes where
// the fit starts. Errors are those of gmm.Fit: where there are fewer codes than Gaussians, for one.
func Clusters(codes []float32, latent, k int, seed uint64) ([]int, error) {
	x := mat.NewDense(len(codes)/latent, latent, nil)
	for i, v := range codes {
		x.Set(i/latent, i%latent, float64(v))
	}
	o := gmm.DefaultOptions()
	o.Components, o.Covariance, o.Seed = k, gmm.Full, seed
	m, err := gmm.Fit(x, o)
	if err != nil {
		return nil, err
	}
	return m.Assign(x), nil
}
