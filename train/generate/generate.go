// Package generate draws images from a trained model.
//
// A Generator turns latents into images and images into latents:
//
//	g, err := generate.Open("runs/vae/best.safetensors")
//	if err != nil {
//		return err
//	}
//	images, err := g.Sample(64, 1) // [64, pixels], in [0, 1]
//
// The other methods, in walk.go, lay out walks through the latent space. runner.go executes the graphs, and cmd/generate makes
// a picture of the images, with internal/picture. All methods return images as they are fed to the model, channels
// first: all of the first channel row by row, then all of the next, values in [0, 1].
package generate

import (
	"fmt"
	"maps"

	"govae/internal/philox"
	"govae/model"
	"govae/train/checkpoint"
)

// maxValues is the most that the images, or the latents, of one call may hold: 1 GiB of float32.
const maxValues = 1 << 28

// Generator encodes and decodes images with trained weights. It is not safe for concurrent use.
type Generator struct {
	config  model.Config
	weights model.Tensors

	encoder, decoder *runner // nil until first used
}

// Open returns a Generator with the model and the weights of the checkpoint at path.
// Errors are those of checkpoint.Load, and name the file.
func Open(path string) (*Generator, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	return New(c.Config, c.Weights)
}

// New returns a Generator over given weights. It shares the tensors: when their values change, so does what it draws.
// It returns an error where the Config is not valid or a weight does not fit it.
func New(cfg model.Config, weights model.Tensors) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := weights.Check(cfg); err != nil {
		return nil, err
	}
	return &Generator{config: cfg, weights: maps.Clone(weights)}, nil
}

// Config returns the description of the model: the shape of its images, the size of its latent, and so on.
func (g *Generator) Config() model.Config { return g.config }

// Decode returns the images, [n, pixels] in [0, 1], of the latents z, [n, latent]: the mean of p(x|z).
// It returns an error where z holds no whole number of latents, or too many.
func (g *Generator) Decode(z []float32) ([]float32, error) {
	if _, err := g.count("latents", len(z), g.config.Latent); err != nil {
		return nil, err
	}
	if g.decoder == nil {
		decoder, err := model.NewDecoder(g.config, batchSize, g.weights)
		if err != nil {
			return nil, fmt.Errorf("generate: decoder: %w", err)
		}
		if g.decoder, err = newRunner(decoder.Graph, decoder.Z, decoder.Pixels); err != nil {
			return nil, fmt.Errorf("generate: decoder: %w", err)
		}
	}
	outputs, err := g.decoder.run(z)
	if err != nil {
		return nil, fmt.Errorf("generate: decoder: %w", err)
	}
	return outputs[0], nil
}

// Encode returns the posterior's mean and logVar = log σ², each [n, latent], of the images x, [n, pixels] in [0, 1].
// It returns an error where x holds no whole number of images, or too many.
func (g *Generator) Encode(x []float32) (mean, logVar []float32, err error) {
	if _, err := g.count("images", len(x), g.config.Image.Pixels()); err != nil {
		return nil, nil, err
	}
	if g.encoder == nil {
		encoder, err := model.NewEncoder(g.config, batchSize, g.weights)
		if err != nil {
			return nil, nil, fmt.Errorf("generate: encoder: %w", err)
		}
		if g.encoder, err = newRunner(encoder.Graph, encoder.X, encoder.Mean, encoder.LogVar); err != nil {
			return nil, nil, fmt.Errorf("generate: encoder: %w", err)
		}
	}
	outputs, err := g.encoder.run(x)
	if err != nil {
		return nil, nil, fmt.Errorf("generate: encoder: %w", err)
	}
	return outputs[0], outputs[1], nil
}

// Sample returns n images, [n, pixels], of latents drawn from the prior: the means of p(x|z) for z ~ N(0, I).
// Image i comes from step i of the seed's stream philox.Latent, so it is the same for every n.
func (g *Generator) Sample(n int, seed uint64) ([]float32, error) {
	z, err := g.latents(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		philox.New(seed, philox.Latent, uint64(i)).Normal(row(z, i, g.config.Latent))
	}
	return g.Decode(z)
}

// Reconstruct returns the images, [n, pixels], that the posterior means of x decode to: x is [n, pixels] in [0, 1].
// Nothing is drawn, so the same x gives the same images.
func (g *Generator) Reconstruct(x []float32) ([]float32, error) {
	mean, _, err := g.Encode(x)
	if err != nil {
		return nil, err
	}
	return g.Decode(mean)
}

// count returns how many rows of the given width the values make.
func (g *Generator) count(what string, values, width int) (int, error) {
	if values == 0 || values%width != 0 {
		return 0, fmt.Errorf("generate: %d values are no whole number of %s of %d values", values, what, width)
	}
	n := values / width
	return n, g.checkNumber(n)
}

// checkNumber reports a number of images that is not positive, or that would take too much memory.
func (g *Generator) checkNumber(n int) error {
	if most := maxValues / max(g.config.Image.Pixels(), g.config.Latent); n < 1 || n > most {
		return fmt.Errorf("generate: %d images of %v from %d latent dimensions, want 1 to %d, which is what fits in 1 GiB", n, g.config.Image, g.config.Latent, most)
	}
	return nil
}

// latents returns n latents of zeros, [n, latent].
func (g *Generator) latents(n int) ([]float32, error) {
	if err := g.checkNumber(n); err != nil {
		return nil, err
	}
	return make([]float32, n*g.config.Latent), nil
}

// row returns row i of values that have width columns.
func row(values []float32, i, width int) []float32 { return values[i*width:][:width] }
