package dataset

import "govae/model"

// layout says where the values of images stand in an array: how far it is from one image, channel, row and pixel to the next.
type layout struct {
	shape                       model.Image
	n                           int
	image, channel, row, column int
}

// planar says whether the values stand as model.Images has them: [n, channels, height, width].
func (l layout) planar() bool {
	s := l.shape
	channelFits := s.Channels == 1 || l.channel == s.Height*s.Width
	return l.column == 1 && l.row == s.Width && channelFits && l.image == s.Pixels()
}

// images returns the images that values hold.
func (l layout) images(values []byte) model.Images {
	if l.planar() {
		return model.Images{Shape: l.shape, Values: values}
	}
	ordered := make([]byte, 0, len(values))
	for i := range l.n {
		for c := range l.shape.Channels {
			for y := range l.shape.Height {
				from := i*l.image + c*l.channel + y*l.row
				for x := range l.shape.Width {
					ordered = append(ordered, values[from+x*l.column])
				}
			}
		}
	}
	return model.Images{Shape: l.shape, Values: ordered}
}

// turn makes the rows of images of one channel their columns.
func turn(images *model.Images) {
	shape := images.Shape
	l := layout{
		shape:  model.Image{Height: shape.Width, Width: shape.Height, Channels: 1},
		n:      images.Len(),
		image:  shape.Pixels(),
		row:    1,
		column: shape.Width,
	}
	turned := l.images(images.Values)
	images.Shape, images.Values = turned.Shape, turned.Values
}
