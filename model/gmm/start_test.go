package gmm

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestCentres checks the rule of k-means++ on three places, of which two are near each other: the second centre is a row with the
// probability that the squares of the distances give it.
func TestCentres(t *testing.T) {
	const starts = 4000
	x := mat.NewDense(3, 2, []float64{0, 0, 3, 4, 0, 1}) // squares of the distances: 25 and 1 from row 0, 25 and 18 from 1, 1 and 18 from 2
	o := DefaultOptions()
	o.Components = 2
	e, err := newEM(x, o)
	if err != nil {
		t.Fatal(err)
	}
	alone := make([]float64, 3) // how often a row is the only one of its component
	for s := range starts {
		centre := e.centres(s)
		for row, c := range centre {
			if !slices.Contains(slices.Delete(slices.Clone(centre), row, row+1), c) {
				alone[row]++
			}
		}
	}
	// Rows 0 and 2 together, with row 1 alone, come of every pair but of (0, 2) and (2, 0), in which row 1 is with row 2: the nearer.
	want := (1.0/26 + 1.0/19) / 3
	for row, share := range []float64{want, 1 - want, 0} {
		if got := alone[row] / starts; math.Abs(got-share) > 4.5*math.Sqrt(share*(1-share)/starts) {
			t.Errorf("row %d is alone in %v of the starts, want %v", row, got, share)
		}
	}
}

// TestCentresOfEqualRows checks that each centre has a row of its own, though all rows are the same.
func TestCentresOfEqualRows(t *testing.T) {
	o := DefaultOptions()
	o.Components = 4
	e, err := newEM(mat.NewDense(6, 1, nil), o)
	if err != nil {
		t.Fatal(err)
	}
	for s := range 20 {
		centre := e.centres(s)
		slices.Sort(centre)
		if got := slices.Compact(centre); !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Fatalf("start %d has rows for the components %v alone", s, got)
		}
	}
}
