package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/integrate"
	"gonum.org/v1/gonum/stat"
)

func TestAUROCAgainstScikitLearn(t *testing.T) {
	cases := readReference(t).AUROCs
	if len(cases) != 3 {
		t.Fatalf("there are %d cases, want 3", len(cases))
	}
	for _, c := range cases {
		usual, others := slices.Clone(c.Usual), slices.Clone(c.Others)
		wantNear(t, "AUROC", AUROC(c.Usual, c.Others), c.AUROC, 1e-14)
		if !slices.Equal(usual, c.Usual) || !slices.Equal(others, c.Others) {
			t.Error("its arguments are changed")
		}
	}
}

func TestAUROCInClosedForm(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		usual, others []float64
		want          float64
	}{
		{[]float64{1, 2}, []float64{3, 4, 5}, 1},
		{[]float64{3, 4, 5}, []float64{1, 2}, 0},
		{[]float64{1, 1, 1}, []float64{1}, 0.5},
		{[]float64{1, 3}, []float64{2}, 0.5},
		{[]float64{2, 1}, []float64{2}, 0.75},
		{[]float64{5, 1, 3}, []float64{4, 2}, 0.5},
		{[]float64{-inf, 0}, []float64{0, inf}, 3.5 / 4},
	} {
		if got := AUROC(test.usual, test.others); got != test.want {
			t.Errorf("AUROC(%v, %v) is %v, want %v", test.usual, test.others, got, test.want)
		}
	}
	for _, none := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{math.NaN(), 1}, {1}}, {{1}, {1, math.NaN()}}} {
		if got := AUROC(none[0], none[1]); !math.IsNaN(got) {
			t.Errorf("AUROC(%v, %v) is %v, want NaN", none[0], none[1], got)
		}
	}
}

// TestAUROCIsAnArea compares it with the area under gonum's curve.
func TestAUROCIsAnArea(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var usual, others, scores []float64
		var isOther []bool
		for range 2 + random.IntN(300) {
			score, other := float64(random.IntN(40)), random.IntN(3) == 0
			if other {
				others = append(others, score+3)
				score += 3
			} else {
				usual = append(usual, score)
			}
			scores, isOther = append(scores, score), append(isOther, other)
		}
		if len(usual) == 0 || len(others) == 0 {
			continue
		}
		stat.SortWeightedLabeled(scores, isOther, nil)
		hits, alarms, _ := stat.ROC(nil, scores, isOther, nil)
		wantNear(t, "AUROC", AUROC(usual, others), integrate.Trapezoidal(alarms, hits), 1e-12)
	}
}
