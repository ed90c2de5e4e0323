package gmm

import (
	"testing"

	"gonum.org/v1/gonum/mat"
)

// BenchmarkIteration times an E step and an M step on 60,000 rows in 20 columns, with 10 components. bench/gmm_peer.py has the same of
// scikit-learn.
func BenchmarkIteration(b *testing.B) {
	for _, covariance := range Covariances() {
		b.Run(string(covariance), func(b *testing.B) {
			o := DefaultOptions()
			o.Covariance = covariance
			e, err := newEM(spread(60_000, 20, o.Components), o)
			if err != nil {
				b.Fatal(err)
			}
			e.start(e.centres(0))
			m, err := e.maximize(nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := e.expect(m); err != nil {
					b.Fatal(err)
				}
				if m, err = e.maximize(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// spread returns rows of a mixture whose components lie apart by some standard deviations.
func spread(n, d, components int) *mat.Dense {
	m := &Mixture{weights: make([]float64, components), means: mat.NewDense(components, d, nil)}
	for k := range components {
		m.weights[k] = 1 / float64(components)
		m.means.Set(k, k%d, float64(3+k))
		g, _ := newGaussian(m.means.RawRowView(k), ones(d), false)
		m.gaussians = append(m.gaussians, g)
	}
	return m.Sample(n, 1)
}

func ones(d int) []float64 {
	v := make([]float64, d)
	for j := range v {
		v[j] = 1
	}
	return v
}
