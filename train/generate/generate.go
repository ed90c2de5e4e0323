// Package generate draws images from a trained model, encodes images, and scores them.
//
// A Generator turns latents into images and images into latents:
//
//	g, err := generate.Open("runs/vae/best.safetensors", device.Auto)
//	if err != nil {
//		return err
//	}
//	defer g.Close()
//	images, err := g.Sample(64, 1) // [64, pixels], in [0, 1]
//
// score.go tells how well the model explains images, walk.go lays out walks through the latent space, classes.go is for models that
// are told the class of an image, classify.go for those that tell it, and input.go checks what methods are given. All methods take and
// return images as they are fed to the model: channels first, each channel row by row, values in [0, 1].
package generate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
)

// Generator encodes, decodes and scores images with the weights of a model. It is safe for concurrent use: callers take turns,
// and each has all cores.
//
// A call costs one run of a graph for each 64 images begun, so one image costs nearly as much as 64: with the default network
// some 0.2 ms to decode or to encode and 0.4 ms to score, and at the first call of each, which compiles the graph, half a
// millisecond more. It allocates its results and some kilobytes. (On two cores of an Intel Xeon with AVX-512: go test -run '^$'
// -bench Generator -benchmem ./train/generate.)
type Generator struct {
	config  model.Config
	machine Forwarder
	device  string       // of the machine, in words, where it is the Generator's own
	close   func() error // of the machine, where it is the Generator's own
	inputs  func(model.Part) ([]model.Input, error)
	classes []byte // of the images, one for each or one for all; none: OfClasses has not been called
}

// Forwarder runs the parts of a model. A machine.Machine is one; for a Generator it must be safe for concurrent use.
type Forwarder interface {
	Forward(part model.Part, rows ...[]float32) ([][]float32, error)
}

// Open returns a Generator with the model of the checkpoint at path, on the chosen device. Errors are those of checkpoint.Load,
// which name the file, and of device.Open.
func Open(path string, on device.Choice) (*Generator, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	return New(c, on)
}

// New returns a Generator with the model of a checkpoint, which may be of weights alone, on the chosen device. It makes copies,
// so c may change afterwards. Errors are about weights that do not fit the model, or those of device.Open.
func New(c *checkpoint.Checkpoint, on device.Choice) (*Generator, error) {
	if c == nil || c.State.Weights == nil { // of which a machine would make the weights that a run begins with
		return nil, errors.New("generate: the checkpoint has no weights")
	}
	cfg := c.Config
	m, words, err := device.Open(on.Name, machine.Job{
		Model:     cfg,
		Settings:  machine.DefaultSettings(), // of which none plays a part
		State:     machine.State{Weights: c.State.Weights},
		Precision: on.Precision,
	})
	if err != nil {
		return nil, err
	}
	g := On(m, cfg)
	g.device, g.close = words, m.Close
	return g, nil
}

// On returns a Generator of the model that a valid cfg describes, on what runs its parts. If that is a machine that trains the
// model, each call of it sees the weights of its moment; Reconstruct, Interpolate, Spread, Analogies and SampleEveryClass make more
// than one, between which there may be steps. Close of the Generator leaves f as it is.
func On(f Forwarder, cfg model.Config) *Generator {
	cfg = cfg.Clone()
	return &Generator{config: cfg, machine: f, inputs: once(cfg.Inputs)}
}

// once returns f, which several goroutines may call and which is called once for each part.
func once(f func(model.Part) ([]model.Input, error)) func(model.Part) ([]model.Input, error) {
	var mutex sync.Mutex
	known := make(map[model.Part][]model.Input)
	return func(part model.Part) ([]model.Input, error) {
		mutex.Lock()
		defer mutex.Unlock()
		if inputs, ok := known[part]; ok {
			return inputs, nil
		}
		inputs, err := f(part)
		if err == nil {
			known[part] = inputs
		}
		return inputs, err
	}
}

// Close lets go of the device that Open or New has opened, once the call that has it is done. A later call returns
// machine.ErrClosed; Close may be called again.
func (g *Generator) Close() error {
	if g.close == nil {
		return nil
	}
	return g.close()
}

