// Package letters draws the letters A to Z as images that look like MNIST's digits and are none: a set that a model of digits has never
// seen. They come from the outlines of the Go fonts, so anyone who has this repository's modules draws the same.
package letters

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"math"
	"slices"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"govae/internal/parallel"
	"govae/internal/philox"
	"govae/model"
)

// Count is how many letters there are, with A as 0.
const Count = 26

// As in MNIST, an image is of 28×28 pixels, its figure is scaled to a box of 20×20, and the centre of mass of its ink is put into
// the middle, as far as the figure stays within the image.
const (
	side = 28
	box  = 20
)

// What is drawn for each letter, uniformly, to either side.
const (
	mostSlant = 0.25 // pixels to the right for each pixel up, 14°
	mostShift = 1.5  // pixels, across and down
)

// faces are the fonts. Small capitals are left out: their capitals are those of the regular font.
var faces = [][]byte{
	goregular.TTF, gomedium.TTF, gobold.TTF, goitalic.TTF, gomediumitalic.TTF,
	gobolditalic.TTF, gomono.TTF, gomonobold.TTF, gomonoitalic.TTF, gomonobolditalic.TTF,
}

const grain = 16 // letters that a goroutine draws at a time

// Draw returns n letters, white on black, [n, 1, 28, 28], with A to Z as labels 0 to 25. Those at places 26·k to 26·k + 25 are an alphabet
// in the font k modulo the number of fonts. A letter's slant and place in its image depend on the seed and its own place in the set alone.
func Draw(n int, seed uint64) (*model.Images, error) {
	outlines, err := readOutlines()
	if err != nil {
		return nil, err
	}
	images := &model.Images{Shape: model.Image{Height: side, Width: side, Channels: 1}}
	images.Values, images.Labels = make([]byte, n*side*side), make([]byte, n)
	parallel.For(n, grain, func(start, end int) {
		for i := start; i < end; i++ {
			var drawn [3]float32
			philox.New(seed, philox.Letters, uint64(i)).Uniform(drawn[:], -1, 1)
			slanted := outlines[i%len(outlines)].mapped(f64.Aff3{1, -mostSlant * float64(drawn[0]), 0, 0, 1, 0})
			pixels := slanted.centred(mostShift*float64(drawn[1]), mostShift*float64(drawn[2]))
			copy(images.Values[i*side*side:], pixels.Pix)
			images.Labels[i] = byte(i % Count)
		}
	})
	return images, nil
}

// outline is the shape of a letter: closed lines, with y downwards. Curves are made of short pieces.
type outline [][]point

type point [2]float64

const pieces = 8 // of a curve, of which a letter has several: at 20 pixels they cannot be seen

// readOutlines returns the outlines of the letters in each of the fonts, [fonts · letters].
func readOutlines() ([]outline, error) {
	var all []outline
	for i, data := range faces {
		f, err := sfnt.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("letters: font %d: %w", i, err)
		}
		for letter := range rune(Count) {
			o, err := outlineOf(f, 'A'+letter)
			if err != nil {
				return nil, fmt.Errorf("letters: font %d: %c: %w", i, 'A'+letter, err)
			}
			all = append(all, o)
		}
	}
	return all, nil
}

func outlineOf(f *sfnt.Font, letter rune) (outline, error) {
	var buffer sfnt.Buffer
	index, err := f.GlyphIndex(&buffer, letter)
	if err != nil {
		return nil, err
	}
	units := fixed.I(int(f.UnitsPerEm())) // at which no coordinate is rounded
	segments, err := f.LoadGlyph(&buffer, index, units, nil)
	if err != nil {
		return nil, err
	}
	var o outline
	for _, s := range segments {
		last := len(o) - 1
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			o = append(o, []point{pointOf(s.Args[0])})
		case sfnt.SegmentOpLineTo:
			o[last] = append(o[last], pointOf(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			o[last] = append(o[last], curve(o[last][len(o[last])-1], pointOf(s.Args[0]), pointOf(s.Args[1]))...)
		default:
			return nil, errors.New("has curves of the third degree, which TrueType fonts do not have")
		}
	}
	return o, nil
}

func pointOf(p fixed.Point26_6) point { return point{float64(p.X) / 64, float64(p.Y) / 64} }

// curve returns points on (1−t)²·from + 2t(1−t)·by + t²·to, without the first.
func curve(from, by, to point) []point {
	on := make([]point, pieces)
	for k := range on {
		t := float64(k+1) / pieces
		for axis := range on[k] {
			on[k][axis] = (1-t)*(1-t)*from[axis] + 2*t*(1-t)*by[axis] + t*t*to[axis]
		}
	}
	return on
}

// mapped returns the outline with each point (x, y) at (a·x + b·y + c, d·x + e·y + f), for m = {a, b, c, d, e, f}.
func (o outline) mapped(m f64.Aff3) outline {
	to := make(outline, len(o))
	for i, line := range o {
		for _, p := range line {
			to[i] = append(to[i], point{m[0]*p[0] + m[1]*p[1] + m[2], m[3]*p[0] + m[4]*p[1] + m[5]})
		}
	}
	return to
}

// bounds returns the least and the largest coordinates.
func (o outline) bounds() (least, most point) {
	least, most = point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, p := range slices.Concat(o...) {
		for axis, v := range p {
			least[axis], most[axis] = min(least[axis], v), max(most[axis], v)
		}
	}
	return least, most
}

// centred draws the outline, scaled to the box, with the centre of mass of its ink so far to the right of the image's and below it.
func (o outline) centred(right, down float64) *image.Alpha {
	least, most := o.bounds()
	scale := box / max(most[0]-least[0], most[1]-least[1])
	to := f64.Aff3{scale, 0, -scale * least[0], 0, scale, -scale * least[1]}
	across, along := centreOfMass(o.mapped(to).drawn())
	for axis, shift := range [2]float64{side/2.0 - across + right, side/2.0 - along + down} {
		to[3*axis+2] += max(0, min(shift, side-scale*(most[axis]-least[axis])))
	}
	return o.mapped(to).drawn()
}

// drawn draws the outline: each pixel is the share of it that the letter covers.
func (o outline) drawn() *image.Alpha {
	r := vector.NewRasterizer(side, side)
	r.DrawOp = draw.Src
	for _, line := range o {
		r.MoveTo(float32(line[0][0]), float32(line[0][1]))
		for _, p := range line[1:] {
			r.LineTo(float32(p[0]), float32(p[1]))
		}
		r.ClosePath()
	}
	img := image.NewAlpha(image.Rect(0, 0, side, side))
	r.Draw(img, img.Bounds(), image.Opaque, image.Point{})
	return img
}

// centreOfMass returns the mean place of the ink, with the middle of the first pixel at ½.
func centreOfMass(img *image.Alpha) (across, down float64) {
	var sum float64
	for i, v := range img.Pix {
		sum += float64(v)
		across += float64(v) * (float64(i%img.Stride) + 0.5)
		down += float64(v) * (float64(i/img.Stride) + 0.5)
	}
	return across / sum, down / sum
}
