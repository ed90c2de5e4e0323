package picture

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"runtime"
	"testing"
)

// levelled returns a grey picture whose level at x, y is given.
func levelled(height, width int, level func(x, y int) uint8) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			v := level(x, y)
			img.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	return img
}

func TestFitKeepsAConstant(t *testing.T) {
	for level := range 256 {
		for _, size := range [][2]int{{9, 14}, {4, 4}, {40, 3}, {61, 67}} {
			fitted := Fit(levelled(13, 17, func(int, int) uint8 { return uint8(level) }), size[0], size[1])
			if fitted.Rect != image.Rect(0, 0, size[1], size[0]) {
				t.Fatalf("bounds are %v, want those of %v", fitted.Rect, size)
			}
			for i, v := range fitted.Pix {
				if want := level; i%4 < 3 && int(v) != want || i%4 == 3 && v != 255 {
					t.Fatalf("level %d in %v becomes %d at %d", level, size, v, i)
				}
			}
		}
	}
}

// The filter of Catmull and Rom reproduces what is linear. A pixel's centre at x comes to lie at f·(x + ½) − ½ less what is cropped.
func TestFitKeepsALinearRamp(t *testing.T) {
	const height, width = 48, 64
	ramp := levelled(height, width, func(x, y int) uint8 { return uint8(10 + 3*x + y) })
	for _, test := range []struct {
		height, width int
		factor        float64
	}{{24, 32, 0.5}, {12, 12, 0.25}, {36, 48, 0.75}, {96, 96, 2}, {48, 20, 1}, {16, 64, 1}} {
		fitted := Fit(ramp, test.height, test.width)
		left, top := math.Floor((test.factor*width-float64(test.width))/2), math.Floor((test.factor*height-float64(test.height))/2)
		for y := range test.height {
			for x := range test.width {
				fromX := (float64(x)+left+0.5)/test.factor - 0.5
				fromY := (float64(y)+top+0.5)/test.factor - 0.5
				if reach := 2 * max(1, 1/test.factor); fromX < reach || fromX > width-1-reach || fromY < reach || fromY > height-1-reach {
					continue // where the filter reaches over the edge
				}
				if got, want := float64(fitted.RGBAAt(x, y).R), 10+3*fromX+fromY; math.Abs(got-want) > 0.51 {
					t.Errorf("%d×%d at (%d, %d): %v, want %v", test.height, test.width, x, y, got, want)
				}
			}
		}
	}
}

func TestFitCropsToTheCentre(t *testing.T) {
	columns := func(width int) *image.RGBA {
		return levelled(4, width, func(x, _ int) uint8 { return uint8(20 * (x + 1)) })
	}
	for _, test := range []struct {
		from, first int // columns of the picture, and the first that is seen of four
	}{{4, 0}, {5, 0}, {6, 1}, {7, 1}, {8, 2}, {11, 3}} {
		across := Fit(columns(test.from), 4, 4)
		lying := levelled(test.from, 4, func(_, y int) uint8 { return uint8(20 * (y + 1)) })
		down := Fit(lying, 4, 4)
		for i := range 4 {
			want := uint8(20 * (test.first + i + 1))
			if got := across.RGBAAt(i, 2).R; got != want {
				t.Errorf("column %d of %d is %d, want %d", i, test.from, got, want)
			}
			if got := down.RGBAAt(2, i).R; got != want {
				t.Errorf("row %d of %d is %d, want %d", i, test.from, got, want)
			}
		}
	}
}

// A picture of one row of a million pixels, which would be one of 64 rows of 64 million if it were scaled whole.
func TestFitTakesLittleMemory(t *testing.T) {
	const width = 1 << 20
	strip := levelled(1, width, func(x, _ int) uint8 { return uint8(255 * (x / (width / 2))) })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fitted := Fit(strip, 64, 64)
	runtime.ReadMemStats(&after)
	if left, right := fitted.RGBAAt(0, 32).R, fitted.RGBAAt(63, 32).R; left > 1 || right < 254 {
		t.Errorf("left is %d and right is %d, want the strip's centre, a step from 0 to 255", left, right)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("%d bytes were allocated", taken)
	}
}

// What is alike on both sides stays so, where not all of it is scaled too.
func TestFitKeepsTheCentre(t *testing.T) {
	for _, width := range []int{1001, 1002} {
		middle := width - 1 // in halves of a pixel
		strip := levelled(1, width, func(x, _ int) uint8 { return uint8(min(255, 40*max(2*x-middle, middle-2*x))) })
		fitted := Fit(strip, 8, 8)
		for x := range 4 {
			if left, right := fitted.RGBAAt(x, 4).R, fitted.RGBAAt(7-x, 4).R; left != right {
				t.Errorf("%d: %d at %d and %d at %d, want the same", width, left, x, right, 7-x)
			}
		}
		if edge, centre := fitted.RGBAAt(0, 4).R, fitted.RGBAAt(3, 4).R; edge <= centre {
			t.Errorf("%d: %d at the edge and %d in the centre, want more at the edge", width, edge, centre)
		}
	}
}

// The levels are 0.299 R + 0.587 G + 0.114 B of ITU-R BT.601, to the nearest.
func TestLevels(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 4, 2))
	colours := []color.RGBA{
		{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 0, 255},
		{0, 255, 255, 255}, {255, 0, 255, 255}, {255, 255, 255, 255}, {1, 1, 1, 255},
	}
	for i, c := range colours {
		img.SetRGBA(i%4, i/4, c)
	}
	if got, want := Levels(img, 1), []byte{76, 150, 29, 226, 179, 105, 255, 1}; !bytes.Equal(got, want) {
		t.Errorf("luminances are %v, want %v", got, want)
	}
	planes := Levels(img, 3)
	want := []byte{
		255, 0, 0, 255, 0, 255, 255, 1,
		0, 255, 0, 255, 255, 0, 255, 1,
		0, 0, 255, 0, 255, 255, 255, 1,
	}
	if !bytes.Equal(planes, want) {
		t.Errorf("planes are %v, want %v", planes, want)
	}
	if back := FromLevels(planes, 2, 4, 3); !bytes.Equal(back.Pix, img.Pix) {
		t.Errorf("back in a picture: %v, want %v", back.Pix, img.Pix)
	}
	grey := FromLevels([]byte{7, 8}, 1, 2, 1)
	if !IsGrey(grey) || IsGrey(img) || !bytes.Equal(grey.Pix, []byte{7, 7, 7, 255, 8, 8, 8, 255}) {
		t.Errorf("grey: %v; colour is grey: %t", grey.Pix, IsGrey(img))
	}
}
