package generate

import (
	"errors"
	"fmt"
	"math"

	"govae/model"
)

// fed is what a part of the model is given for n images.
type fed struct {
	n     int
	x     []float32 // the images, [n, pixels]
	y     []float32 // their classes, one-hot, [n, classes]; nil: those of the Generator
	z     []float32 // latents, [n, latent]
	seed  uint64    // of what is drawn, for each image from its place,
	first int       // which is this for the first
}

// rows returns the values of the inputs that a part of the model takes, in their order.
func (g *Generator) rows(part model.Part, with fed) ([][]float32, error) {
	inputs, err := g.inputs(part)
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	rows := make([][]float32, len(inputs))
	for k, in := range inputs {
		switch {
		case in.Source == model.Pixels && with.x != nil:
			rows[k] = with.x
		case in.Source == model.Given && with.z != nil:
			rows[k] = with.z
		case in.Source == model.Labels && with.y != nil:
			rows[k] = with.y
		case in.Source == model.Labels:
			if rows[k], err = g.oneHot(with.n); err != nil {
				return nil, err
			}
		case in.IsDrawn():
			width := in.Width(1)
			rows[k] = make([]float32, with.n*width)
			for i := range with.n {
				in.Draw(row(rows[k], i, width), with.seed, in.TestStream, uint64(with.first+i))
			}
		default:
			return nil, fmt.Errorf("generate: %w: kind %s does not %s without its input %s", model.ErrCannot, g.config.Kind, part, in.Name())
		}
	}
	return rows, nil
}

// ErrInput says that what a call was given will not do: a length, a value, or a number of images or steps. The error says which.
var ErrInput = errors.New("generate: bad input")

// maxValues is the most that the images, or the latents, of one call may hold: 1 GiB of float32.
const maxValues = 1 << 28

// badInput returns an error that is ErrInput.
func badInput(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInput, fmt.Sprintf(format, args...))
}

// countImages returns how many images x, [n, pixels] in [0, 1], holds.
func (g *Generator) countImages(x []float32) (int, error) {
	n, err := g.count("images", len(x), g.config.Image.Pixels())
	if err != nil {
		return 0, err
	}
	return n, checkValues("images", x, 0, 1, "0 to 1")
}

// checkValues reports the first of the values that is not from least to most.
func checkValues(what string, values []float32, least, most float32, want string) error {
	for i, v := range values {
		if !(v >= least && v <= most) { // so that NaN is caught as well
			return badInput("value %d of the %s is %v, want %s", i, what, v, want)
		}
	}
	return nil
}

// count returns how many rows of the given width the values make.
func (g *Generator) count(what string, values, width int) (int, error) {
	if values == 0 || values%width != 0 {
		return 0, badInput("%d values are no whole number of %s of %d values", values, what, width)
	}
	n := values / width
	return n, g.checkNumber(n)
}

// checkNumber reports a number of images that is not positive, or that would take too much memory.
func (g *Generator) checkNumber(n int) error {
	if most := maxValues / max(g.config.Image.Pixels(), g.config.Latent, g.config.Classes); n < 1 || n > most {
		return badInput("%d images of %v from %d latent dimensions, want 1 to %d, which is what fits in 1 GiB", n, g.config.Image, g.config.Latent, most)
	}
	return nil
}

func notFinite(v float32) bool { return !(v >= -math.MaxFloat32 && v <= math.MaxFloat32) }
