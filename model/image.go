package model

import "fmt"

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
	if err := inRange(field+".height", i.Height, MaxSide); err != nil {
		return err
	}
	if err := inRange(field+".width", i.Width, MaxSide); err != nil {
		return err
	}
	if i.Channels != 1 && i.Channels != 3 {
		return fmt.Errorf("model: %s.channels is %d, want 1 (grey) or 3 (RGB)", field, i.Channels)
	}
	return nil
}
