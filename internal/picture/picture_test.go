package picture

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// drawn returns the levels of a grey picture, row by row.
func drawn(t *testing.T, img image.Image) [][]uint8 {
	t.Helper()
	rows := make([][]uint8, img.Bounds().Dy())
	for y := range rows {
		for x := range img.Bounds().Dx() {
			rows[y] = append(rows[y], color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return rows
}

func TestGridPlacesGreyImages(t *testing.T) {
	// Three images of 2 rows and 3 columns, in 2 columns: the last place stays black.
	images := []float32{
		1. / 255, 2. / 255, 3. / 255,
		4. / 255, 5. / 255, 6. / 255,

		11. / 255, 12. / 255, 13. / 255,
		14. / 255, 15. / 255, 16. / 255,

		21. / 255, 22. / 255, 23. / 255,
		24. / 255, 25. / 255, 26. / 255,
	}
	img, err := Grid(images, Shape{2, 3, 1}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := img.(*image.Gray); !ok {
		t.Errorf("got %T, want *image.Gray", img)
	}
	want := [][]uint8{
		{1, 2, 3, 11, 12, 13},
		{4, 5, 6, 14, 15, 16},
		{21, 22, 23, 0, 0, 0},
		{24, 25, 26, 0, 0, 0},
	}
	if got := drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGridScalesEachPixelToASquare(t *testing.T) {
	img, err := Grid([]float32{10. / 255, 20. / 255, 30. / 255, 40. / 255}, Shape{1, 2, 1}, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	first, second := []uint8{10, 10, 10, 20, 20, 20}, []uint8{30, 30, 30, 40, 40, 40}
	want := [][]uint8{first, first, first, second, second, second}
	if got := drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestGridPlacesColours draws two images of 2 rows and 3 columns, RGB, in 3 columns, with another level for every value:
// from 100 on for red, from 110 on for green, from 120 on for blue, and 100 more in the second image. The third place is
// black and opaque.
func TestGridPlacesColours(t *testing.T) {
	const scale = 2
	images := make([]float32, 0, 36)
	for _, first := range []int{100, 110, 120, 200, 210, 220} {
		for pixel := range 6 {
			images = append(images, float32(first+pixel)/255)
		}
	}
	img, err := Grid(images, Shape{2, 3, 3}, 3, scale)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds(), image.Rect(0, 0, 9*scale, 2*scale); got != want {
		t.Fatalf("bounds are %v, want %v", got, want)
	}
	black := color.RGBA{A: 255}
	want := [2][9]color.RGBA{
		{{100, 110, 120, 255}, {101, 111, 121, 255}, {102, 112, 122, 255}, {200, 210, 220, 255}, {201, 211, 221, 255}, {202, 212, 222, 255}, black, black, black},
		{{103, 113, 123, 255}, {104, 114, 124, 255}, {105, 115, 125, 255}, {203, 213, 223, 255}, {204, 214, 224, 255}, {205, 215, 225, 255}, black, black, black},
	}
	for y := range 2 * scale {
		for x := range 9 * scale {
			if got := img.At(x, y); got != want[y/scale][x/scale] {
				t.Errorf("pixel (%d, %d) is %v, want %v", x, y, got, want[y/scale][x/scale])
			}
		}
	}
}

func TestGridClampsAndRounds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		value float32
		want  uint8
	}{
		{0, 0}, {1, 255}, {-0.5, 0}, {1.5, 255}, {nan, 0}, {inf, 255}, {-inf, 0},
		{0.5, 128}, {0.49 / 255, 0}, {0.51 / 255, 1}, {254.4 / 255, 254}, {254.6 / 255, 255},
	}
	for _, test := range tests {
		img, err := Grid([]float32{test.value}, Shape{1, 1, 1}, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := drawn(t, img)[0][0]; got != test.want {
			t.Errorf("%v is drawn as %d, want %d", test.value, got, test.want)
		}
	}
}

func TestGridErrors(t *testing.T) {
	tests := []struct {
		name           string
		values         int
		shape          Shape
		columns, scale int
		want           string
	}{
		{"no images", 0, Shape{2, 3, 1}, 2, 1, "0 values are no whole number of images of 6 values"},
		{"half an image", 9, Shape{2, 3, 1}, 2, 1, "9 values"},
		{"two channels", 4, Shape{1, 2, 2}, 2, 1, "1×2×2"},
		{"no height", 4, Shape{0, 2, 1}, 2, 1, "0×2×1"},
		{"negative sides", 4, Shape{-2, -2, 1}, 2, 1, "-2×-2×1"},
		{"no columns", 6, Shape{2, 3, 1}, 0, 1, "0 columns"},
		{"no scale", 6, Shape{2, 3, 1}, 1, 0, "scale 0"},
		{"too large", 6, Shape{2, 3, 1}, 1, 1 << 20, "too many"},
		{"overflow", 6, Shape{2, 3, 1}, 1 << 62, 1 << 62, "too many"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Grid(make([]float32, test.values), test.shape, test.columns, test.scale)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 2: 2, 4: 2, 5: 3, 63: 8, 64: 8, 65: 9} {
		if got := Columns(n); got != want {
			t.Errorf("Columns(%d) is %d, want %d", n, got, want)
		}
	}
}

func TestAlternate(t *testing.T) {
	above := []float32{1, 2, 3, 4, 5, 6} // three images of two values
	below := []float32{-1, -2, -3, -4, -5, -6}
	got, err := Alternate(above, below, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, 2, 3, 4, -1, -2, -3, -4, 5, 6, 0, 0, -5, -6, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAlternateErrors(t *testing.T) {
	tests := []struct {
		name            string
		above, below    int
		values, columns int
		want            string
	}{
		{"different numbers", 4, 6, 2, 2, "4 values above and 6 below"},
		{"half an image", 5, 5, 2, 2, "5 values"},
		{"no values", 4, 4, 0, 2, "images of 0 values"},
		{"no columns", 4, 4, 2, 0, "0 columns"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Alternate(make([]float32, test.above), make([]float32, test.below), test.values, test.columns)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grid.png")
	img, err := Grid([]float32{0.2, 0.4, 0.6, 0.8, 1, 0}, Shape{2, 3, 1}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, img); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drawn(t, read), drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the file holds %v, want %v", got, want)
	}
}

func TestWriteNamesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "grid.png")
	err := Write(path, image.NewGray(image.Rect(0, 0, 1, 1)))
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got error %v, want one that names the missing folder", err)
	}
}
