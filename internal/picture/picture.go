// Package picture lays images out in a grid and writes them as PNG files.
package picture

import "image"

// Shape is the size of one image, whose values are stored row by row, the channels of a pixel side by side.
type Shape struct{ Height, Width, Channels int }

// Grid lays images out row by row, columns in a row, each pixel drawn as a square of scale pixels.
// images is [n, height, width, channels], in [0, 1].
func Grid(images []float32, shape Shape, columns, scale int) (image.Image, error) {
	panic("being written")
}

// Write encodes img as PNG to path, atomically.
func Write(path string, img image.Image) error { panic("being written") }
