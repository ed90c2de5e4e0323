package evaluate

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func mustFrechet(t *testing.T, a, b *mat.Dense) float64 {
	t.Helper()
	d, err := Frechet(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cross returns rows whose mean is mean and whose covariance is exactly diag(deviations²): a pair on each axis.
func cross(mean, deviations []float64) *mat.Dense {
	d := len(mean)
	rows := mat.NewDense(2*d, d, nil)
	for i := range 2 * d {
		rows.SetRow(i, mean)
	}
	for j, s := range deviations {
		reach := s * math.Sqrt(float64(2*d-1)/2) // of 2d−1 degrees of freedom
		rows.Set(2*j, j, mean[j]+reach)
		rows.Set(2*j+1, j, mean[j]-reach)
	}
	return rows
}

func TestFrechetOfDiagonalCovariances(t *testing.T) {
	for _, c := range []struct{ meanA, a, meanB, b []float64 }{
		{[]float64{0}, []float64{1}, []float64{3}, []float64{1}},
		{[]float64{-1}, []float64{2}, []float64{0.5}, []float64{0.25}},
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, []float64{1, 0, 4}, []float64{3, 2, 0.5}},
		{[]float64{0, 0, 5}, []float64{1, 0, 2}, []float64{0, 1, 5}, []float64{0, 4, 2}}, // no full rank
	} {
		want := 0.0 // Σ (μa − μb)² + (σa − σb)²
		for j := range c.a {
			want += math.Pow(c.meanA[j]-c.meanB[j], 2) + math.Pow(c.a[j]-c.b[j], 2)
		}
		a, b := cross(c.meanA, c.a), cross(c.meanB, c.b)
		wantNear(t, "distance", mustFrechet(t, a, b), want, 1e-12*(1+want))
		wantNear(t, "distance the other way", mustFrechet(t, b, a), want, 1e-12*(1+want))

		// Both turned alike, so that the covariances are no longer diagonal, they are as far apart.
		turn := rotation(len(c.a))
		a.Mul(a, turn)
		b.Mul(b, turn)
		wantNear(t, "distance when turned", mustFrechet(t, a, b), want, 1e-12*(1+want))
	}
}

// rotation returns an orthogonal matrix that mixes all columns.
func rotation(d int) *mat.Dense {
	var qr mat.QR
	qr.Factorize(normalRows(rand.New(rand.NewPCG(1, 2)), d, d))
	q := new(mat.Dense)
	qr.QTo(q)
	return q
}

func normalRows(r *rand.Rand, n, d int) *mat.Dense {
	rows := mat.NewDense(n, d, nil)
	rows.Apply(func(_, _ int, _ float64) float64 { return r.NormFloat64() }, rows)
	return rows
}

func TestFrechetOfEqualSets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range []int{1, 5, 40} {
		rows := normalRows(r, 100, d)
		wantNear(t, "distance from itself", mustFrechet(t, rows, rows), 0, 1e-10)

		var flat mat.Dense // columns of which one is constant and the others are copies
		flat.CloneFrom(rows)
		for i := range 100 {
			for j := 1; j < d; j++ {
				flat.Set(i, j, rows.At(i, 0))
			}
			flat.Set(i, d-1, 7)
		}
		wantNear(t, "distance of flat rows from themselves", mustFrechet(t, &flat, &flat), 0, 1e-10)
	}
}

func TestFrechetFollowsSciPy(t *testing.T) {
	cases := readReference(t).Frechets
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		a, b := rowsOf(c.A), rowsOf(c.B)
		wantNear(t, "distance", mustFrechet(t, a, b), c.Distance, 1e-9*c.Distance)
	}
}

func rowsOf(values [][]float64) *mat.Dense {
	rows := mat.NewDense(len(values), len(values[0]), nil)
	for i, row := range values {
		rows.SetRow(i, row)
	}
	return rows
}

func TestFrechetErrors(t *testing.T) {
	two := mat.NewDense(2, 2, []float64{1, 2, 3, 5})
	for _, c := range []struct {
		a, b *mat.Dense
		want string
	}{
		{new(mat.Dense), two, "without rows"},
		{two, new(mat.Dense), "without rows"},
		{two, mat.NewDense(2, 3, nil), "2 columns from rows with 3"},
		{two, mat.NewDense(1, 2, nil), "the second set has 1 row, want at least 2"},
		{mat.NewDense(2, 2, []float64{1, 2, math.NaN(), 5}), two, "column 0 of row 1 of the first set is NaN"},
		{two, mat.NewDense(2, 2, []float64{1, math.Inf(-1), 3, 5}), "column 1 of row 0 of the second set is -Inf"},
		{mat.NewDense(2, 2, []float64{1e200, 0, -1e200, 1}), two, "too large"},
		{two, mat.NewDense(2, 2, []float64{1e200, 0, -1e200, 1}), "too large"},
		{mat.NewDense(2, 2, []float64{1e100, 0, -1e100, 1}), mat.NewDense(2, 2, []float64{1e100, 0, -1e100, 1}), "too large"},
	} {
		if _, err := Frechet(c.a, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
