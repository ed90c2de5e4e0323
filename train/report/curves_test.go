package report

import (
	"testing"

	"govae/model/machine"
)

// TestCurvesAreOverEpochs checks that a panel shows the epochs that there are, which need not begin with the first, and that its legend is
// in the corner that the curves leave free.
func TestCurvesAreOverEpochs(t *testing.T) {
	high, low := machine.Terms{9, 1}, machine.Terms{2, 4}
	epochs := []Epoch{{Number: 3, Train: high, Test: high}, {Number: 5, Train: low, Test: low}}
	for term, top := range []bool{true, false} { // the first falls and the second grows
		panel, err := curvePanel("", epochs, term)
		if err != nil {
			t.Fatal(err)
		}
		if panel.X.Min != 3 || panel.X.Max != 5 {
			t.Errorf("term %d is shown from epoch %v to %v, want 3 to 5", term, panel.X.Min, panel.X.Max)
		}
		if panel.Legend.Top != top {
			t.Errorf("term %d: the legend is at the top: %t, want %t", term, panel.Legend.Top, top)
		}
	}
}
