package gmm

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// randomMixture returns one of random parameters.
func randomMixture(t testing.TB, covariance Covariance, components, d int, random *rand.Rand) *Mixture {
	t.Helper()
	weights, sum := make([]float64, components), 0.0
	scatters := make([][]float64, components)
	means := mat.NewDense(components, d, nil)
	for k := range components {
		weights[k] = 0.2 + random.Float64()
		sum += weights[k]
		for j := range d {
			means.Set(k, j, 4*random.NormFloat64())
		}
		scatters[k] = randomScatter(d, kinds[covariance].dense, random)
	}
	for k := range weights {
		weights[k] /= sum
	}
	m, err := newMixture(covariance, weights, means, kinds[covariance].estimate(scatters, weights))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// randomScatter returns a matrix, [d, d], or its diagonal, that is positive definite.
func randomScatter(d int, dense bool, random *rand.Rand) []float64 {
	if !dense {
		s := make([]float64, d)
		for j := range s {
			s[j] = 0.3 + random.Float64()
		}
		return s
	}
	a := mat.NewDense(d, d, nil)
	for i := range d {
		for j := range d {
			a.Set(i, j, random.NormFloat64()/2)
		}
	}
	s := mat.NewDense(d, d, nil)
	s.Mul(a, a.T())
	for j := range d {
		s.Set(j, j, s.At(j, j)+0.3)
	}
	return s.RawMatrix().Data
}

// directDensity returns N(x; μₖ, Σₖ) by determinant and inverse.
func directDensity(t *testing.T, m *Mixture, k int, x []float64) float64 {
	t.Helper()
	var lu mat.LU
	lu.Factorize(m.Covariance(k))
	difference, solved := mat.NewVecDense(len(x), nil), new(mat.VecDense)
	difference.SubVec(mat.NewVecDense(len(x), x), m.Means().RowView(k))
	if err := lu.SolveVecTo(solved, false, difference); err != nil {
		t.Fatal(err)
	}
	return math.Exp(-0.5*mat.Dot(difference, solved)) / math.Sqrt(math.Pow(2*math.Pi, float64(len(x)))*lu.Det())
}

// TestLogProb compares log-densities and responsibilities with their definitions, over more rows than a block has.
func TestLogProb(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, covariance := range Covariances() {
		for _, d := range []int{1, 2, 7} {
			m := randomMixture(t, covariance, 3, d, random)
			x := m.Sample(mostInBlock+3, 5)
			logProb, r := m.LogProb(x), m.Responsibilities(x)
			for i, got := range logProb {
				row := x.RawRowView(i)
				var p float64
				for k, w := range m.Weights() {
					p += w * directDensity(t, m, k, row)
				}
				if want := math.Log(p); !(math.Abs(got-want) <= 1e-10*max(1, math.Abs(want))) {
					t.Fatalf("%s, d=%d: log p of row %d is %v, want %v", covariance, d, i, got, want)
				}
				for k, w := range m.Weights() {
					if want := w * directDensity(t, m, k, row) / p; !(math.Abs(r.At(i, k)-want) <= 1e-10) {
						t.Fatalf("%s, d=%d: responsibility of %d for row %d is %v, want %v", covariance, d, k, i, r.At(i, k), want)
					}
				}
			}
		}
	}
}

// TestFarAway checks that densities which no float64 can hold have their logarithms, and responsibilities that sum up to 1.
func TestFarAway(t *testing.T) {
	m, err := newMixture(Spherical, []float64{0.25, 0.75}, mat.NewDense(2, 1, []float64{-1, 1}), []float64{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(3, 1, []float64{1000, -1e6, 0})
	logProb := m.LogProb(x)
	constant := -0.5 * math.Log(2*math.Pi)
	for i, want := range []float64{math.Log(0.75) + constant - 0.5*999*999, math.Log(0.25) + constant - 0.5*999_999*999_999, constant - 0.5} {
		if math.Abs(logProb[i]/want-1) > 1e-14 {
			t.Errorf("log p of row %d is %v, want %v", i, logProb[i], want)
		}
	}
	r := m.Responsibilities(x)
	if r.At(0, 0) != 0 || r.At(0, 1) != 1 || r.At(1, 0) != 1 || r.At(1, 1) != 0 || math.Abs(r.At(2, 1)-0.75) > 1e-15 {
		t.Errorf("responsibilities are %v", mat.Formatted(r))
	}
}

// TestNoDensity checks what is said of rows that are not finite, which must not touch the others, and of no rows.
func TestNoDensity(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, covariance := range Covariances() {
		m := randomMixture(t, covariance, 2, 3, random)
		x := m.Sample(4, 1)
		want := m.LogProb(x)
		x.Set(1, 2, math.NaN())
		x.Set(2, 0, math.Inf(1))
		got, r, assigned := m.LogProb(x), m.Responsibilities(x), m.Assign(x)
		for i := range 4 {
			bad := i == 1 || i == 2
			if math.IsNaN(r.At(i, 0)) != bad || math.IsNaN(got[i]) != bad || (assigned[i] == -1) != bad || !bad && got[i] != want[i] {
				t.Errorf("%s: row %d, %v, has log p %v, responsibility %v and component %d", covariance, i, x.RawRowView(i), got[i], r.At(i, 0), assigned[i])
			}
		}
		if n := len(m.LogProb(new(mat.Dense))) + len(m.Assign(new(mat.Dense))); n != 0 || !m.Responsibilities(new(mat.Dense)).IsEmpty() {
			t.Errorf("%s: no rows have %d results", covariance, n)
		}
	}
}

// TestWrongUse checks that what only a mistake of the program can ask for is a panic that names it.
func TestWrongUse(t *testing.T) {
	m := randomMixture(t, Diagonal, 2, 3, rand.New(rand.NewPCG(5, 6)))
	for want, use := range map[string]func(){
		"gmm: x has 2 columns, the mixture 3": func() { m.LogProb(mat.NewDense(4, 2, nil)) },
		"gmm: component 2 of 2":               func() { m.Covariance(2) },
		"gmm: component -1 of 2":              func() { m.Covariance(-1) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("the panic is %v, want %s", got, want)
				}
			}()
			use()
		}()
	}
}

// TestCopies checks that what a mixture returns is the caller's own.
func TestCopies(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, covariance := range Covariances() {
		m := randomMixture(t, covariance, 2, 2, random)
		x := m.Sample(1, 1)
		want := m.LogProb(x)[0]
		m.Weights()[0] = 9
		m.Means().Set(0, 0, 9)
		m.Covariance(0).SetSym(0, 0, 9)
		if m.Weights()[0] == 9 || m.Means().At(0, 0) == 9 || m.Covariance(0).At(0, 0) == 9 || m.LogProb(x)[0] != want {
			t.Errorf("%s: the mixture changes with what it has returned", covariance)
		}
	}
}
