package picture

import (
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font/basicfont"
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

// rows makes a picture's rows of text: two digits a pixel, in hexadecimal.
func rows(t *testing.T, lines ...string) (levels [][]uint8) {
	t.Helper()
	for _, line := range lines {
		row, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, row)
	}
	return levels
}

// TestDrawPlacesGreyImages draws three images of 2 rows and 3 columns, in 2 columns: between them are two pixels of the ground, around
// them none, and the last place is hatched.
func TestDrawPlacesGreyImages(t *testing.T) {
	var images []float32
	for _, v := range []float32{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26} {
		images = append(images, v/255)
	}
	img, err := Grid{Images: images, Shape: Shape{2, 3, 1}, Columns: 2, Scale: 1}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := img.(*image.Gray); !ok {
		t.Errorf("got %T, want *image.Gray", img)
	}
	want := rows(t,
		"01 02 03 40 40 0b 0c 0d",
		"04 05 06 40 40 0e 0f 10",
		"40 40 40 40 40 40 40 40",
		"40 40 40 40 40 40 40 40",
		"15 16 17 40 40 68 40 40",
		"18 19 1a 40 40 40 40 40")
	if got := drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDrawScalesEachPixelToASquare(t *testing.T) {
	img, err := Grid{Images: []float32{10. / 255, 20. / 255, 30. / 255, 40. / 255}, Shape: Shape{1, 2, 1}, Columns: 1, Scale: 3}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	first, ground, second := []uint8{10, 10, 10, 20, 20, 20}, slices.Repeat([]uint8{64}, 6), []uint8{30, 30, 30, 40, 40, 40}
	want := [][]uint8{first, first, first, ground, ground, second, second, second}
	if got := drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestASingleImageIsItsOwnSize is for programs that read what -dir writes.
func TestASingleImageIsItsOwnSize(t *testing.T) {
	img, err := Grid{Images: make([]float32, 6), Shape: Shape{2, 3, 1}, Columns: 1, Scale: 1}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drawn(t, img), rows(t, "000000", "000000"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestDrawPlacesColours draws two images of 2 rows and 3 columns, RGB, in 3 columns, with another level for every value:
// from 100 on for red, from 110 on for green, from 120 on for blue, and 100 more in the second image. All is opaque.
func TestDrawPlacesColours(t *testing.T) {
	const scale = 2
	images := make([]float32, 0, 36)
	for _, first := range []int{100, 110, 120, 200, 210, 220} {
		for pixel := range 6 {
			images = append(images, float32(first+pixel)/255)
		}
	}
	img, err := Grid{Images: images, Shape: Shape{2, 3, 3}, Columns: 3, Scale: scale}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds(), image.Rect(0, 0, 9*scale+4, 2*scale); got != want {
		t.Fatalf("bounds are %v, want %v", got, want)
	}
	want := [2][6]color.RGBA{
		{{100, 110, 120, 255}, {101, 111, 121, 255}, {102, 112, 122, 255}, {200, 210, 220, 255}, {201, 211, 221, 255}, {202, 212, 222, 255}},
		{{103, 113, 123, 255}, {104, 114, 124, 255}, {105, 115, 125, 255}, {203, 213, 223, 255}, {204, 214, 224, 255}, {205, 215, 225, 255}},
	}
	for y := range 2 * scale {
		for x := range 6 * scale {
			at := x + x/(3*scale)*2
			if got := img.At(at, y); got != want[y/scale][x/scale] {
				t.Errorf("pixel (%d, %d) is %v, want %v", at, y, got, want[y/scale][x/scale])
			}
		}
		for _, x := range []int{6, 7, 14, 15} {
			if got, want := img.At(x, y), (color.RGBA{64, 64, 64, 255}); got != want {
				t.Errorf("pixel (%d, %d) is %v, want %v", x, y, got, want)
			}
		}
		for x := range 3 * scale {
			want := color.RGBA{64, 64, 64, 255}
			if (x+y)%6 == 0 {
				want = color.RGBA{104, 104, 104, 255}
			}
			if got := img.At(16+x, y); got != want {
				t.Errorf("pixel (%d, %d) of the empty place is %v, want %v", x, y, got, want)
			}
		}
	}
}

// TestDrawPutsImagesBelow draws three pairs of images of one pixel in two columns.
func TestDrawPutsImagesBelow(t *testing.T) {
	img, err := Grid{
		Images: []float32{1. / 255, 2. / 255, 3. / 255}, Below: []float32{161. / 255, 162. / 255, 163. / 255},
		Shape: Shape{1, 1, 1}, Columns: 2, Scale: 1,
	}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	between := "40 40 40 40"
	want := rows(t, "01 40 40 02", between, between, "a1 40 40 a2", between, between, "03 40 40 68", between, between, "a3 40 40 68")
	if got := drawn(t, img); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLabels compares the margin with the digits of the font itself: each stands in the middle of its row's height, and rows are as
// tall as a label where the images are less tall.
func TestLabels(t *testing.T) {
	const margin = 4 + 2*7 + 4 // of two digits, 7 pixels wide
	for _, side := range []int{3, 13, 40} {
		for _, channels := range []int{1, 3} {
			g := Grid{Images: make([]float32, 3*side*side*channels), Shape: Shape{side, side, channels}, Columns: 1, Scale: 1, Labels: []string{"7", "10", "11"}}
			img, err := g.Draw()
			if err != nil {
				t.Fatal(err)
			}
			row := max(side, 13)
			if got, want := img.Bounds(), image.Rect(0, 0, margin+side, 3*row+2*2); got != want {
				t.Fatalf("bounds are %v, want %v", got, want)
			}
			levels := drawn(t, img)
			for i, label := range []string{" 7", "10", "11"} {
				top := i*(row+2) + (row-13)/2
				for y := range 13 {
					for x := range 2 * 7 {
						want := uint8(0x40)
						if digit := label[x/7]; digit != ' ' && ofFont(digit, x%7, y) {
							want = 255
						}
						if got := levels[top+y][4+x]; got != want {
							t.Fatalf("images of %d pixels: pixel (%d, %d) of label %q is %d, want %d", side, x, y, label, got, want)
						}
					}
				}
				if at := i*(row+2) + (row-side)/2; levels[at][margin] != 0 || levels[at+side-1][margin] != 0 {
					t.Errorf("images of %d pixels: image %d does not stand beside its label", side, i)
				}
			}
		}
	}
}

// ofFont says whether a pixel of a character's cell, 7 wide and 13 high, is set in the font, whose mask has the cells of ASCII from the
// space on, one below the other.
func ofFont(character byte, x, y int) bool {
	if x >= basicfont.Face7x13.Width {
		return false
	}
	_, _, _, alpha := basicfont.Face7x13.Mask.At(x, int(character-' ')*13+y).RGBA()
	return alpha > 0
}

func TestDrawToFit(t *testing.T) {
	g := Grid{Images: make([]float32, 4), Shape: Shape{2, 2, 1}, Columns: 1, Scale: 1 << 20}
	if _, err := g.Draw(); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got error %v, want ErrTooLarge", err)
	}
	for scale, want := range map[int]image.Rectangle{1 << 20: image.Rect(0, 0, 2, 2), 3: image.Rect(0, 0, 6, 6)} {
		g.Scale = scale
		img, err := g.DrawToFit()
		if err != nil || img.Bounds() != want {
			t.Errorf("at scale %d got %v and error %v, want %v", scale, img.Bounds(), err, want)
		}
	}
	g.Columns = 1 << 30
	if _, err := g.DrawToFit(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got error %v, want ErrTooLarge", err)
	}
}

func TestDrawClampsAndRounds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		value float32
		want  uint8
	}{
		{0, 0}, {1, 255}, {-0.5, 0}, {1.5, 255}, {nan, 0}, {inf, 255}, {-inf, 0},
		{0.5, 128}, {0.49 / 255, 0}, {0.51 / 255, 1}, {254.4 / 255, 254}, {254.6 / 255, 255},
	}
	for _, test := range tests {
		img, err := Grid{Images: []float32{test.value}, Shape: Shape{1, 1, 1}, Columns: 1, Scale: 1}.Draw()
		if err != nil {
			t.Fatal(err)
		}
		if got := drawn(t, img)[0][0]; got != test.want {
			t.Errorf("%v is drawn as %d, want %d", test.value, got, test.want)
		}
	}
}

func TestDrawErrors(t *testing.T) {
	tests := []struct {
		name string
		grid Grid
		want string
	}{
		{"no images", Grid{Shape: Shape{2, 3, 1}, Columns: 2, Scale: 1}, "0 values are no whole number of images of 6 values"},
		{"half an image", Grid{Images: make([]float32, 9), Shape: Shape{2, 3, 1}, Columns: 2, Scale: 1}, "9 values"},
		{"two channels", Grid{Images: make([]float32, 4), Shape: Shape{1, 2, 2}, Columns: 2, Scale: 1}, "1×2×2"},
		{"no height", Grid{Images: make([]float32, 4), Shape: Shape{0, 2, 1}, Columns: 2, Scale: 1}, "0×2×1"},
		{"negative sides", Grid{Images: make([]float32, 4), Shape: Shape{-2, -2, 1}, Columns: 2, Scale: 1}, "-2×-2×1"},
		{"no columns", Grid{Images: make([]float32, 6), Shape: Shape{2, 3, 1}, Scale: 1}, "0 columns"},
		{"no scale", Grid{Images: make([]float32, 6), Shape: Shape{2, 3, 1}, Columns: 1}, "scale 0"},
		{"too large", Grid{Images: make([]float32, 6), Shape: Shape{2, 3, 1}, Columns: 1, Scale: 1 << 20}, "too large: 3145728×2097152 pixels"},
		{"overflow", Grid{Images: make([]float32, 6), Shape: Shape{2, 3, 1}, Columns: 1 << 62, Scale: 1 << 62}, "too large"},
		{"the other way round", Grid{Images: make([]float32, 6), Shape: Shape{3, 2, 1}, Columns: 1, Scale: 1 << 62, Labels: []string{"0"}}, "too large"},
		{"rows of labels", Grid{Images: make([]float32, 1), Shape: Shape{1, 1, 1}, Columns: 1 << 24, Scale: 1, Labels: []string{"0"}}, "too large: 50331661×13 pixels"},
		{"one too few below", Grid{Images: make([]float32, 4), Below: make([]float32, 2), Shape: Shape{1, 2, 1}, Columns: 1, Scale: 1}, "4 values above and 2 below"},
		{"none below", Grid{Images: make([]float32, 4), Below: []float32{}, Shape: Shape{1, 2, 1}, Columns: 1, Scale: 1}, "4 values above and 0 below"},
		{"a label too many", Grid{Images: make([]float32, 4), Shape: Shape{1, 2, 1}, Columns: 2, Scale: 1, Labels: []string{"0", "1"}}, "2 labels of 1 rows"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.grid.Draw()
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

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grid.png")
	img, err := Grid{Images: []float32{0.2, 0.4, 0.6, 0.8, 1, 0}, Shape: Shape{2, 3, 1}, Columns: 1, Scale: 2}.Draw()
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
