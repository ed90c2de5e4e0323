package picture

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"strings"

	"github.com/bep/imagemeta"
	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/math/f64"

	"govae/internal/words"
)

// Limits on a picture that Decode reads, so that no header can ask for more memory than a machine has.
const (
	mostDecoded     = 1 << 26 // pixels
	mostDecodedSide = 29_999
)

// format is a kind of file that Decode reads.
type format struct {
	magic  string // its first bytes
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	exif   imagemeta.ImageFormat // how it holds Exif tags; zero: it holds none
}

// Not image.RegisterFormat's: there, what can be read depends on what else is linked.
var formats = []format{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, imagemeta.PNG},
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, imagemeta.JPEG},
	{"GIF8", gif.DecodeConfig, gif.Decode, 0},
}

// Decode reads a PNG, JPEG or GIF file; which it is, its first bytes say. The picture is as it is to be seen: upright, as the
// orientation among its Exif tags has it, and of a GIF the first frame, in its place on the screen. It is opaque, laid on white where
// it was not, has 8 bits a channel, to the nearest, and its bounds start at (0, 0).
//
// What has more than 2²⁶ pixels, or 30,000 or more on a side, is refused by its header, before memory is taken.
func Decode(r io.ReadSeeker) (img *image.RGBA, err error) {
	defer func() {
		if failure := recover(); failure != nil { // of a decoder: the files are anybody's
			img, err = nil, fmt.Errorf("it cannot be decoded: %v", failure)
		}
	}()
	f, err := formatOf(r)
	if err != nil {
		return nil, err
	}
	config, err := f.config(bufio.NewReader(r))
	if err != nil {
		return nil, named(err)
	}
	if w, h := config.Width, config.Height; w < 1 || h < 1 || max(w, h) > mostDecodedSide || w*h > mostDecoded {
		return nil, fmt.Errorf("its header says %s×%s pixels, want 1 to %s on a side and at most %s in all",
			words.Thousands(h), words.Thousands(w), words.Thousands(mostDecodedSide), words.Thousands(mostDecoded))
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	decoded, err := f.decode(bufio.NewReader(r))
	if err != nil {
		return nil, named(err)
	}
	turn, err := f.orientation(r)
	if err != nil {
		return nil, err
	}
	return upright(flatten(decoded, config.Width, config.Height), turn), nil
}

// formatOf tells from its first bytes what r is, and goes back to its start.
func formatOf(r io.ReadSeeker) (format, error) {
	var start [8]byte
	n, err := io.ReadFull(r, start[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return format{}, err
	}
	if n == 0 {
		return format{}, errors.New("it is empty")
	}
	for _, f := range formats {
		if strings.HasPrefix(string(start[:n]), f.magic) {
			_, err := r.Seek(0, io.SeekStart)
			return f, err
		}
	}
	return format{}, errors.New("it is no PNG, JPEG or GIF file")
}

// named says of the end of a file what it means here.
func named(err error) error {
	if strings.HasSuffix(err.Error(), io.EOF.Error()) { // image/png has it in a text
		return fmt.Errorf("its end is missing: %w", err)
	}
	return err
}

// orientation returns the orientation among the Exif tags: 1 to 8, or another number where there is none. Tags that cannot be read
// are none, as they are for all that shows pictures.
func (f format) orientation(r io.ReadSeeker) (turn int, err error) {
	if f.exif == 0 {
		return 0, nil
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	imagemeta.Decode(imagemeta.Options{
		R: r, ImageFormat: f.exif, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return t.Tag == "Orientation" && t.Namespace == "IFD0" },
		HandleTag: func(t imagemeta.TagInfo) error {
			if v, ok := t.Value.(uint16); ok {
				turn = int(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return turn, nil
}

// upright returns the picture turned and mirrored as its orientation wants: number 6, for one, is a camera that was held upright, and
// the picture is turned to the right.
func upright(img *image.RGBA, orientation int) *image.RGBA {
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	turns := map[int]f64.Aff3{ // x′ = a·x + b·y + c and y′ = d·x + e·y + f
		2: {-1, 0, w, 0, 1, 0},
		3: {-1, 0, w, 0, -1, h},
		4: {1, 0, 0, 0, -1, h},
		5: {0, 1, 0, 1, 0, 0},
		6: {0, -1, h, 1, 0, 0},
		7: {0, -1, h, -1, 0, w},
		8: {0, 1, 0, -1, 0, w},
	}
	turn, ok := turns[orientation]
	if !ok {
		return img
	}
	bounds := img.Rect
	if orientation >= 5 {
		bounds.Max.X, bounds.Max.Y = bounds.Max.Y, bounds.Max.X
	}
	turned := image.NewRGBA(bounds)
	xdraw.NearestNeighbor.Transform(turned, turn, img, img.Rect, xdraw.Src, nil)
	return turned
}

// flatten lays what a decoder returns on a white screen.
func flatten(img image.Image, width, height int) *image.RGBA {
	screen := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range screen.Pix {
		screen.Pix[i] = math.MaxUint8
	}
	bounds := img.Bounds()
	var at func(x, y int) color.NRGBA64
	switch img := img.(type) {
	case *image.NRGBA:
		at = func(x, y int) color.NRGBA64 { return widen(img.NRGBAAt(x, y)) }
	case *image.NRGBA64:
		at = img.NRGBA64At
	case *image.RGBA64: // opaque, as image/png makes them
		at = func(x, y int) color.NRGBA64 { return color.NRGBA64(img.RGBA64At(x, y)) }
	case *image.Gray16:
		at = func(x, y int) color.NRGBA64 {
			v := img.Gray16At(x, y).Y
			return color.NRGBA64{R: v, G: v, B: v, A: math.MaxUint16}
		}
	case *image.Paletted:
		var colours [256]color.NRGBA64
		for i, c := range img.Palette {
			colours[i] = straight(c)
		}
		at = func(x, y int) color.NRGBA64 { return colours[img.ColorIndexAt(x, y)] }
	default: // opaque, of 8 bits
		draw.Draw(screen, bounds, img, bounds.Min, draw.Src)
		return screen
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			screen.SetRGBA(x, y, color.RGBA{onWhite(c.R, c.A), onWhite(c.G, c.A), onWhite(c.B, c.A), math.MaxUint8})
		}
	}
	return screen
}

// widen returns the same colour in 16 bits: 255 · 257 is 65535.
func widen(c color.NRGBA) color.NRGBA64 {
	return color.NRGBA64{R: uint16(c.R) * 257, G: uint16(c.G) * 257, B: uint16(c.B) * 257, A: uint16(c.A) * 257}
}

// straight returns a palette's colour, not multiplied by its opacity. What is not NRGBA there is opaque, or not seen at all.
func straight(c color.Color) color.NRGBA64 {
	if c, ok := c.(color.NRGBA); ok {
		return widen(c)
	}
	r, g, b, a := c.RGBA()
	return color.NRGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)}
}

// onWhite returns the 8-bit level nearest to a 16-bit level c of opacity a before white: c·a + white·(1 − a).
func onWhite(c, a uint16) uint8 {
	const white = math.MaxUint16
	level := uint64(c)*uint64(a) + white*(white-uint64(a)) // in units of 1/white²
	return uint8((level*math.MaxUint8 + white*white/2) / (white * white))
}