// Device returns what a Generator of Open or New runs on, in words: cpu, 2 cores.
func (g *Generator) Device() string { return g.device }

// Config returns the description of the model: the shape of its images, the size of its latent, and so on.
func (g *Generator) Config() model.Config { return g.config.Clone() }

// Decode returns the images, [n, pixels] in [0, 1], of the latents z, [n, latent]: the means of p(x|z).
// It returns ErrInput where z holds no whole number of latents, or too many, or a value that is not finite, and model.ErrCannot where
// the model has no decoder.
func (g *Generator) Decode(z []float32) ([]float32, error) {
	if _, err := g.inputs(model.Decode); err != nil { // before what is wrong with a latent that the model has not
		return nil, fmt.Errorf("generate: %w", err)
	}
	n, err := g.count("latents", len(z), g.config.Latent)
	if err != nil {
		return nil, err
	}
	if err := checkValues("latents", z, -math.MaxFloat32, math.MaxFloat32, "a finite number"); err != nil {
		return nil, err
	}
	outputs, err := g.forward(model.Decode, fed{n: n, z: z})
	if err != nil {
		return nil, err
	}
	return outputs[0], nil
}

// Encode returns the posterior's mean and logVar = log σ², each [n, latent], of the images x, [n, pixels] in [0, 1]. Of a model
// whose code is a point, that is the mean, and logVar is nil. Of a classifier the features of each image take their place, the values
// of its last hidden layer: [n, Config().CodeWidth()], and no logVar; it need not be told classes for that. It returns ErrInput where x holds no whole number of images, or
// too many, or a value outside [0, 1], and an error of its own where weights of great size make a code that is not finite.
func (g *Generator) Encode(x []float32) (mean, logVar []float32, err error) {
	n, err := g.countImages(x)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := g.forward(model.Encode, fed{n: n, x: x})
	if err != nil {
		return nil, nil, err
	}
	for _, values := range outputs {
		if i := slices.IndexFunc(values, notFinite); i >= 0 {
			return nil, nil, fmt.Errorf("generate: encode: value %d of the codes is %v: the weights are too large", i, values[i])
		}
	}
	if len(outputs) > 1 {
		logVar = outputs[1]
	}
	return outputs[0], logVar, nil
}

// Sample returns n images, [n, pixels] in [0, 1], of latents drawn from the prior: the means of p(x|z) for z ~ N(0, I).
// Image i depends on the seed and on i, so it is the same for every n. It returns ErrInput where n is below 1 or too
// large, and model.ErrCannot where the model has no prior.
func (g *Generator) Sample(n int, seed uint64) ([]float32, error) {
	if err := g.needPrior(); err != nil {
		return nil, err
	}
	z, err := g.latents(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		philox.New(seed, philox.Latent, uint64(i)).Normal(row(z, i, g.config.Latent))
	}
	return g.Decode(z)
}

// Reconstruct returns the images, [n, pixels] in [0, 1], that the posterior means of x decode to: x is [n, pixels] in [0, 1].
// Nothing is drawn, so the same x gives the same images. It returns ErrInput where Encode does.
func (g *Generator) Reconstruct(x []float32) ([]float32, error) {
	mean, _, err := g.Encode(x)
	if err != nil {
		return nil, err
	}
	return g.Decode(mean)
}

// forward runs a part of the model.
func (g *Generator) forward(part model.Part, with fed) ([][]float32, error) {
	rows, err := g.rows(part, with)
	if err != nil {
		return nil, err
	}
	outputs, err := g.machine.Forward(part, rows...)
	if err != nil {
		return nil, fmt.Errorf("generate: %s: %w", part, err)
	}
	return outputs, nil
}

// needPrior reports that the model has no prior to draw latents from.
func (g *Generator) needPrior() error {
	if g.config.Kind.HasPrior() {
		return nil
	}
	return fmt.Errorf("generate: %w: kind %s has no prior, from which latents are drawn where there is no image", model.ErrCannot, g.config.Kind)
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
