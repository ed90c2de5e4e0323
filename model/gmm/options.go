package gmm

import (
	"fmt"
	"math"

	"govae/internal/setting"
)

// Options say what Fit fits, and when it is content.
type Options struct {
	Components     int        // of the mixture
	Covariance     Covariance // what their covariances may be
	Starts         int        // of which the best is kept
	MaxIterations  int        // of each start; 0: what it starts from alone
	Tolerance      float64    // a start ends where an iteration raises the mean log-likelihood by less, in nats
	Regularization float64    // added to each variance, in the square of the data's unit
	Seed           uint64     // of the starts

	// Each is called after each iteration of a start, both counted from 0. Its error ends the fit. It may be nil.
	Each func(start, iteration int) error
}

// DefaultOptions returns ten full components. It is the one place for defaults.
func DefaultOptions() Options {
	return Options{Components: 10, Covariance: Full, Starts: 4, MaxIterations: 200, Tolerance: 1e-4, Regularization: 1e-6, Seed: 1}
}

// Limits that keep a typing error from asking for more than any machine has.
const (
	maxComponents = 1 << 16
	maxStarts     = 1 << 16
	maxIterations = 1 << 30
)

// Fields describes the options.
var Fields = []setting.Field[Options]{
	setting.Int(setting.Field[Options]{Name: "components", Flag: "components", Arg: "N", Help: "Gaussians in the mixture"},
		func(o *Options) *int { return &o.Components }, 1, maxComponents),
	setting.Name(setting.Field[Options]{Name: "covariance", Flag: "covariance", Arg: "NAME", Help: "what their covariances may be"},
		func(o *Options) *Covariance { return &o.Covariance }, kinds),
	setting.Int(setting.Field[Options]{Name: "starts", Flag: "starts", Arg: "N", Help: "starts of EM, of which the best is kept"},
		func(o *Options) *int { return &o.Starts }, 1, maxStarts),
	setting.Int(setting.Field[Options]{Name: "max_iterations", Flag: "iterations", Arg: "N", Help: "most iterations of EM from a start"},
		func(o *Options) *int { return &o.MaxIterations }, 0, maxIterations),
	setting.Float(setting.Field[Options]{Name: "tolerance", Flag: "tolerance", Arg: "X", Help: "end where an iteration raises the mean log-likelihood by less, in nats"},
		func(o *Options) *float64 { return &o.Tolerance }, 0, math.MaxFloat32),
	setting.Float(setting.Field[Options]{Name: "regularization", Flag: "regularization", Arg: "X", Help: "added to each variance, so that none becomes 0"},
		func(o *Options) *float64 { return &o.Regularization }, 0, math.MaxFloat32),
	setting.Uint(setting.Field[Options]{Name: "seed", Flag: "seed", Arg: "N", Help: "fixes where EM starts"},
		func(o *Options) *uint64 { return &o.Seed }),
}

// Validate reports the first option that will not do.
func (o Options) Validate() error {
	if err := setting.Check(Fields, &o); err != nil {
		return fmt.Errorf("options of the mixture: %w", err)
	}
	return nil
}
