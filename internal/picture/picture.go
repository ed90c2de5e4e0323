// Package picture reads picture files and fits them to a size (decode.go, fit.go), and lays images out in a grid and writes them as PNG
// files (picture.go, layout.go).
package picture

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"math"

	"govae/internal/files"
)

// maxPixels is the most that a picture may have: 256 MiB of grey levels.
const maxPixels = 1 << 28

// Shape is the size of one image, whose values are stored channels first: all of the first channel row by row, then all
// of the next.
type Shape struct{ Height, Width, Channels int }

// values returns how many values one image has.
func (s Shape) values() int { return s.Height * s.Width * s.Channels }

// Columns returns the number of columns of the grid nearest to a square that holds n images: ⌈√n⌉, at least 1.
func Columns(n int) int {
	return max(1, int(math.Ceil(math.Sqrt(float64(n)))))
}

// Grid is a picture of images of one shape, row by row, with a gap between them; a single image fills it. Images and Below are
// [n, channels, height, width], black at 0 and full at 1; values outside are clamped, and NaN is black. Places of the last row without
// an image are hatched.
type Grid struct {
	Images  []float32
	Below   []float32 // as many images, shown in rows of their own, each below the one of Images at its place; nil: none
	Shape   Shape
	Columns int
	Scale   int      // each pixel of an image is a square of so many pixels
	Labels  []string // stand at the left of the rows, in ASCII; nil: none
}

// Draw draws the picture: an *image.Gray of images of one channel, an opaque *image.RGBA of three (RGB). It returns an error where the
// values are no whole number of images, there are not as many below as above or not as many labels as rows, or the picture would be
// empty, or, with ErrTooLarge, too large.
func (g Grid) Draw() (image.Image, error) {
	l, err := g.layOut()
	if err != nil {
		return nil, err
	}
	var img draw.Image
	var pix []byte
	var stride, size int // in bytes: of a row and of a pixel
	if g.Shape.Channels == 1 {
		grey := image.NewGray(l.bounds())
		img, pix, stride, size = grey, grey.Pix, grey.Stride, 1
	} else {
		colour := image.NewRGBA(l.bounds())
		img, pix, stride, size = colour, colour.Pix, colour.Stride, 4
	}
	draw.Draw(img, img.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	for i := range l.rows / len(l.lists) * g.Columns {
		for k, list := range l.lists {
			row, column := i/g.Columns*len(l.lists)+k, i%g.Columns
			if i < l.images {
				g.paint(pix, stride, size, list[i*g.Shape.values():], l.place(row, column))
			} else {
				l.hatch(img, row, column)
			}
		}
	}
	l.label(img, g.Labels)
	return img, nil
}

// DrawToFit is Draw at a scale of 1 where the picture would be too large at that of g.
func (g Grid) DrawToFit() (image.Image, error) {
	img, err := g.Draw()
	if errors.Is(err, ErrTooLarge) && g.Scale > 1 {
		g.Scale = 1
		return g.Draw()
	}
	return img, err
}

// paint draws the first image of values, with its upper left corner at a place, into pix, which has stride bytes in a row and size
// bytes in a pixel.
func (g Grid) paint(pix []byte, stride, size int, values []float32, at image.Point) {
	for i, v := range values[:g.Shape.values()] {
		left := at.X + i%g.Shape.Width*g.Scale
		top := at.Y + i/g.Shape.Width%g.Shape.Height*g.Scale
		channel := i / (g.Shape.Width * g.Shape.Height)
		value := level(v)
		for dy := range g.Scale {
			for dx := range g.Scale {
				pix[(top+dy)*stride+(left+dx)*size+channel] = value
			}
		}
	}
}

// level returns the 8-bit level nearest to v in [0, 1].
func level(v float32) uint8 {
	switch {
	case v >= 1:
		return math.MaxUint8
	case v > 0:
		return uint8(v*math.MaxUint8 + 0.5)
	default: // below 0, or NaN
		return 0
	}
}

// Write encodes img as PNG to path, atomically.
func Write(path string, img image.Image) error {
	return files.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
}

// count returns how many images of so many values there are: at least one.
func count(images []float32, values int) (int, error) {
	if len(images) < values || len(images)%values != 0 {
		return 0, fmt.Errorf("picture: %d values are no whole number of images of %d values", len(images), values)
	}
	return len(images) / values, nil
}
