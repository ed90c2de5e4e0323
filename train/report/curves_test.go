package report

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"pgregory.net/rapid"

	"govae/model"
	"govae/model/machine"
)

// curve returns epochs whose only term has these values on training images, and on test images others.
func curve(train, test []float64) (epochs []Epoch) {
	for i := range train {
		epochs = append(epochs, Epoch{Number: i + 1, Train: machine.Terms{train[i]}, Test: machine.Terms{test[i]}})
	}
	return epochs
}

// TestCurvesAreOverEpochs checks that a panel shows the epochs that there are, which need not begin with the first, and of one epoch
// alone no other.
func TestCurvesAreOverEpochs(t *testing.T) {
	epochs := curve([]float64{0, 0, 9, 5, 2}, []float64{0, 0, 8, 6, 3})
	for _, test := range []struct {
		epochs    []Epoch
		low, high float64
		labels    string
	}{
		{epochs[2:], 3, 5, "3 4 5"},
		{epochs, 1, 5, "1 2 3 4 5"},
		{epochs[3:4], 3.5, 4.5, "4"},
	} {
		p, err := newPanel(terms[0], test.epochs, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.X.Min != test.low || p.X.Max != test.high {
			t.Errorf("shown from epoch %v to %v, want %v to %v", p.X.Min, p.X.Max, test.low, test.high)
		}
		if got := strings.Join(labels(p.X), " "); got != test.labels {
			t.Errorf("the epochs are %s, want %s", got, test.labels)
		}
	}
}

func labels(axis plot.Axis) (labels []string) {
	for _, tick := range axis.Tick.Marker.Ticks(axis.Min, axis.Max) {
		labels = append(labels, tick.Label)
	}
	return labels
}

// TestEpochTicks checks the marks of long runs, of which each is a whole epoch and a round one.
func TestEpochTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{1, 10, "1 2 3 4 5 6 7 8 9 10"},
		{1, 12, "2 4 6 8 10 12"},
		{1, 40, "5 10 15 20 25 30 35 40"},
		{995, 1093, "1000 1010 1020 1030 1040 1050 1060 1070 1080 1090"},
		{1, 1e6, "100000 200000 300000 400000 500000 600000 700000 800000 900000 1000000"},
		{2, 2.5, "2"},
		{1, math.MaxInt64, "1000000000000000000 2000000000000000000 3000000000000000000 4000000000000000000 5000000000000000000 " +
			"6000000000000000000 7000000000000000000 8000000000000000000 9000000000000000000"},
	} {
		var got []string
		for _, tick := range epochTicks(test.low, test.high) {
			got = append(got, tick.Label)
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("from %v to %v: %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

// TestValueTicks checks the labels of what used to be labelled wrongly.
func TestValueTicks(t *testing.T) {
	for _, test := range []struct {
		values       []float64
		labels, unit string
	}{
		{[]float64{44.822916, 44.852897, 44.806039, 44.805476}, "44.81 44.82 44.83 44.84 44.85", "nats per image"}, // were 45, 45, 45
		{[]float64{3.667e18, 1.943e18, 1.365e18, 1.065e18}, "1.5 2.0 2.5 3.0 3.5", "10^18 nats per image"},
		{[]float64{0.9, 1.1}, "0.90 0.95 1.00 1.05 1.10", "nats per image"}, // were 0.92, 1, 1.1
		{[]float64{45, 45}, "42 44 46 48", "nats per image"},
		{[]float64{0, 0}, "-1.0 -0.5 0.0 0.5 1.0", "nats per image"},
		{[]float64{-2e-8, 1e-8}, "-2.0 -1.5 -1.0 -0.5 0.0 0.5 1.0", "10^-8 nats per image"},
		{[]float64{math.NaN(), math.Inf(1), 7, math.Inf(-1), 9}, "7.0 7.5 8.0 8.5 9.0", "nats per image"},
	} {
		p, err := newPanel(terms[1], curve(test.values, test.values), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(labels(p.Y), " "); got != test.labels || p.Y.Label.Text != test.unit {
			t.Errorf("%v: the ticks are %s, in %s, want %s, in %s", test.values, got, p.Y.Label.Text, test.labels, test.unit)
		}
	}
}

// TestTicksBeginOnTheAxis checks a range that begins right behind a tick, by less than its quotient with their distance can tell.
func TestTicksBeginOnTheAxis(t *testing.T) {
	low := math.Nextafter(7.7, 8)
	if ticks := valueTicks(low, 8.45); ticks[0].Label != "7.8" {
		t.Errorf("the first tick behind %v is %s, want 7.8", low, ticks[0].Label)
	}
}

// values draws numbers that plots have trouble with: all alike, nearly so, huge, tiny, of either sign, not known.
func values(t *rapid.T) []float64 {
	middle := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1e30, 2e18, 1e-300, -45, math.MaxFloat64, -math.MaxFloat64, 5e-324, 1 << 53})).Draw(t, "middle")
	apart := rapid.SampledFrom([]float64{0, 1e-16, 1e-12, 1e-7, 1e-5, 1e-3, 1, 2}).Draw(t, "apart")
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Map(rapid.Float64Range(-1, 1), func(v float64) float64 { return middle + middle*apart*v }),
		rapid.SampledFrom([]float64{middle, middle, math.NaN(), math.Inf(1), math.Inf(-1)}),
		rapid.Float64(),
	), 0, 6).Draw(t, "values")
}

