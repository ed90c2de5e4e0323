package gmm

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
)

// A Mixture of Gaussians, which Fit or Read has made. It is safe for concurrent use.
//
// Methods that take rows, x, [n, d], panic where d is not Dim. A row with a value that is not finite has no density: what is asked
// of it is NaN.
type Mixture struct {
	covariance  Covariance
	weights     []float64
	means       *mat.Dense // [K, d]
	covariances []float64  // all of them, in the kind's shape

	gaussians  []gaussian
	logWeights []float64
	trace      []float64
	converged  bool
	origin     string
}

// newMixture takes the parameters over, with the means stored row by row. An error names a component whose covariance is not positive
// definite.
func newMixture(covariance Covariance, weights []float64, means *mat.Dense, covariances []float64) (*Mixture, error) {
	m := &Mixture{covariance: covariance, weights: weights, means: means, covariances: covariances}
	for k, w := range weights {
		g, ok := newGaussian(means.RawRowView(k), m.covarianceOf(k), kinds[covariance].dense)
		if !ok {
			return nil, fmt.Errorf("covariance of component %d is not positive definite", k)
		}
		m.gaussians = append(m.gaussians, g)
		m.logWeights = append(m.logWeights, math.Log(w))
	}
	return m, nil
}

// covarianceOf returns a component's covariance, [d, d] or its diagonal, [d], not to be changed.
func (m *Mixture) covarianceOf(k int) []float64 {
	return kinds[m.covariance].of(m.covariances, k, m.Dim())
}

// Components returns K, the number of Gaussians.
func (m *Mixture) Components() int { return len(m.weights) }

// Dim returns d, the number of columns.
func (m *Mixture) Dim() int { _, d := m.means.Dims(); return d }

// Kind returns what the covariances of the components may be.
func (m *Mixture) Kind() Covariance { return m.covariance }

// Weights returns wₖ, which sum up to 1.
func (m *Mixture) Weights() []float64 { return slices.Clone(m.weights) }

// Means returns the means, [K, d].
func (m *Mixture) Means() *mat.Dense { return mat.DenseCopyOf(m.means) }

// Covariance returns Σₖ, [d, d]. It panics where there is no component k.
func (m *Mixture) Covariance(k int) *mat.SymDense {
	if k < 0 || k >= m.Components() {
		panic(fmt.Sprintf("gmm: component %d of %d", k, m.Components()))
	}
	d, values := m.Dim(), m.covarianceOf(k)
	if kinds[m.covariance].dense {
		return mat.NewSymDense(d, slices.Clone(values))
	}
	s := mat.NewSymDense(d, nil)
	for j, variance := range values {
		s.SetSym(j, j, variance)
	}
	return s
}

// Trace returns the mean log-likelihood of the rows that the mixture was fitted to, in nats: at its start, and after each iteration.
// It never falls. A mixture that was read from a file has none.
func (m *Mixture) Trace() []float64 { return slices.Clone(m.trace) }

// Converged says whether Fit ended because an iteration raised the mean log-likelihood by less than the tolerance. A mixture that was
// read from a file is not known to have.
func (m *Mixture) Converged() bool { return m.converged }

// WithOrigin returns the same mixture with a text that says where it is from, which Write writes with it: at most 1,024 bytes of UTF-8.
func (m *Mixture) WithOrigin(text string) *Mixture {
	of := *m
	of.origin = text
	return &of
}

// Origin returns the text that WithOrigin was given, or that the file had from which the mixture was read. Nobody has checked it.
func (m *Mixture) Origin() string { return m.origin }

// LogProb returns log p(x) of each row, in nats.
func (m *Mixture) LogProb(x *mat.Dense) []float64 {
	n := m.rows(x)
	logProb := make([]float64, n)
	m.eachBlock(x, func(start, end int, _ []float64, logP []float64) { copy(logProb[start:end], logP) })
	return logProb
}

// Responsibilities returns the probabilities of the components given each row, [n, K]. The sum of a row is 1.
func (m *Mixture) Responsibilities(x *mat.Dense) *mat.Dense {
	n := m.rows(x)
	if n == 0 {
		return new(mat.Dense)
	}
	r := mat.NewDense(n, m.Components(), nil)
	m.eachBlock(x, func(start, end int, resp []float64, _ []float64) {
		for i := start; i < end; i++ {
			for k, row := 0, r.RawRowView(i); k < len(row); k++ {
				row[k] = resp[k*(end-start)+i-start]
			}
		}
	})
	return r
}

