package train

import (
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestCurvesShowTheMetrics gives a run a first epoch with losses that are far apart, and measures in the picture how high the
// curves begin above the lowest point. The curve of the training images is blue and that of the test images orange.
func TestCurvesShowTheMetrics(t *testing.T) {
	const metrics = "epoch,step,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds,images_per_second\n" +
		"1,7,100,50,60,60,80,20,1,50\n"
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	if err := os.WriteFile(filepath.Join(o.Out, "metrics.csv"), []byte(metrics), 0o666); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	o.Epochs = 2
	mustRun(t, o)

	rows := metricsRows(t, o)
	picture := readPicture(t, o, "curves.png")
	panel := picture.Bounds()
	panel.Max.X /= 3
	for i, term := range []string{"loss", "reconstruction", "kl"} {
		train, test := number(t, rows[1][2+i]), number(t, rows[1][5+i])
		lowest := min(number(t, rows[2][2+i]), number(t, rows[2][5+i]))
		if lowest > 30 {
			t.Fatalf("%s: the second epoch is at %v, want it far below the first", term, lowest)
		}

		colored := func(c color.RGBA) bool { return isBlue(c) || isOrange(c) }
		trainStart, testStart := start(t, picture, panel, isBlue), start(t, picture, panel, isOrange)
		left := panel
		left.Max.X = (panel.Min.X + panel.Max.X) / 2 // without the legend
		radius := min(trainStart, testStart) - float64(extent(t, picture, left, colored).Min.Y)
		bottom := float64(extent(t, picture, panel, colored).Max.Y-1) - radius
		if got, want := (bottom-testStart)/(bottom-trainStart), (test-lowest)/(train-lowest); math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: the test curve begins %.3f times as high as the training curve, want %.3f", term, got, want)
		}
		panel = panel.Add(image.Pt(panel.Dx(), 0))
	}
}

func isBlue(c color.RGBA) bool   { return int(c.B) > int(c.R)+100 }
func isOrange(c color.RGBA) bool { return int(c.R) > int(c.B)+100 }

// start returns how many pixels from the top a curve begins: the middle of the left edge of the point that marks its first epoch.
func start(t *testing.T, picture image.Image, panel image.Rectangle, wanted func(color.RGBA) bool) float64 {
	t.Helper()
	edge := panel
	edge.Min.X = extent(t, picture, panel, wanted).Min.X
	edge.Max.X = edge.Min.X + 2
	point := extent(t, picture, edge, wanted)
	return float64(point.Min.Y+point.Max.Y-1) / 2
}

// extent returns the smallest rectangle that holds every pixel of the wanted colours in a part of the picture.
func extent(t *testing.T, picture image.Image, part image.Rectangle, wanted func(color.RGBA) bool) image.Rectangle {
	t.Helper()
	var found image.Rectangle
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if wanted(color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)) {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if found.Empty() {
		t.Fatalf("no pixel of the colour in %v", part)
	}
	return found
}