// TestAnyCurveHasGoodTicks checks that whatever the values are, the value axis has finite ends and two ticks at least, evenly spaced, each with
// a label of its own, which says where it is, and all with as many decimals.
func TestAnyCurveHasGoodTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := values(t)
		p, err := newPanel(terms[0], curve(drawn, slices.Repeat([]float64{drawn0(drawn)}, len(drawn))), 0)
		if err != nil {
			t.Fatal(err)
		}
		low, high := p.Y.Min, p.Y.Max
		if span := high - low; !(span > 0) || math.IsInf(span, 0) {
			t.Fatalf("the axis is from %v to %v", low, high)
		}
		ticks := p.Y.Tick.Marker.Ticks(low, high)
		if len(ticks) < 2 {
			t.Fatalf("from %v to %v there are the ticks %v, want two at least", low, high, ticks)
		}
		decimals := func(label string) int {
			_, after, _ := strings.Cut(label, ".")
			return len(after)
		}
		for i, tick := range ticks {
			said, err := strconv.ParseFloat(tick.Label, 64)
			if err != nil || math.Abs(said-tick.Value) > 1e-5*(high-low) || strings.HasPrefix(tick.Label, "-0") && said == 0 {
				t.Errorf("from %v to %v: the label at %v is %q", low, high, tick.Value, tick.Label)
			}
			if tick.Value < low || tick.Value > high {
				t.Errorf("the tick at %v is outside of %v to %v", tick.Value, low, high)
			}
			if decimals(tick.Label) != decimals(ticks[0].Label) {
				t.Errorf("%q has another number of digits than %q", tick.Label, ticks[0].Label)
			}
			if i > 0 && (tick.Label == ticks[i-1].Label || math.Abs((tick.Value-ticks[i-1].Value)-(ticks[1].Value-ticks[0].Value)) > 1e-5*(high-low)) {
				t.Errorf("the ticks %v are not even", ticks)
			}
		}
	})
}

func drawn0(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return values[0]
}

// TestAnyCurveIsDrawn writes pictures of any values, over any epochs.
func TestAnyCurveIsDrawn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curves.png")
	rapid.Check(t, func(t *rapid.T) {
		epochs := curve(values(t), make([]float64, 6))
		for i := range epochs {
			epochs[i].Number = rapid.Int().Draw(t, "epoch")
		}
		if err := WriteCurves(path, terms[:1], epochs); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPlotThatCannotBeDrawn checks that a panic while a picture is drawn is an error about the file, which stays as it was.
func TestPlotThatCannotBeDrawn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curves.png")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	broken := []Epoch{{Number: 1}} // has no terms
	if err := WriteCurves(path, terms, broken); err == nil || !strings.Contains(err.Error(), path+" cannot be drawn: ") {
		t.Errorf("the error is %v, want that %s cannot be drawn", err, path)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("the file holds %q (%v)", text, err)
	}
}

// TestTitle checks that a term is called what it is computed from, which is a bound for β = 1 alone.
func TestTitle(t *testing.T) {
	for i, want := range []string{"Loss = near + far", "Near"} {
		p, err := newPanel(terms[i], nil, i)
		if err != nil || p.Title.Text != want {
			t.Errorf("the title is %q (%v), want %q", p.Title.Text, err, want)
		}
	}
	for _, term := range model.DefaultConfig().Terms() {
		if strings.Contains(term.Title, "ELBO") {
			t.Errorf("%q is the title of a term whatever β is", term.Title)
		}
	}
}

// TestLegendCoversNoCurve draws two curves that run along the upper and the lower end of the axes, and so through all their corners. What
// has the colours of the curves is then either in the rows of the curve itself or above them all.
func TestLegendCoversNoCurve(t *testing.T) {
	for name, epochs := range map[string][]Epoch{
		"training above": curve([]float64{5, 5, 5}, []float64{1, 1, 1}),
		"test above":     curve([]float64{1, 1, 1}, []float64{5, 5, 5}),
	} {
		picture := drawnCurves(t, epochs)
		area := picture.Bounds()
		pixels := make([]map[int]int, area.Dy()) // in each row, of each hue
		line := map[int]int{}                    // the row where there are most of a hue
		for y := range pixels {
			pixels[y] = map[int]int{}
			for x := range area.Dx() {
				pixels[y][hue(picture.At(x, y))]++
			}
			for _, h := range []int{train, test} {
				if pixels[y][h] > pixels[line[h]][h] {
					line[h] = y
				}
			}
		}
		if lower, upper := max(line[train], line[test]), min(line[train], line[test]); lower-upper < area.Dy()/2 {
			t.Fatalf("%s: the curves are in the rows %d and %d of %d", name, upper, lower, area.Dy())
		}
		const radius = 5 // of the marks, in pixels
		for _, h := range []int{train, test} {
			legend := 0
			for y, row := range pixels {
				if y < min(line[train], line[test])-radius {
					legend += row[h]
				} else if row[h] > 0 && (y < line[h]-radius || y > line[h]+radius) {
					t.Errorf("%s: in row %d there are %d pixels of hue %d, whose curve is in row %d", name, y, row[h], h, line[h])
				}
			}
			if legend < 20 {
				t.Errorf("%s: hue %d has %d pixels in the legend", name, h, legend)
			}
		}
	}
}

// The colours of the curves.
const (
	train = 1 + iota // blue
	test             // orange
)

// hue returns train or test for their colours, and 0 for all else.
func hue(c color.Color) int {
	switch rgb := color.RGBAModel.Convert(c).(color.RGBA); {
	case int(rgb.B) > int(rgb.R)+100:
		return train
	case int(rgb.R) > int(rgb.B)+100:
		return test
	}
	return 0
}

func drawnCurves(t *testing.T, epochs []Epoch) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "curves.png")
	if err := WriteCurves(path, terms[:1], epochs); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
