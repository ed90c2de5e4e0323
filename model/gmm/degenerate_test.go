package gmm

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// TestRefused goes over what cannot be fitted, and what the error says.
func TestRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	sound := []float64{0, 1, 2, 5, 1, 1}
	for _, test := range []struct {
		x    *mat.Dense
		set  func(*Options)
		want string
	}{
		{nil, nil, "x is empty, want a row for each of 2 components at least"},
		{new(mat.Dense), nil, "x is empty"},
		{mat.NewDense(1, 6, sound), nil, "x has 1 row, want at least 2: one for each component"},
		{mat.NewDense(3, 2, []float64{0, 1, 2, nan, 1, 1}), nil, "x is NaN at row 1, column 1, want finite numbers"},
		{mat.NewDense(3, 2, []float64{0, 1, 2, 1, inf, 1}), nil, "x is -Inf at row 2, column 0, want finite numbers"},
		{mat.NewDense(3, 2, []float64{0, -2e100, 2, 1, 1, 1}), nil, "x is -2e+100 at row 0, column 1, want at most 1e+100 in size: scale the data"},
		{mat.NewDense(3, 2, sound), func(o *Options) { o.Components = 0 }, "options of the mixture: components is 0, want 1 to 65536"},
		{mat.NewDense(3, 2, sound), func(o *Options) { o.Covariance = "round" }, `covariance is "round", want diagonal, full, spherical, tied`},
		{mat.NewDense(3, 2, sound), func(o *Options) { o.Tolerance = nan }, "tolerance is NaN, want a number from 0 on"},
		{mat.NewDense(3, 2, sound), func(o *Options) { o.Regularization = -1 }, "regularization is -1, want a number from 0 on"},
		{mat.NewDense(3, 2, sound), func(o *Options) { o.Regularization = 0 },
			"start 0: covariance of component 0 is not positive definite: a larger regularization than 0 prevents that"},
		{mat.NewDense(2, 1, []float64{1e-80, -1e-80}), func(o *Options) { o.Components, o.Regularization, o.Covariance = 1, 0, Spherical },
			""}, // small, and sound
	} {
		o := DefaultOptions()
		o.Components = 2
		if test.set != nil {
			test.set(&o)
		}
		m, err := Fit(test.x, o)
		if test.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error is %v, want %s", test.x, err, test.want)
		}
		if m != nil {
			t.Errorf("with the error %v comes a mixture", err)
		}
	}
}

// TestStartRefused goes over responsibilities that cannot be started from.
func TestStartRefused(t *testing.T) {
	x := mat.NewDense(3, 1, []float64{1, 2, 4})
	for want, r := range map[string]*mat.Dense{
		"responsibilities to start from: there are none":        nil,
		"shape is [2, 3], want [3, 2]: a row for each row of x": mat.NewDense(2, 3, nil),
		"-0.5 at row 1, component 0, want 0 to 1":               mat.NewDense(3, 2, []float64{1, 0, -0.5, 1.5, 0, 1}),
		"NaN at row 0, component 1, want 0 to 1":                mat.NewDense(3, 2, []float64{1, math.NaN(), 1, 0, 0, 1}),
		"the sum of row 2 is 0.5, want 1":                       mat.NewDense(3, 2, []float64{1, 0, 1, 0, 0, 0.5}),
		"the sum of row 0 is +Inf, want 1":                      mat.NewDense(3, 2, []float64{math.Inf(1), 0, 1, 0, 0, 1}),
		"those of component 1 are all 0, want some rows for it": mat.NewDense(3, 2, []float64{1, 0, 1, 0, 1, 0}),
	} {
		o := DefaultOptions()
		o.Components = 2
		if _, err := FitFrom(x, r, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// TestDegenerate fits what has no density of its own: the regularization gives it one, and nothing is NaN. What is known of the
// result is checked.
func TestDegenerate(t *testing.T) {
	line := mat.NewDense(30, 3, nil) // in one direction, with a constant column
	for i := range 30 {
		line.SetRow(i, []float64{float64(i), 2 * float64(i), 7})
	}
	wide := mat.NewDense(5, 40, nil)
	wide.Apply(func(i, j int, _ float64) float64 { return math.Sin(float64(40*i + j)) }, wide)
	for name, x := range map[string]*mat.Dense{
		"all rows the same": mat.NewDense(20, 2, again(3)),
		"two values":        mat.NewDense(20, 2, again(3, 3, 8, 8)),
		"a line":            line,
		"more columns":      wide,
		"as many as rows":   mat.NewDense(5, 1, []float64{1, 2, 3, 4, 5}),
	} {
		for _, covariance := range Covariances() {
			o := DefaultOptions()
			o.Components, o.Covariance, o.Regularization = 5, covariance, 1e-3
			m, err := Fit(x, o)
			if err != nil {
				t.Errorf("%s, %s: %v", name, covariance, err)
				continue
			}
			r := m.Responsibilities(x)
			for _, values := range [][]float64{m.Weights(), m.Means().RawMatrix().Data, m.covariances, m.Trace(), m.LogProb(x), r.RawMatrix().Data} {
				if floats.HasNaN(values) || math.IsInf(floats.Sum(values), 0) {
					t.Errorf("%s, %s: %v", name, covariance, values)
				}
			}
			if name == "all rows the same" { // N(x; x, ρ·I) for each component
				if want := -math.Log(2 * math.Pi * 1e-3); math.Abs(m.likelihood()-want) > 1e-12 {
					t.Errorf("%s, %s: mean log-likelihood %v, want %v", name, covariance, m.likelihood(), want)
				}
			}
			if _, d := x.Dims(); name == "a line" && covariance != Spherical && math.Abs(m.Covariance(0).At(d-1, d-1)-1e-3) > 1e-12 {
				t.Errorf("%s, %s: the variance of the constant column is %v", name, covariance, m.Covariance(0).At(d-1, d-1))
			}
		}
	}
}

// again returns the values again and again, 40 in all.
func again(values ...float64) []float64 {
	all := make([]float64, 40)
	for i := range all {
		all[i] = values[i%len(values)]
	}
	return all
}

// TestVanished checks that a component which loses all its rows keeps a mean and a covariance, and has no weight.
func TestVanished(t *testing.T) {
	x := mat.NewDense(4, 1, []float64{0, 1, 0, 1})
	o := DefaultOptions()
	o.Components = 2
	e, err := newEM(x, o)
	if err != nil {
		t.Fatal(err)
	}
	e.start([]int{0, 0, 1, 1})
	m, err := e.maximize(nil)
	if err != nil {
		t.Fatal(err)
	}
	e.start([]int{1, 1, 1, 1})
	next, err := e.maximize(m)
	if err != nil {
		t.Fatal(err)
	}
	if next.weights[0] != 0 || next.weights[1] != 1 || next.means.At(0, 0) != 0.5 || next.Covariance(0).At(0, 0) != 0.25+1e-6 {
		t.Errorf("weights %v, means %v, variance %v", next.weights, next.means, next.Covariance(0))
	}
	if mean, err := e.expect(next); err != nil || floats.HasNaN(e.resp[0]) {
		t.Errorf("mean log-likelihood %v (%v), responsibilities %v", mean, err, e.resp[0])
	}
	sample := next.Sample(100, 1)
	if got := next.Assign(sample); floats.HasNaN(sample.RawMatrix().Data) || got[0] != 1 {
		t.Errorf("rows are drawn from component %v", got)
	}
}
