package gmm

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// TestRecovers checks that the parameters of a mixture are found in rows drawn from it: components apart by some deviations, each
// found within what the standard errors of so many rows allow.
func TestRecovers(t *testing.T) {
	const n = 6000
	random := rand.New(rand.NewPCG(9, 10))
	for _, covariance := range Covariances() {
		t.Run(string(covariance), func(t *testing.T) {
			truth := randomMixture(t, covariance, 3, 2, random)
			truth.means.Apply(func(k, j int, _ float64) float64 { return float64(6*(k-1)) * float64(1-2*(j&k&1)) }, truth.means)
			x := truth.Sample(n, 3)
			o := DefaultOptions()
			o.Components, o.Covariance, o.Tolerance = 3, covariance, 1e-8
			m, err := Fit(x, o)
			if err != nil {
				t.Fatal(err)
			}
			if !m.Converged() {
				t.Error("it has not converged")
			}
			for k, w := range truth.weights {
				match := nearestMean(m, truth.means.RawRowView(k))
				count := w * n
				if d := math.Abs(m.weights[match] - w); d > 5*math.Sqrt(w*(1-w)/n) {
					t.Errorf("weight %d is %v, want %v", k, m.weights[match], w)
				}
				want, got := truth.Covariance(k), m.Covariance(match)
				for i := range 2 {
					if d := math.Abs(m.means.At(match, i) - truth.means.At(k, i)); d > 5*math.Sqrt(want.At(i, i)/count) {
						t.Errorf("mean %d is %v, want %v", k, m.means.RawRowView(match), truth.means.RawRowView(k))
					}
					for j := range 2 { // the variance of a sample covariance is (Σᵢᵢ·Σⱼⱼ + Σᵢⱼ²)/n
						deviation := math.Sqrt((want.At(i, i)*want.At(j, j) + want.At(i, j)*want.At(i, j)) / count)
						if d := math.Abs(got.At(i, j) - want.At(i, j)); d > 5*deviation {
							t.Errorf("covariance %d is %v, want %v", k, mat.Formatted(got), mat.Formatted(want))
						}
					}
				}
			}
			if fitted, true := floats.Sum(m.LogProb(x))/n, floats.Sum(truth.LogProb(x))/n; fitted < true {
				t.Errorf("the mean log-likelihood of the fit is %v, below that of the truth, %v", fitted, true)
			}
		})
	}
}

func nearestMean(m *Mixture, mean []float64) int {
	best, least := 0, math.Inf(1)
	for k := range m.Components() {
		if d := floats.Distance(m.means.RawRowView(k), mean, 2); d < least {
			best, least = k, d
		}
	}
	return best
}

// TestClosedForm checks the fit of a single component: mean and covariance of the rows, and their average log-density, which is
// −½·(d·log 2πe + log |Σ|).
func TestClosedForm(t *testing.T) {
	x := mat.NewDense(4, 2, []float64{0, 0, 2, 0, 0, 4, 2, 4}) // variances 1 and 4, no covariance
	for covariance, variances := range map[Covariance][2]float64{Full: {1, 4}, Tied: {1, 4}, Diagonal: {1, 4}, Spherical: {2.5, 2.5}} {
		o := DefaultOptions()
		o.Components, o.Covariance, o.Regularization = 1, covariance, 0
		m, err := Fit(x, o)
		if err != nil {
			t.Fatal(err)
		}
		c := m.Covariance(0)
		if m.means.At(0, 0) != 1 || m.means.At(0, 1) != 2 || c.At(0, 0) != variances[0] || c.At(1, 1) != variances[1] || c.At(0, 1) != 0 {
			t.Errorf("%s: mean %v and covariance %v, want 1, 2 and %v", covariance, m.means.RawRowView(0), mat.Formatted(c), variances)
		}
		want := -0.5 * (2*math.Log(2*math.Pi*math.E) + math.Log(variances[0]*variances[1]))
		if got := m.likelihood(); math.Abs(got-want) > 1e-14 {
			t.Errorf("%s: mean log-likelihood %v, want %v", covariance, got, want)
		}
		parameters := map[Covariance]float64{Full: 5, Tied: 5, Diagonal: 4, Spherical: 3}[covariance]
		if bic, aic := m.BIC(x), m.AIC(x); math.Abs(bic-(-8*want+parameters*math.Log(4))) > 1e-12 || math.Abs(aic-(-8*want+2*parameters)) > 1e-12 {
			t.Errorf("%s: BIC %v and AIC %v", covariance, bic, aic)
		}
	}
}

