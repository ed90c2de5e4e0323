package model

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"govae/internal/philox"
)

// Tensors are float32 tensors by parameter name: weights, or an optimizer's moments of them.
type Tensors map[string]*tensor.Dense

// ParameterSpec is the name and the shape of one parameter, as PyTorch has them:
// a dense layer's weight is [out, in] and its bias [out].
type ParameterSpec struct {
	Name  string
	Shape tensor.Shape
	FanIn int // inputs of the layer it belongs to
}

// layer is one dense layer of the network.
type layer struct {
	name    string
	in, out int
}

// layers lists the dense layers of the encoder's body, its two heads, and the decoder. The numbers in the
// names are the places in a torch.nn.Sequential that holds an activation after each hidden layer.
func (c Config) layers() (encoder []layer, mean, logVar layer, decoder []layer) {
	width := c.Image.Pixels()
	for i, hidden := range c.Hidden {
		encoder = append(encoder, layer{fmt.Sprintf("encoder.%d", 2*i), width, hidden})
		width = hidden
	}
	mean, logVar = layer{"mean", width, c.Latent}, layer{"logVar", width, c.Latent}

	width = c.Latent
	for i := len(c.Hidden) - 1; i >= 0; i-- {
		decoder = append(decoder, layer{fmt.Sprintf("decoder.%d", 2*len(decoder)), width, c.Hidden[i]})
		width = c.Hidden[i]
	}
	decoder = append(decoder, layer{fmt.Sprintf("decoder.%d", 2*len(decoder)), width, c.Image.Pixels()})
	return encoder, mean, logVar, decoder
}

// Parameters lists every parameter of the network in the order in which the network uses them.
func (c Config) Parameters() []ParameterSpec {
	encoder, mean, logVar, decoder := c.layers()
	all := append(append(encoder, mean, logVar), decoder...)
	specs := make([]ParameterSpec, 0, 2*len(all))
	for _, l := range all {
		specs = append(specs,
			ParameterSpec{l.name + ".weight", tensor.Shape{l.out, l.in}, l.in},
			ParameterSpec{l.name + ".bias", tensor.Shape{l.out}, l.in})
	}
	return specs
}

// ParameterCount returns the number of trainable values.
func (c Config) ParameterCount() int {
	n := 0
	for _, p := range c.Parameters() {
		n += p.Shape.TotalSize()
	}
	return n
}

// InitialWeights draws every parameter uniformly from ±1/√fan_in, PyTorch's default for a dense layer.
// The seed of the Config fixes them.
func InitialWeights(c Config) Tensors {
	weights := make(Tensors)
	for i, p := range c.Parameters() {
		values := make([]float32, p.Shape.TotalSize())
		bound := 1 / math.Sqrt(float64(p.FanIn))
		philox.New(c.Seed, philox.Weights, uint64(i)).Uniform(values, float32(-bound), float32(bound))
		weights[p.Name] = tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(values))
	}
	return weights
}

// Check reports the first parameter of the Config that is missing from t or has another shape or type,
// and any tensor that the Config does not know.
func (t Tensors) Check(c Config) error {
	shapes := make(map[string]tensor.Shape, len(t))
	for name, value := range t {
		if value == nil {
			continue
		}
		if value.Dtype() != tensor.Float32 {
			return fmt.Errorf("model: parameter %s has type %v, want float32", name, value.Dtype())
		}
		shapes[name] = value.Shape()
	}
	return c.CheckShapes(shapes)
}

// CheckShapes reports the first parameter of the Config that is missing from the shapes or has another,
// and any name that the Config does not know.
func (c Config) CheckShapes(shapes map[string]tensor.Shape) error {
	known := make(map[string]bool)
	for _, p := range c.Parameters() {
		known[p.Name] = true
		shape, ok := shapes[p.Name]
		if !ok {
			return fmt.Errorf("model: parameter %s is missing", p.Name)
		}
		if !shape.Eq(p.Shape) {
			return fmt.Errorf("model: parameter %s has shape %v, want %v", p.Name, shape, p.Shape)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if !known[name] {
			return fmt.Errorf("model: unknown parameter %s", name)
		}
	}
	return nil
}
