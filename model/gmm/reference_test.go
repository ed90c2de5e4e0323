package gmm

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// reference is what testdata/reference.py has scikit-learn write.
type reference struct {
	X              [][]float64
	Start          [][]float64
	Iterations     int
	Regularization float64
	Fits           map[Covariance]struct {
		Weights, Means, Covariances []float64
		Trace                       []float64 // before each iteration
		Score, BIC, AIC             float64
		LogProb                     []float64 `json:"log_prob"` // of the first rows
		Responsibilities            []float64
		Assigned                    []int
	}
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func dense(rows [][]float64) *mat.Dense {
	return mat.NewDense(len(rows), len(rows[0]), slices.Concat(rows...))
}

// apart returns the largest difference between two lists, as a share where the values are above 1.
func apart(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var largest float64
	for i := range a {
		largest = max(largest, math.Abs(a[i]-b[i])/max(1, math.Abs(b[i])))
	}
	return largest
}

// TestScikitLearn checks that from the same start, after as many iterations, parameters, likelihoods, criteria and what is said of rows
// are those of scikit-learn. They agree to rounding, far below the 1e-6 that one would ask for.
func TestScikitLearn(t *testing.T) {
	const tolerance = 1e-11
	r := readReference(t)
	if len(r.Fits) != len(kinds) {
		t.Fatalf("the reference has %d kinds of covariance, want %d", len(r.Fits), len(kinds))
	}
	x := dense(r.X)
	first := x.Slice(0, 10, 0, 3).(*mat.Dense) // a view, whose rows lie in those of x
	for covariance, want := range r.Fits {
		t.Run(string(covariance), func(t *testing.T) {
			o := DefaultOptions()
			o.Components, o.Covariance = len(want.Weights), covariance
			o.MaxIterations, o.Tolerance, o.Regularization = r.Iterations, 0, r.Regularization
			m, err := FitFrom(x, dense(r.Start), o)
			if err != nil {
				t.Fatal(err)
			}
			trace := m.Trace()
			for name, pair := range map[string][2][]float64{
				"weights":          {m.Weights(), want.Weights},
				"means":            {m.Means().RawMatrix().Data, want.Means},
				"covariances":      {m.covariances, want.Covariances},
				"trace":            {trace[:len(trace)-1], want.Trace},
				"last of trace":    {trace[len(trace)-1:], {want.Score}},
				"BIC":              {{m.BIC(x)}, {want.BIC}},
				"AIC":              {{m.AIC(x)}, {want.AIC}},
				"log-density":      {m.LogProb(first), want.LogProb},
				"responsibilities": {m.Responsibilities(first).RawMatrix().Data, want.Responsibilities},
			} {
				if d := apart(pair[0], pair[1]); !(d <= tolerance) {
					t.Errorf("%s: %v\nwant %v\nwhich differ by %.1e", name, pair[0], pair[1], d)
				}
			}
			if got := m.Assign(x); !slices.Equal(got, want.Assigned) {
				t.Errorf("rows are assigned to %v, want %v", got, want.Assigned)
			}
			if m.Converged() {
				t.Error("it has converged, with a tolerance of 0")
			}
		})
	}
}

// TestReadPython checks that a file written by Python's safetensors is the mixture that scikit-learn has fitted.
func TestReadPython(t *testing.T) {
	m, err := Load("testdata/mixture.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	r := readReference(t)
	want := r.Fits[Full]
	if m.Kind() != Full || m.Components() != 4 || m.Dim() != 3 {
		t.Errorf("it has %d %s components in %d columns, want 4, full, 3", m.Components(), m.Kind(), m.Dim())
	}
	if d := apart(m.LogProb(dense(r.X[:10])), want.LogProb); d > 1e-12 {
		t.Errorf("log-densities differ by %.1e", d)
	}
	if m.Trace() != nil || m.Converged() {
		t.Errorf("of the fit, it is said that trace %v, converged %t", m.Trace(), m.Converged())
	}
}
