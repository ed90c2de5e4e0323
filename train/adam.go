package train

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/parallel"
	"govae/internal/vec"
	"govae/model"
)

// adamShares is into how many shares, for each core, the parameters are divided.
const adamShares = 8

// Adam is the optimizer of Kingma and Ba (arXiv:1412.6980, algorithm 1), a gorgonia.Solver.
type Adam struct {
	Rate    float64 // α
	Beta1   float64 // decay of the mean of the gradients
	Beta2   float64 // decay of the mean of the squared gradients
	Epsilon float64

	Steps         uint64        // t, the updates made
	First, Second model.Tensors // m and v, by parameter name; a missing one is zero

	parameters []values    // of the step at hand, kept for their memory
	notFinite  atomic.Bool // whether the step at hand made a weight or a moment so
}

// values are a parameter's, with its moments and gradients.
type values struct{ w, m, v, g []float32 }

var _ gorgonia.Solver = (*Adam)(nil)

// NewAdam returns the optimizer with the paper's β₁ = 0.9, β₂ = 0.999 and ε = 1e-8.
func NewAdam(rate float64) *Adam {
	return &Adam{Rate: rate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, First: model.Tensors{}, Second: model.Tensors{}}
}

// Step updates every weight once, in place, against its gradient. Each of the ValueGrads must be a gorgonia.Namer,
// and the name the same at every step. Where one of them does not fit, an error names it and no weight is updated.
// Where a weight or a moment becomes infinite or not a number, the error wraps ErrNotFinite, and all of them have been updated.
func (a *Adam) Step(weights []gorgonia.ValueGrad) error {
	a.parameters = a.parameters[:0]
	for _, weight := range weights {
		if err := a.add(weight); err != nil {
			return err
		}
	}
	t := float64(a.Steps + 1)
	rate := a.Rate / (1 - math.Pow(a.Beta1, t))
	correction := 1 / math.Sqrt(1-math.Pow(a.Beta2, t))
	// All the parameters in one loop: each loop ends in a wait for the other cores, and a bias is not worth one. A block
	// is a share of each of them, as a block of the product that computes a large gradient is: so a core finds most of what it
	// has computed.
	a.notFinite.Store(false)
	shares := adamShares * runtime.GOMAXPROCS(0)
	parallel.For(shares, 1, func(share, _ int) {
		for _, p := range a.parameters {
			start, end := cut(len(p.w), share, shares), cut(len(p.w), share+1, shares)
			finite := vec.Adam(p.w[start:end], p.m[start:end], p.v[start:end], p.g[start:end],
				float32(a.Beta1), float32(a.Beta2), float32(rate), float32(correction), float32(a.Epsilon))
			if !finite {
				a.notFinite.Store(true)
			}
		}
	})
	a.Steps++
	if a.notFinite.Load() {
		return fmt.Errorf("train: Adam made a weight or a moment infinite or not a number: %w", ErrNotFinite)
	}
	return nil
}

// add adds a weight, its gradient and its moments to the parameters of the step at hand.
func (a *Adam) add(weight gorgonia.ValueGrad) error {
	named, ok := weight.(gorgonia.Namer)
	if !ok {
		return fmt.Errorf("train: Adam was given a %T, which has no name", weight)
	}
	name := named.Name()
	w, err := floats(weight.Value())
	if err != nil {
		return fmt.Errorf("train: weight %s: %w", name, err)
	}
	gradient, err := weight.Grad()
	if err != nil {
		return fmt.Errorf("train: gradient of %s: %w", name, err)
	}
	g, err := floats(gradient)
	if err != nil {
		return fmt.Errorf("train: gradient of %s: %w", name, err)
	}
	if len(g) != len(w) {
		return fmt.Errorf("train: gradient of %s has shape %v, want %v", name, gradient.Shape(), weight.Value().Shape())
	}
	m, v := moment(a.First, name, weight.Value()), moment(a.Second, name, weight.Value())
	a.parameters = append(a.parameters, values{w, m, v, g})
	return nil
}

// cut returns where a share of n values begins: at a multiple of 16, a line of the cache, or at the end.
func cut(n, share, shares int) int {
	if share == shares {
		return n
	}
	return n * share / shares &^ 15
}

// moment returns the named moment's values, which are zero at first.
func moment(moments model.Tensors, name string, like gorgonia.Value) []float32 {
	if moments[name] == nil {
		moments[name] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(like.Shape()...))
	}
	return moments[name].Float32s()
}

func floats(v gorgonia.Value) ([]float32, error) {
	t, ok := v.(*tensor.Dense)
	if !ok || t.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("is a %T, want a float32 tensor", v)
	}
	return t.Float32s(), nil
}
