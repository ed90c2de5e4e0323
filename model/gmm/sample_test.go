package gmm

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// TestSampleMoments compares mean and covariance of drawn rows with those of the mixture, μ = Σₖ wₖ μₖ and
// Σₖ wₖ (Σₖ + (μₖ−μ)(μₖ−μ)ᵀ), within standard errors that are estimated from the rows, and the shares of the components with the weights.
func TestSampleMoments(t *testing.T) {
	const n, d = 20_000, 3
	random := rand.New(rand.NewPCG(13, 14))
	for _, covariance := range Covariances() {
		m := randomMixture(t, covariance, 3, d, random)
		x := m.Sample(n, 17)
		mean, second := moments(m)
		columns := make([][]float64, d)
		for j := range d {
			columns[j] = mat.Col(nil, j, x)
		}
		for i := range d {
			got, deviation := stat.MeanStdDev(columns[i], nil)
			if math.Abs(got-mean[i]) > 4.5*deviation/math.Sqrt(n) {
				t.Errorf("%s: mean of column %d is %v, want %v", covariance, i, got, mean[i])
			}
			for j := range i + 1 {
				product := make([]float64, n)
				for row := range product {
					product[row] = (columns[i][row] - mean[i]) * (columns[j][row] - mean[j])
				}
				got, deviation := stat.MeanStdDev(product, nil)
				if math.Abs(got-second.At(i, j)) > 4.5*deviation/math.Sqrt(n) {
					t.Errorf("%s: covariance of columns %d and %d is %v, want %v", covariance, i, j, got, second.At(i, j))
				}
			}
		}
	}
}

// moments returns the mean and the covariance of a mixture.
func moments(m *Mixture) ([]float64, *mat.SymDense) {
	d := m.Dim()
	mean := mat.NewVecDense(d, nil)
	mean.MulVec(m.Means().T(), mat.NewVecDense(len(m.weights), m.Weights()))
	covariance := mat.NewSymDense(d, nil)
	for k, w := range m.Weights() {
		difference := mat.NewVecDense(d, nil)
		difference.SubVec(m.Means().RowView(k), mean)
		var part mat.SymDense
		part.SymRankOne(m.Covariance(k), 1, difference)
		part.ScaleSym(w, &part)
		covariance.AddSym(covariance, &part)
	}
	return mean.RawVector().Data, covariance
}

// TestSampleShares checks how often each component is drawn, where rows tell it: one without a weight never is.
func TestSampleShares(t *testing.T) {
	const n = 20_000
	weights := []float64{0, 0.1, 0.6, 0.3, 0}
	m, err := newMixture(Spherical, weights, mat.NewDense(5, 1, []float64{0, 100, 200, 300, 400}), []float64{1, 1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	x := m.Sample(n, 3)
	counts := make([]float64, 5)
	for i := range n {
		counts[int(math.Round(x.At(i, 0)/100))]++
	}
	for k, w := range weights {
		if math.Abs(counts[k]-w*n) > 4.5*math.Sqrt(w*(1-w)*n) {
			t.Errorf("component %d, of weight %v, is drawn %v times of %d", k, w, counts[k], n)
		}
	}
}

// TestPick checks the edges: the first and the last number of [0, 1), and components without a weight.
func TestPick(t *testing.T) {
	almostOne := math.Nextafter(1, 0)
	for _, test := range []struct {
		cumulative []float64
		u          float64
		want       int
	}{
		{[]float64{0, 0.5, 0.5, 1, 1}, 0, 1},
		{[]float64{0, 0.5, 0.5, 1, 1}, 0.5, 3},
		{[]float64{0, 0.5, 0.5, 1, 1}, almostOne, 3},
		{[]float64{0, 0.5, 0.5, 0.1 + 0.9 - 1e-17, 0.1 + 0.9 - 1e-17}, almostOne, 3},
		{[]float64{0.75, 1.5, 1.5}, almostOne, 1}, // the product rounds to 1.5
		{[]float64{1}, almostOne, 0},
	} {
		if got := pick(test.cumulative, test.u); got != test.want {
			t.Errorf("at %v of %v, component %d is drawn, want %d", test.u, test.cumulative, got, test.want)
		}
	}
}

// TestSamplePlaces checks that a row depends on its place and the seed alone.
func TestSamplePlaces(t *testing.T) {
	m := randomMixture(t, Full, 3, 4, rand.New(rand.NewPCG(15, 16)))
	many, few := m.Sample(2*sampleGrain+5, 8), m.Sample(sampleGrain+1, 8)
	rows, d := few.Dims()
	if !mat.Equal(many.Slice(0, rows, 0, d), few) {
		t.Error("the first rows of many are not those of few")
	}
	if other := m.Sample(rows, 9); mat.Equal(other, few) || other.At(0, 0) == few.At(0, 0) {
		t.Error("another seed draws the same rows")
	}
	for _, n := range []int{0, -1} {
		if !m.Sample(n, 1).IsEmpty() {
			t.Errorf("%d rows are some", n)
		}
	}
}