// someRows draws rows that may be hard: few, equal, constant in a column, in a line, of any scale.
func someRows(t *rapid.T) *mat.Dense {
	n, d := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "d")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	scale := math.Pow(10, rapid.Float64Range(-9, 9).Draw(t, "exponent"))
	distinct := rapid.IntRange(1, n).Draw(t, "distinct")
	constant := rapid.IntRange(0, d).Draw(t, "constant columns")
	line := rapid.Bool().Draw(t, "line")
	offset := rapid.SampledFrom([]float64{0, 1, 1e6}).Draw(t, "offset")
	x := mat.NewDense(n, d, nil)
	for i := range n {
		if i >= distinct {
			x.SetRow(i, x.RawRowView(i%distinct))
			continue
		}
		along := random.NormFloat64()
		for j := range d {
			v := random.NormFloat64()
			if line {
				v = along * float64(j+1)
			}
			if j < constant {
				v = 1
			}
			x.Set(i, j, scale*(v+offset))
		}
	}
	return x
}

// TestNeverFalls checks on rows of all kinds that a fit is an error or a mixture whose numbers are all finite, with a mean
// log-likelihood that never falls and is that of the mixture.
func TestNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := someRows(t)
		n, d := x.Dims()
		o := Options{
			Components:     rapid.IntRange(1, 6).Draw(t, "components"),
			Covariance:     rapid.SampledFrom(Covariances()).Draw(t, "covariance"),
			Starts:         rapid.IntRange(1, 2).Draw(t, "starts"),
			MaxIterations:  rapid.IntRange(1, 30).Draw(t, "iterations"),
			Regularization: rapid.SampledFrom([]float64{0, 1e-6, 1e-2, 1}).Draw(t, "regularization"),
		}
		m, err := Fit(x, o)
		if n < o.Components {
			if err == nil {
				t.Fatalf("%d rows have been fitted %d components", n, o.Components)
			}
			return
		}
		if err != nil {
			if kinds[o.Covariance].dense || o.Regularization == 0 {
				return // singular, as far as rounding can tell
			}
			t.Fatal(err)
		}
		trace := m.Trace()
		if !slices.IsSorted(trace) || len(trace) > o.MaxIterations+1 {
			t.Fatalf("after %d iterations, the mean log-likelihoods are %v", o.MaxIterations, trace)
		}
		last := trace[len(trace)-1]
		if mean := floats.Sum(m.LogProb(x)) / float64(n); math.IsNaN(mean) || math.Abs(mean-last) > 1e-9*max(1, math.Abs(mean)) {
			t.Fatalf("the mean log-likelihood is %v, and the last of the trace %v", mean, last)
		}
		if w := m.Weights(); math.Abs(floats.Sum(w)-1) > 1e-12 || slices.Min(w) < 0 {
			t.Fatalf("weights are %v", w)
		}
		for k := range o.Components {
			for j := range d {
				if v := m.Covariance(k).At(j, j); !(v > 0) || v < o.Regularization*(1-1e-12) || math.IsInf(v, 0) {
					t.Fatalf("variance %d of component %d is %v", j, k, v)
				}
			}
		}
		if has := floats.HasNaN(m.means.RawMatrix().Data) || floats.HasNaN(m.covariances) || floats.HasNaN(m.Sample(3, 1).RawMatrix().Data); has {
			t.Fatalf("there is a NaN in %v or %v", m.means, m.covariances)
		}
	})
}