// Assign returns the component with the largest responsibility for each row, the first of several, and -1 for a row that has no density.
func (m *Mixture) Assign(x *mat.Dense) []int {
	assigned := make([]int, m.rows(x))
	m.eachBlock(x, func(start, end int, resp []float64, _ []float64) {
		for i := start; i < end; i++ {
			best, most := -1, math.Inf(-1)
			for k := range m.Components() {
				if r := resp[k*(end-start)+i-start]; r > most {
					best, most = k, r
				}
			}
			assigned[i] = best
		}
	})
	return assigned
}

// BIC returns the Bayesian information criterion, −2·Σᵢ log p(xᵢ) + P·log n, with the number P of free parameters. Of several mixtures
// fitted to the same rows, the one with the lowest is to be preferred (Schwarz, "Estimating the dimension of a model", 1978).
func (m *Mixture) BIC(x *mat.Dense) float64 {
	return -2*floats.Sum(m.LogProb(x)) + float64(m.parameters())*math.Log(float64(m.rows(x)))
}

// AIC returns the criterion of Akaike, −2·Σᵢ log p(xᵢ) + 2·P ("A new look at the statistical model identification", 1974). It is used
// as BIC is.
func (m *Mixture) AIC(x *mat.Dense) float64 {
	return -2*floats.Sum(m.LogProb(x)) + 2*float64(m.parameters())
}

// parameters returns how many numbers are free. The weights have one less than there are, because of their sum.
func (m *Mixture) parameters() int {
	k, d := m.Components(), m.Dim()
	return k - 1 + k*d + kinds[m.covariance].parameters(k, d)
}

// rows returns how many rows x has, and panics where they do not have the mixture's columns.
func (m *Mixture) rows(x *mat.Dense) int {
	if x.IsEmpty() {
		return 0
	}
	n, d := x.Dims()
	if d != m.Dim() {
		panic(fmt.Sprintf("gmm: x has %d columns, the mixture %d", d, m.Dim()))
	}
	return n
}

// eachBlock calls use, on all cores, with the responsibilities, [K, rows], and the log-densities of each block of x.
func (m *Mixture) eachBlock(x *mat.Dense, use func(start, end int, resp, logP []float64)) {
	n, k, d := m.rows(x), m.Components(), m.Dim()
	parallel.For(n, rowsPerBlock(d), func(start, end int) {
		rows := end - start
		s := borrow((d + k + 1) * rows)
		defer s.giveBack()
		b := pack(x, start, end, s.take(d*rows))
		resp, logP := s.take(k*rows), s.take(rows)
		m.expect(resp, logP, b)
		use(start, end, resp, logP)
	})
}

// expect computes the E step on the rows of b: their responsibilities, [K, rows], and log p(x).
func (m *Mixture) expect(resp, logP []float64, b block) {
	s := borrow(len(b.values))
	defer s.giveBack()
	y := s.take(len(b.values))
	for k, g := range m.gaussians {
		joint := resp[k*b.n:][:b.n]
		g.logDensity(joint, b, y)
		floats.AddConst(m.logWeights[k], joint)
	}
	normalize(resp, logP)
}

// normalize makes of log wₖ N(x; μₖ, Σₖ), [K, rows], the responsibilities and log p(x) = log Σₖ wₖ N(x; μₖ, Σₖ). The largest of the
// exponentials that it sums up is 1, so that the sum neither overflows nor is 0.
func normalize(joint, logP []float64) {
	rows := len(logP)
	for i := range logP {
		most := math.Inf(-1)
		for at := i; at < len(joint); at += rows {
			most = max(most, joint[at])
		}
		var sum float64
		for at := i; at < len(joint); at += rows {
			joint[at] = math.Exp(joint[at] - most)
			sum += joint[at]
		}
		for at := i; at < len(joint); at += rows {
			joint[at] /= sum
		}
		logP[i] = most + math.Log(sum)
	}
}

// scratch is memory that is used again and again, for some slices at a time.
type scratch struct{ all, left []float64 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// borrow returns scratch for n values in all.
func borrow(n int) *scratch {
	s := scratches.Get().(*scratch)
	if len(s.all) < n {
		s.all = make([]float64, n)
	}
	s.left = s.all
	return s
}

// take returns a slice of n values, which may hold anything.
func (s *scratch) take(n int) []float64 {
	taken := s.left[:n:n]
	s.left = s.left[n:]
	return taken
}

func (s *scratch) giveBack() { scratches.Put(s) }
