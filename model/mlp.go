package model

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model/op"
)

// The layers have the names of their places in a torch.nn.Sequential that holds an activation after each hidden layer.
func encoderLayer(i int) string { return fmt.Sprintf("encoder.%d", 2*i) }
func decoderLayer(i int) string { return fmt.Sprintf("decoder.%d", 2*i) }

// encoder adds the encoder's hidden layers: x, [batch, …], to [batch, hidden].
func (b *builder) encoder(x *gorgonia.Node) *gorgonia.Node {
	for i, width := range b.Config.Hidden {
		x = b.dense(encoderLayer(i), x, width, b.Config.Activation)
	}
	return x
}

// posterior adds the two heads of q(z|x) = N(mean, exp(logVar)), each [batch, latent].
func (b *builder) posterior(h *gorgonia.Node) (mean, logVar *gorgonia.Node) {
	return b.dense("mean", h, b.Config.Latent, op.Identity), b.dense("logVar", h, b.Config.Latent, op.Identity)
}

// decoder adds the decoder, which mirrors the encoder: z, [rows, …], to the likelihood's parameters of every pixel, [rows,
// outputs·pixels].
func (b *builder) decoder(z *gorgonia.Node) *gorgonia.Node {
	hidden := slices.Clone(b.Config.Hidden)
	slices.Reverse(hidden)
	for i, width := range hidden {
		z = b.dense(decoderLayer(i), z, width, b.Config.Activation)
	}
	outputs := likelihoods[b.Config.Likelihood].outputs * b.Config.Image.Pixels()
	return b.dense(decoderLayer(len(hidden)), z, outputs, op.Identity)
}

// Fit returns c with the widths of its layers and the shape of its images as the parameters' shapes have them: that of c where
// it has as many pixels, else a square one, grey or, where only that is one, RGB. So it does with the classes, if the kind of c takes
// them. Its error names what does not fit.
func (c Config) Fit(shapes map[string]tensor.Shape) (Config, error) {
	width := func(name string, side int) (int, error) {
		shape, ok := shapes[name]
		if !ok {
			return 0, fmt.Errorf("model: parameter %s is missing", name)
		}
		if shape.Dims() != 2 {
			return 0, fmt.Errorf("model: parameter %s has shape %v, want two dimensions", name, shape)
		}
		return shape[side], nil
	}
	pixels, err := width(encoderLayer(0)+".weight", 1)
	if err != nil {
		return c, err
	}
	if c.Latent, err = width(decoderLayer(0)+".weight", 1); err != nil {
		return c, err
	}
	var layers []int                    // of the decoder, which are the encoder's hidden ones backwards, and a last one
	for i := 0; i <= maxLayers+1; i++ { // one more than there may be, for Validate to refuse
		name := decoderLayer(i) + ".weight"
		if shapes[name] == nil && i > 0 {
			break
		}
		out, err := width(name, 0)
		if err != nil {
			return c, err
		}
		layers = append(layers, out)
	}
	last := len(layers) - 1
	c.Hidden = slices.Clone(layers[:last])
	slices.Reverse(c.Hidden)
	if c.Kind.TakesLabels() { // which stand beside image and latent
		c.Classes = pixels - layers[last]/max(1, likelihoods[c.Likelihood].outputs) // an unknown one is refused below
		pixels, c.Latent = pixels-c.Classes, c.Latent-c.Classes
	}
	if c.Image.Pixels() != pixels {
		side := func(pixels int) int { return int(math.Round(math.Sqrt(float64(pixels)))) }
		grey, colour := side(pixels), side(pixels/3)
		switch pixels {
		case grey * grey:
			c.Image = Image{grey, grey, 1}
		case 3 * colour * colour:
			c.Image = Image{colour, colour, 3}
		default:
			return c, fmt.Errorf("model: images of %d values are neither %v nor square: say of what shape they are", pixels, c.Image)
		}
	}
	if err := c.Validate(); err != nil {
		return c, err
	}
	return c, c.CheckShapes(shapes)
}
