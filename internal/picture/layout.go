package picture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// ErrTooLarge says that a picture would have too many pixels. The error says how many would do.
var ErrTooLarge = errors.New("picture: too large")

// gap is what is between two images, in pixels of the picture, whatever the scale.
const gap = 2

// What is no image: the ground between images, and, since an image may be all of one grey, hatching on it where there is none.
var (
	ground   = color.Gray{Y: 0x40}
	hatching = color.Gray{Y: 0x68}
	ink      = color.White
	face     = basicfont.Face7x13
)

// hatchingPeriod is the distance from one line of the hatching to the next, in pixels of the picture.
const hatchingPeriod = 6

// labelSpace is what is left free at either side of the labels.
const labelSpace = 4

// layout says where the images of a Grid are in its picture.
type layout struct {
	lists                 [][]float32 // of images, whose rows alternate: Images and, if there is one, Below
	images, rows, columns int         // images: in each list
	tile                  image.Point // an image's size in the picture
	row                   int         // height of a row: a label may be taller than an image
	margin                int         // width of the labels
}

// layOut checks a Grid and returns its layout.
func (g Grid) layOut() (layout, error) {
	var l layout
	if s := g.Shape; s.Height < 1 || s.Width < 1 || (s.Channels != 1 && s.Channels != 3) {
		return l, fmt.Errorf("picture: images of %d×%d×%d, want at least 1×1 pixels of 1 or 3 channels", s.Height, s.Width, s.Channels)
	}
	n, err := count(g.Images, g.Shape.values())
	if err != nil {
		return l, err
	}
	if g.Below != nil && len(g.Below) != len(g.Images) {
		return l, fmt.Errorf("picture: %d values above and %d below, want as many", len(g.Images), len(g.Below))
	}
	if g.Columns < 1 || g.Scale < 1 {
		return l, fmt.Errorf("picture: %d columns at scale %d, want at least 1 and 1", g.Columns, g.Scale)
	}
	l.lists = [][]float32{g.Images}
	if g.Below != nil {
		l.lists = append(l.lists, g.Below)
	}
	l.images, l.columns, l.rows = n, g.Columns, ((n-1)/g.Columns+1)*len(l.lists)
	if g.Labels != nil && len(g.Labels) != l.rows {
		return l, fmt.Errorf("picture: %d labels of %d rows, want as many", len(g.Labels), l.rows)
	}
	l.tile = image.Pt(g.Shape.Width*g.Scale, g.Shape.Height*g.Scale)
	l.row = l.tile.Y
	for _, label := range g.Labels {
		l.row = max(l.row, face.Height)
		l.margin = max(l.margin, 2*labelSpace+font.MeasureString(face, label).Ceil())
	}
	// In floating point, which does not overflow.
	width := float64(l.margin) + float64(g.Columns)*(float64(g.Shape.Width)*float64(g.Scale)+gap) - gap
	height := float64(l.rows)*(max(float64(g.Shape.Height)*float64(g.Scale), float64(l.row))+gap) - gap
	if width*height > maxPixels {
		return l, fmt.Errorf("%w: %.0f×%.0f pixels: take fewer images or a smaller scale, for at most %d pixels in all", ErrTooLarge, width, height, maxPixels)
	}
	return l, nil
}

// bounds returns the picture's: there is no gap around the images, so that a single one is its own size.
func (l layout) bounds() image.Rectangle {
	return image.Rect(0, 0, l.margin+l.columns*(l.tile.X+gap)-gap, l.rows*(l.row+gap)-gap)
}

// place returns where in the picture the upper left corner of an image is.
func (l layout) place(row, column int) image.Point {
	return image.Pt(l.margin+column*(l.tile.X+gap), row*(l.row+gap)+(l.row-l.tile.Y)/2)
}

// hatch fills a place without an image.
func (l layout) hatch(img draw.Image, row, column int) {
	at := l.place(row, column)
	for y := range l.tile.Y {
		for x := range l.tile.X {
			if (x+y)%hatchingPeriod == 0 {
				img.Set(at.X+x, at.Y+y, hatching)
			}
		}
	}
}

// label writes the labels into the margin, flush right and half-way up their rows.
func (l layout) label(img draw.Image, labels []string) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(ink), Face: face}
	for row, label := range labels {
		baseline := row*(l.row+gap) + (l.row-face.Height)/2 + face.Ascent
		d.Dot = fixed.P(l.margin-labelSpace, baseline)
		d.Dot.X -= d.MeasureString(label)
		d.DrawString(label)
	}
}
