package gmm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
)

// Fit fits a mixture to the rows of x, [n, d], by EM.
//
// Each of the starts takes K rows by the rule of k-means++ and lets each row belong to the nearest of them. The start with the largest
// mean log-likelihood at its end wins, the first of several. Distances are Euclidean: columns in very different units are better
// scaled before.
//
// An iteration never lowers the mean log-likelihood, but for what the regularization adds to the covariances. Where one would be lower,
// EM ends with the mixture before it.
//
// It is an error if an option will not do, if x has fewer rows than there are components, or values that are not finite or larger than
// 1e100, if in each start the covariance of a component becomes singular, which a larger regularization prevents, and if
// Options.Each returns one. Rows that are all the same, columns that are constant and more columns than rows are no errors, as long as
// the regularization is above 0.
func Fit(x *mat.Dense, o Options) (*Mixture, error) {
	e, err := newEM(x, o)
	if err != nil {
		return nil, err
	}
	var best *Mixture
	var failed error
	for s := range o.Starts {
		e.start(e.centres(s))
		m, err := e.run(s)
		if e.ended != nil {
			return nil, e.ended
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("start %d: %w", s, err)
		}
		if err == nil && (best == nil || m.likelihood() > best.likelihood()) {
			best = m
		}
	}
	if best == nil {
		return nil, failed
	}
	return best, nil
}

// FitFrom is Fit from one start, with the responsibilities that are given for each row of x, [n, K]: none is negative, and the sum of
// each row is 1. Options.Starts and Options.Seed do not matter.
func FitFrom(x, responsibilities *mat.Dense, o Options) (*Mixture, error) {
	e, err := newEM(x, o)
	if err != nil {
		return nil, err
	}
	if err := e.startFrom(responsibilities); err != nil {
		return nil, fmt.Errorf("responsibilities to start from: %w", err)
	}
	return e.run(0)
}

// em is the data that a mixture is fitted to, and what the two steps hand each other.
type em struct {
	Options
	x      *mat.Dense
	n, d   int
	blocks []block
	resp   [][]float64 // of each block, [K, rows]
	ended  error       // what Each has ended the fit with
}

func newEM(x *mat.Dense, o Options) (*em, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := checkData(x, o.Components); err != nil {
		return nil, err
	}
	e := &em{Options: o, x: x, blocks: packAll(x)}
	e.n, e.d = x.Dims()
	for _, b := range e.blocks {
		e.resp = append(e.resp, make([]float64, o.Components*b.n))
	}
	return e, nil
}

// run iterates, in a start of that number, from the responsibilities that are there until the mean log-likelihood no longer rises by as much as the tolerance.
func (e *em) run(start int) (*Mixture, error) {
	m, err := e.maximize(nil)
	if err != nil {
		return nil, err
	}
	likelihood, err := e.expect(m)
	if err != nil {
		return nil, err
	}
	trace := []float64{likelihood}
	converged := false
	for i := 0; i < e.MaxIterations && !converged; i++ {
		next, err := e.maximize(m)
		if err != nil {
			return nil, err
		}
		if likelihood, err = e.expect(next); err != nil {
			return nil, err
		}
		rise := likelihood - trace[i]
		converged = rise < e.Tolerance || rise < 0
		if rise >= 0 {
			m, trace = next, append(trace, likelihood)
		}
		if e.Each != nil {
			if e.ended = e.Each(start, i); e.ended != nil {
				return nil, e.ended
			}
		}
	}
	m.trace, m.converged = trace, converged
	return m, nil
}

// likelihood returns the mean log-likelihood that a fit has ended with.
func (m *Mixture) likelihood() float64 { return m.trace[len(m.trace)-1] }

// expect computes the responsibilities, and returns the mean log-likelihood.
func (e *em) expect(m *Mixture) (float64, error) {
	sums := make([]float64, len(e.blocks))
	parallel.For(len(e.blocks), 1, func(at, _ int) {
		b := e.blocks[at]
		s := borrow(b.n)
		defer s.giveBack()
		logP := s.take(b.n)
		m.expect(e.resp[at], logP, b)
		sums[at] = floats.Sum(logP)
	})
	mean := floats.Sum(sums) / float64(e.n)
	if math.IsNaN(mean) || math.IsInf(mean, 0) {
		return 0, fmt.Errorf("the mean log-likelihood has become %v: a covariance is too small, which a larger regularization than %v prevents", mean, e.Regularization)
	}
	return mean, nil
}