// TestSameBits checks that a fit, its file and all that it says of rows have the same bits on any number of cores.
func TestSameBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	random := rand.New(rand.NewPCG(11, 12))
	for _, covariance := range Covariances() {
		x := randomMixture(t, covariance, 4, 5, random).Sample(9*mostInBlock+17, 2)
		o := DefaultOptions()
		o.Components, o.Covariance, o.Starts, o.MaxIterations = 4, covariance, 2, 6
		var want string
		for _, cores := range []int{1, 2, 3, 7} {
			runtime.GOMAXPROCS(cores)
			m, err := Fit(x, o)
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			if err := m.Write(&file); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%x %x %x %x %x %x", file.Bytes(), m.Trace(), m.LogProb(x), m.Responsibilities(x).RawMatrix().Data,
				[]float64{m.BIC(x), m.AIC(x)}, m.Sample(500, 3).RawMatrix().Data)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: other bits on %d cores than on one", covariance, cores)
			}
		}
	}
}

// TestBestStart checks that the start with the largest likelihood wins: more starts are never worse, and with these some are better.
func TestBestStart(t *testing.T) {
	x := spread(400, 3, 6)
	o := DefaultOptions()
	o.Components, o.MaxIterations = 6, 20
	var likelihoods []float64
	for starts := 1; starts <= 8; starts++ {
		o.Starts = starts
		m, err := Fit(x, o)
		if err != nil {
			t.Fatal(err)
		}
		likelihoods = append(likelihoods, m.likelihood())
	}
	if !slices.IsSorted(likelihoods) || likelihoods[0] == likelihoods[7] {
		t.Errorf("with more and more starts, the mean log-likelihoods are %v", likelihoods)
	}
	o.Seed++
	m, err := Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(likelihoods, m.likelihood()) {
		t.Error("another seed starts at the same rows")
	}
}

// TestTolerance checks where a fit ends: at the first iteration that raises the mean log-likelihood by less.
func TestTolerance(t *testing.T) {
	x := spread(400, 3, 4)
	o := DefaultOptions()
	o.Components, o.Starts, o.Tolerance = 4, 1, 1e-3
	m, err := Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	trace := m.Trace()
	for i := 1; i < len(trace); i++ {
		if small := trace[i]-trace[i-1] < o.Tolerance; small != (i == len(trace)-1) {
			t.Errorf("iteration %d of %d raises the mean log-likelihood by %v", i, len(trace)-1, trace[i]-trace[i-1])
		}
	}
	o.MaxIterations = len(trace) - 2
	short, err := Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Converged() || short.Converged() || !slices.Equal(short.Trace(), trace[:len(trace)-1]) {
		t.Errorf("converged: %t, and %t with an iteration less, whose trace is %v, want %v without its last", m.Converged(), short.Converged(), short.Trace(), trace)
	}
}

// TestEach checks that Each is told of every iteration of every start, in order, that the fit is the same with it, and that its error
// ends the fit.
func TestEach(t *testing.T) {
	x := spread(400, 3, 4)
	o := DefaultOptions()
	o.Components, o.Starts, o.MaxIterations = 4, 3, 5
	want, err := Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	var told [][2]int
	o.Each = func(start, iteration int) error {
		told = append(told, [2]int{start, iteration})
		return nil
	}
	got, err := Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Trace(), want.Trace()) {
		t.Error("another fit")
	}
	var next [2]int
	for _, step := range told {
		if step != next && step != [2]int{next[0] + 1, 0} { // a start may end before its last iteration
			t.Fatalf("told of %v", told)
		}
		next = [2]int{step[0], step[1] + 1}
	}
	if next[0] != o.Starts-1 || len(told) < o.Starts {
		t.Errorf("told of %v, want %d starts", told, o.Starts)
	}

	enough := errors.New("enough")
	var calls int
	o.Each = func(start, iteration int) error {
		if calls++; start == 1 && iteration == 1 {
			return enough
		}
		return nil
	}
	last := slices.Index(told, [2]int{1, 1})
	if m, err := Fit(x, o); m != nil || err != enough || calls != last+1 {
		t.Errorf("after %d calls there is %v (%v), want none after %d", calls, m, err, last+1)
	}
}
