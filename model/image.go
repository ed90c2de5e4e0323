package model

import (
	"fmt"

	"govae/internal/vec"
)

// MaxSide is the most pixels that an image may have on a side.
const MaxSide = 1 << 12

// Image is the shape of one image. Its values are stored channels first, [channels, height, width]: all of the first
// channel row by row, then all of the next. So PyTorch flattens a colour image.
type Image struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `json:"channels"`
}

// Pixels returns how many values one image has: height · width · channels.
func (i Image) Pixels() int { return i.Height * i.Width * i.Channels }

func (i Image) String() string { return fmt.Sprintf("%d×%d×%d", i.Height, i.Width, i.Channels) }

// check reports the first part of the shape that no image has, under the name of the field that holds the shape.
func (i Image) check(field string) error {
	if i.Height < 1 || i.Height > MaxSide {
		return fmt.Errorf("model: %s.height is %d, want 1 to %d", field, i.Height, MaxSide)
	}
	if i.Width < 1 || i.Width > MaxSide {
		return fmt.Errorf("model: %s.width is %d, want 1 to %d", field, i.Width, MaxSide)
	}
	if i.Channels != 1 && i.Channels != 3 {
		return fmt.Errorf("model: %s.channels is %d, want 1 (grey) or 3 (RGB)", field, i.Channels)
	}
	return nil
}

// Images are images of one shape in memory, 8 bits a value, with the class of each or without classes.
type Images struct {
	Shape  Image
	Values []byte // [n, channels, height, width]
	Labels []byte // [n], or none
}

// Len returns the number of images: 0 where the shape has no pixels.
func (i *Images) Len() int {
	pixels := i.Shape.Pixels()
	if pixels < 1 {
		return 0
	}
	return len(i.Values) / pixels
}

// Fill writes the images from the first given on to dst, [n, channels, height, width], as many as it holds, each value
// divided by 255. It panics where there are not so many. Several goroutines may call it at once.
func (i *Images) Fill(dst []float32, first int) {
	start := first * i.Shape.Pixels()
	end := start + len(dst)
	vec.Bytes(dst, i.Values[start:end:len(i.Values)]) // the third bound: no values from beyond the last image
}

// Check reports the first field that is wrong: a shape that Config.Validate would refuse, values that are not those of a
// whole number of images, at least one, or labels that are neither one for each image nor none.
func (i *Images) Check() error {
	if err := i.Shape.check("images.shape"); err != nil {
		return err
	}
	n := len(i.Values)
	if n == 0 {
		return fmt.Errorf("model: images.values has 0 bytes, want at least one image of %v", i.Shape)
	}
	if n%i.Shape.Pixels() != 0 {
		return fmt.Errorf("model: images.values has %d bytes, want a whole number of images of %v", n, i.Shape)
	}
	if labels := len(i.Labels); labels != 0 && labels != i.Len() {
		return fmt.Errorf("model: images.labels has %d, want %d, one for each image, or none", labels, i.Len())
	}
	return nil
}
