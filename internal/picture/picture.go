// Package picture lays images out in a grid and writes them as PNG files.
package picture

import (
	"fmt"
	"image"
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

// Alternate orders two lists of images so that a grid of the given number of columns shows a row of above, then the
// images of below that belong to them, and so on. Both are [n, values]. A short last row is filled up with black images,
// so the result is [2·rows·columns, values]. It returns an error where the lengths differ or hold no whole number of images.
func Alternate(above, below []float32, values, columns int) ([]float32, error) {
	n, err := count(above, values)
	if err != nil {
		return nil, err
	}
	if len(above) != len(below) {
		return nil, fmt.Errorf("picture: %d values above and %d below, want as many", len(above), len(below))
	}
	if columns < 1 || columns > maxPixels {
		return nil, fmt.Errorf("picture: %d columns, want 1 to %d", columns, maxPixels)
	}
	rows, row := (n+columns-1)/columns, columns*values
	ordered := make([]float32, 2*rows*row)
	for r := range rows {
		copy(ordered[2*r*row:][:row], above[r*row:])
		copy(ordered[(2*r+1)*row:][:row], below[r*row:])
	}
	return ordered, nil
}

// Grid lays images out row by row, columns in a row, each pixel drawn as a square of scale pixels.
// images is [n, channels, height, width], black at 0 and full at 1; values outside are clamped, and NaN is black.
// Places of the last row without an image are black. One channel gives an *image.Gray, three (RGB) an opaque *image.RGBA.
// It returns an error where images is no whole number of images, or the picture would be empty or too large.
func Grid(images []float32, shape Shape, columns, scale int) (image.Image, error) {
	if shape.Height < 1 || shape.Width < 1 || (shape.Channels != 1 && shape.Channels != 3) {
		return nil, fmt.Errorf("picture: images of %d×%d×%d, want at least 1×1 pixels of 1 or 3 channels", shape.Height, shape.Width, shape.Channels)
	}
	n, err := count(images, shape.values())
	if err != nil {
		return nil, err
	}
	if columns < 1 || scale < 1 {
		return nil, fmt.Errorf("picture: %d columns at scale %d, want at least 1 and 1", columns, scale)
	}
	rows := (n-1)/columns + 1
	// In floating point, which does not overflow.
	if width, height := float64(columns)*float64(shape.Width)*float64(scale), float64(rows)*float64(shape.Height)*float64(scale); width*height > maxPixels {
		return nil, fmt.Errorf("picture: %.0f×%.0f pixels are too many: take fewer images or a smaller scale, for at most %d pixels in all", width, height, maxPixels)
	}

	bounds := image.Rect(0, 0, columns*shape.Width*scale, rows*shape.Height*scale)
	if shape.Channels == 1 {
		img := image.NewGray(bounds)
		paint(img.Pix, img.Stride, 1, images, shape, columns, scale)
		return img, nil
	}
	img := image.NewRGBA(bounds)
	for alpha := 3; alpha < len(img.Pix); alpha += 4 {
		img.Pix[alpha] = math.MaxUint8
	}
	paint(img.Pix, img.Stride, 4, images, shape, columns, scale)
	return img, nil
}

// paint draws the images into pix, which has stride bytes in a row and size bytes in a pixel.
func paint(pix []byte, stride, size int, images []float32, shape Shape, columns, scale int) {
	for at, v := range images {
		x := at % shape.Width
		y := at / shape.Width % shape.Height
		channel := at / (shape.Width * shape.Height) % shape.Channels
		i := at / shape.values()
		left := (i%columns*shape.Width + x) * scale
		top := (i/columns*shape.Height + y) * scale
		value := level(v)
		for dy := range scale {
			for dx := range scale {
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

// count returns how many images of so many values there are: at least one.
func count(images []float32, values int) (int, error) {
	if values < 1 || len(images) < values || len(images)%values != 0 {
		return 0, fmt.Errorf("picture: %d values are no whole number of images of %d values", len(images), values)
	}
	return len(images) / values, nil
}

// Write encodes img as PNG to path, atomically.
func Write(path string, img image.Image) error {
	return files.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
}
