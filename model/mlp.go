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
	pixels, err := width(shapes, encoderLayer(0), 1)
	if err != nil {
		return c, err
	}
	if c.Kind.Can(Classify) {
		err = c.fitClassifier(shapes)
	} else {
		pixels, err = c.fitDecoder(shapes, pixels)
	}
	if err != nil {
		return c, err
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

// width returns a side of a layer's weight, which is [out, in].
func width(shapes map[string]tensor.Shape, layer string, side int) (int, error) {
	shape, ok := shapes[layer+".weight"]
	if !ok {
		return 0, fmt.Errorf("model: parameter %s.weight is missing", layer)
	}
	if shape.Dims() != 2 {
		return 0, fmt.Errorf("model: parameter %s.weight has shape %v, want two dimensions", layer, shape)
	}
	return shape[side], nil
}

// widths returns the outputs of the layers that name counts, from 0 on.
func widths(shapes map[string]tensor.Shape, name func(int) string) (outs []int, err error) {
	for i := 0; i <= maxLayers+1; i++ { // one more than a decoder may have, for Validate to refuse
		if shapes[name(i)+".weight"] == nil && i > 0 {
			break
		}
		out, err := width(shapes, name(i), 0)
		if err != nil {
			return nil, err
		}
		outs = append(outs, out)
	}
	return outs, nil
}

// fitDecoder takes latent and hidden layers, and the classes that are told, from the decoder's shapes, and returns how many of the
// encoder's inputs are pixels.
func (c *Config) fitDecoder(shapes map[string]tensor.Shape, inputs int) (pixels int, err error) {
	if c.Latent, err = width(shapes, decoderLayer(0), 1); err != nil {
		return 0, err
	}
	layers, err := widths(shapes, decoderLayer) // the encoder's hidden ones backwards, and a last one
	if err != nil {
		return 0, err
	}
	last := len(layers) - 1
	c.Hidden = slices.Clone(layers[:last])
	slices.Reverse(c.Hidden)
	if !c.Kind.TakesLabels() {
		return inputs, nil
	}
	pixels = layers[last] / max(1, likelihoods[c.Likelihood].outputs) // an unknown one is refused later
	c.Classes = inputs - pixels                                       // which stand beside image and latent
	c.Latent -= c.Classes
	return pixels, nil
}

// fitClassifier takes hidden layers and classes from the encoder's shapes and those of the logits.
func (c *Config) fitClassifier(shapes map[string]tensor.Shape) (err error) {
	if c.Hidden, err = widths(shapes, encoderLayer); err != nil {
		return err
	}
	c.Classes, err = width(shapes, logitsLayer, 0)
	return err
}
