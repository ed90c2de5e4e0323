package letters

import (
	"bytes"
	"image"
	"math"
	"runtime"
	"testing"

	"golang.org/x/image/math/f64"

	"govae/model"
)

func draw26(t *testing.T, alphabets int, seed uint64) *model.Images {
	t.Helper()
	images, err := Draw(alphabets*Count, seed)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

func TestLettersLieAsDigitsDo(t *testing.T) {
	images := draw26(t, 2*len(faces), 1)
	if err := images.Check(); err != nil {
		t.Fatal(err)
	}
	moved, pixels := 0, images.Shape.Pixels()
	for i := range images.Len() {
		img := &image.Alpha{Pix: images.Values[i*pixels:][:pixels], Stride: side, Rect: image.Rect(0, 0, side, side)}
		inked := inkOf(img)
		if w, h := inked.Dx(), inked.Dy(); max(w, h) < box || max(w, h) > box+1 { // one more where it begins within a pixel
			t.Errorf("letter %d is %d×%d, want %d on its longer side", i, w, h, box)
		}
		across, down := centreOfMass(img)
		off := max(math.Abs(across-side/2), math.Abs(down-side/2))
		atEdge := inked.Min.X == 0 || inked.Min.Y == 0 || inked.Max.X == side || inked.Max.Y == side
		if off > mostShift+0.1 && !atEdge {
			t.Errorf("letter %d has its centre of mass at %.2f, %.2f", i, across, down)
		}
		if off > 0.5 {
			moved++
		}
		if want := byte(i % Count); images.Labels[i] != want {
			t.Errorf("letter %d has label %d, want %d", i, images.Labels[i], want)
		}
	}
	if moved < images.Len()/2 {
		t.Errorf("%d of %d letters are moved from the middle, want most", moved, images.Len())
	}
}

// inkOf returns the least rectangle that holds all ink.
func inkOf(img *image.Alpha) (ink image.Rectangle) {
	for i, v := range img.Pix {
		if v > 0 {
			ink = ink.Union(image.Rect(0, 0, 1, 1).Add(image.Pt(i%img.Stride, i/img.Stride)))
		}
	}
	return ink
}

// The ink of a letter is the area that its outline encloses, which Green's theorem gives: ½∮ x·dy − y·dx.
func TestInkIsTheOutlinesArea(t *testing.T) {
	outlines, err := readOutlines()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(faces) * Count; len(outlines) != want {
		t.Fatalf("%d outlines, want %d", len(outlines), want)
	}
	for i, o := range outlines {
		o = o.mapped(f64.Aff3{1, -0.2, 0, 0, 1, 0})
		least, most := o.bounds()
		scale := box / max(most[0]-least[0], most[1]-least[1])
		want := math.Abs(area(o)) * scale * scale
		var got float64
		for _, v := range o.centred(1, -1).Pix {
			got += float64(v) / 255
		}
		if !(math.Abs(got-want) < 0.02*want) {
			t.Errorf("outline %d covers %.2f pixels, want %.2f", i, got, want)
		}
	}
}

func area(o outline) (sum float64) {
	for _, line := range o {
		at := line[len(line)-1]
		for _, to := range line {
			sum += (at[0]*to[1] - to[0]*at[1]) / 2
			at = to
		}
	}
	return sum
}

func TestLettersDependOnSeedAndPlaceAlone(t *testing.T) {
	all := draw26(t, 12, 7)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	few := draw26(t, 11, 7)
	if !bytes.Equal(few.Values, all.Values[:len(few.Values)]) {
		t.Error("the first of many letters are not those of few, on one core")
	}
	if bytes.Equal(few.Values, draw26(t, 11, 8).Values) {
		t.Error("another seed gives the same letters")
	}
	font := Count * side * side
	if again := len(faces) * font; bytes.Equal(all.Values[:font], all.Values[again:again+font]) {
		t.Error("two alphabets in one font are the same")
	}
}
