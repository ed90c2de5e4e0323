package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"govae/model/op"
)

// Kind names a family of models.
type Kind string

// VAE is the variational autoencoder of Kingma and Welling (arXiv:1312.6114).
const VAE Kind = "vae"

// What a Config may name, besides the likelihoods. A new kind or activation is added here and where it is built.
var (
	kinds       = []Kind{VAE}
	activations = []op.Activation{op.ReLU, op.Tanh, op.Sigmoid}
)

// Limits that, with MaxSide, keep a Config from asking for more memory than any machine has.
// They also bound what a checkpoint's reader will believe.
const (
	maxWidth      = 1 << 16 // units in a layer
	maxLayers     = 64
	maxParameters = 1 << 30 // values in all parameters: 4 GiB of float32
)

// Config describes a model completely: with it and the parameters by name, a network can be rebuilt.
// It is stored in every checkpoint.
type Config struct {
	Kind       Kind          `json:"kind"`
	Image      Image         `json:"image"`
	Hidden     []int         `json:"hidden"` // widths of the encoder's hidden layers, input to latent; the decoder mirrors them
	Latent     int           `json:"latent"` // dimensions of z
	Likelihood Likelihood    `json:"likelihood"`
	Activation op.Activation `json:"activation"` // of the hidden layers
	Seed       uint64        `json:"seed"`       // of the initial parameters, and of everything a run draws
}

// DefaultConfig returns the network of PyTorch's VAE example: 784-400-(20+20)-400-784.
// It is the one place for defaults.
func DefaultConfig() Config {
	return Config{
		Kind:       VAE,
		Image:      Image{Height: 28, Width: 28, Channels: 1},
		Hidden:     []int{400},
		Latent:     20,
		Likelihood: Bernoulli,
		Activation: op.ReLU,
		Seed:       1,
	}
}

// String names the model by its layers' widths: vae 784-400-(20+20)-400-784, relu, bernoulli.
func (c Config) String() string {
	var in, out string
	for _, width := range c.Hidden {
		in += fmt.Sprintf("%d-", width)
		out = fmt.Sprintf("-%d", width) + out
	}
	pixels := c.Image.Pixels()
	return fmt.Sprintf("%s %d-%s(%d+%d)%s-%d, %s, %s", c.Kind, pixels, in, c.Latent, c.Latent, out, pixels, c.Activation, c.Likelihood)
}

// Validate reports the first field whose value no network can be built from.
func (c Config) Validate() error {
	if err := oneOf("kind", c.Kind, kinds); err != nil {
		return err
	}
	if err := c.Image.check("image"); err != nil {
		return err
	}
	if n := len(c.Hidden); n < 1 || n > maxLayers {
		return fmt.Errorf("model: hidden has %d layers, want 1 to %d", n, maxLayers)
	}
	for i, width := range c.Hidden {
		if err := inRange(fmt.Sprintf("hidden[%d]", i), width, maxWidth); err != nil {
			return err
		}
	}
	if err := inRange("latent", c.Latent, maxWidth); err != nil {
		return err
	}
	if err := oneOf("likelihood", c.Likelihood, slices.Sorted(maps.Keys(likelihoods))); err != nil {
		return err
	}
	if err := oneOf("activation", c.Activation, activations); err != nil {
		return err
	}
	if n := c.ParameterCount(); n > maxParameters {
		return fmt.Errorf("model: image %v, hidden %v and latent %d make %d parameters, want at most %d", c.Image, c.Hidden, c.Latent, n, maxParameters)
	}
	return nil
}

func inRange(field string, value, most int) error {
	if value < 1 || value > most {
		return fmt.Errorf("model: %s is %d, want 1 to %d", field, value, most)
	}
	return nil
}

func oneOf[T ~string](field string, value T, known []T) error {
	if slices.Contains(known, value) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return fmt.Errorf("model: %s is %q, want %s", field, string(value), strings.Join(names, ", "))
}
