package model

import (
	"fmt"
	"maps"
	"slices"

	"govae/internal/setting"
	"govae/model/op"
)

// activations lists those that a Config may name.
var activations = map[op.Activation]bool{op.ReLU: true, op.Tanh: true, op.Sigmoid: true}

// Activations lists them.
func Activations() []op.Activation { return slices.Sorted(maps.Keys(activations)) }

// Limits that keep a Config from asking for more memory than any machine has.
// They also bound what a checkpoint's reader will believe.
const (
	maxClasses    = 1 << 8  // that a byte tells apart
	maxWidth      = 1 << 16 // units in a layer
	maxLayers     = 64
	maxParameters = 1 << 30 // values in all parameters: 4 GiB of float32
)

// Config describes a model completely: with it and the parameters by name, its graphs can be rebuilt.
// It is stored in every checkpoint.
type Config struct {
	Kind       Kind          `json:"kind"`
	Image      Image         `json:"image"`   // of the data
	Classes    int           `json:"classes"` // that the data's labels tell apart; 0: it has none
	Hidden     []int         `json:"hidden"`  // widths of the encoder's hidden layers, input to latent; the decoder mirrors them
	Latent     int           `json:"latent"`  // dimensions of z
	Likelihood Likelihood    `json:"likelihood"`
	Activation op.Activation `json:"activation"` // of the hidden layers
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
	}
}

// Fields describes what a user may choose of a Config. The rest follows from the data.
var Fields = []setting.Field[Config]{
	setting.Name(setting.Field[Config]{Name: "kind", Flag: "model", Arg: "NAME", Help: "kind of model", OfWeights: true},
		func(c *Config) *Kind { return &c.Kind }, families),
	setting.Ints(setting.Field[Config]{Name: "hidden", Flag: "hidden", Arg: "N,N,…", Help: "widths of the encoder's hidden layers; the decoder mirrors them"},
		func(c *Config) *[]int { return &c.Hidden }, maxLayers, 1, maxWidth),
	setting.Int(setting.Field[Config]{Name: "latent", Flag: "latent", Arg: "N", Help: "dimensions of the latent"},
		func(c *Config) *int { return &c.Latent }, 1, maxWidth),
	setting.Name(setting.Field[Config]{Name: "likelihood", Flag: "likelihood", Arg: "NAME", Help: "likelihood of a pixel given the latent", OfWeights: true},
		func(c *Config) *Likelihood { return &c.Likelihood }, likelihoods),
	setting.Name(setting.Field[Config]{Name: "activation", Flag: "activation", Arg: "NAME", Help: "activation of the hidden layers", OfWeights: true},
		func(c *Config) *op.Activation { return &c.Activation }, activations),
}

// ofDecoder are the names of the fields that a kind without a decoder makes nothing of.
var ofDecoder = []string{"latent", "likelihood"}

// CheckTaken reports the first of the fields of these names that no model of the kind has: such as the latent, where there is no
// decoder. It is a *setting.NotTaken.
func CheckTaken(kind Kind, names ...string) error {
	for _, f := range Fields {
		if slices.Contains(names, f.Name) && slices.Contains(ofDecoder, f.Name) && !kind.Can(Decode) {
			return &setting.NotTaken{Name: f.Name, Flag: f.Flag, Help: f.Help, By: fmt.Sprintf("a model of kind %s", kind)}
		}
	}
	return nil
}

// String names the model by its layers' widths, with the heads of the encoder in brackets where it has two, and by the classes, where it
// is told them: vae 784-400-(20+20)-400-784, relu, bernoulli. One that tells the classes itself ends with them: classifier 784-400-10, relu.
func (c Config) String() string {
	var in, out string
	for _, width := range c.Hidden {
		in += fmt.Sprintf("%d-", width)
		out = fmt.Sprintf("-%d", width) + out
	}
	if c.Kind.Can(Classify) {
		return fmt.Sprintf("%s %d-%s%d, %s", c.Kind, c.Image.Pixels(), in, c.Classes, c.Activation)
	}
	code := fmt.Sprint(c.Latent)
	if len(c.Kind.example(Encode).Outputs) > 1 {
		code = fmt.Sprintf("(%d+%d)", c.Latent, c.Latent)
	}
	pixels, told := c.Image.Pixels(), ""
	if c.Kind.TakesLabels() {
		told = fmt.Sprintf(", %d classes", c.Classes)
	}
	return fmt.Sprintf("%s %d-%s%s%s-%d, %s, %s%s", c.Kind, pixels, in, code, out, pixels, c.Activation, c.Likelihood, told)
}

// Clone returns a copy that shares nothing with c.
func (c Config) Clone() Config {
	c.Hidden = slices.Clone(c.Hidden)
	return c
}

// ValidateFields is Validate without what the data set decides: image and classes, and what depends on them.
func (c Config) ValidateFields() error {
	if err := setting.Check(Fields, &c); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// Validate reports the first field whose value no network can be built from.
func (c Config) Validate() error {
	if err := c.ValidateFields(); err != nil {
		return err
	}
	if err := c.Image.check("image"); err != nil {
		return err
	}
	if c.Classes < 0 || c.Classes > maxClasses {
		return fmt.Errorf("model: classes is %d, want 0 to %d", c.Classes, maxClasses)
	}
	if check := families[c.Kind].check; check != nil {
		if err := check(c); err != nil {
			return fmt.Errorf("model: %w", err)
		}
	}
	if n := c.ParameterCount(); n > maxParameters {
		return fmt.Errorf("model: image %v, hidden %v and latent %d make %d parameters, want at most %d", c.Image, c.Hidden, c.Latent, n, maxParameters)
	}
	return nil
}
