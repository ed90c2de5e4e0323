package model

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"govae/internal/philox"
	"govae/internal/words"
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

// outline returns the training graph of a valid Config without weights. What it asks for is what the model has.
func (c Config) outline() *builder {
	b, err := build(c, Train, 1, nil)
	if err != nil {
		panic(err) // of no Config that Validate lets pass, as a test of every kind shows
	}
	return b
}

// Parameters lists every parameter of the model in the order in which its training graph uses them. The Config must be valid.
func (c Config) Parameters() []ParameterSpec { return c.outline().specs }

// Terms lists what the model reports, the loss first. The Config must be valid.
func (c Config) Terms() (terms []Term) {
	for _, reported := range c.outline().Terms {
		terms = append(terms, reported.Term)
	}
	return terms
}

// Inputs lists what a part of the model takes for one image, in its order. The nodes belong to no graph that is run. The Config
// must be valid; an error says that its kind has no such part.
func (c Config) Inputs(part Part) ([]Input, error) {
	b, err := build(c, part, 1, nil)
	if err != nil {
		return nil, err
	}
	return b.Inputs, nil
}

// CodeWidth returns how many values the code of an image has, as the first output of model.Encode: the latent's dimensions or, of a
// classifier, its features. The Config must be valid.
func (c Config) CodeWidth() int {
	b, err := build(c, Encode, 1, nil)
	if err != nil {
		panic(err) // of no Config that Validate lets pass, as a test of every kind shows
	}
	return b.Outputs[0].Shape()[1]
}

// ParameterCount returns the number of trainable values. The Config must be valid.
func (c Config) ParameterCount() (n int) {
	for _, p := range c.Parameters() {
		n += p.Shape.TotalSize()
	}
	return n
}

// InitialWeights draws every parameter of a valid Config uniformly from ±1/√fan_in, PyTorch's default for a dense layer.
// The seed fixes them.
func InitialWeights(c Config, seed uint64) Tensors {
	weights := make(Tensors)
	for i, p := range c.Parameters() {
		values := make([]float32, p.Shape.TotalSize())
		bound := 1 / math.Sqrt(float64(p.FanIn))
		philox.New(seed, philox.Weights, uint64(i)).Uniform(values, float32(-bound), float32(bound))
		weights[p.Name] = tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(values))
	}
	return weights
}

// Check reports the first parameter of the Config that is missing from t or has another shape or type,
// and any tensor that the Config does not know. The Config must be valid.
func (t Tensors) Check(c Config) error {
	shapes := make(map[string]tensor.Shape, len(t))
	for name, value := range t {
		if value == nil {
			continue
		}
		if value.Dtype() != tensor.Float32 {
			return fmt.Errorf("model: parameter %s has type %v, want float32", words.Printable(name), value.Dtype())
		}
		shapes[name] = value.Shape()
	}
	return c.CheckShapes(shapes)
}

// CheckShapes reports the first parameter of the Config that is missing from the shapes or has another,
// and any name that the Config does not know. The Config must be valid.
func (c Config) CheckShapes(shapes map[string]tensor.Shape) error {
	unknown := maps.Clone(shapes)
	parameters := c.Parameters()
	for _, p := range parameters {
		delete(unknown, p.Name)
	}
	others := slices.Sorted(maps.Keys(unknown))
	for _, p := range parameters {
		shape, ok := shapes[p.Name]
		if !ok && len(others) > 0 {
			return fmt.Errorf("model: parameter %s is missing, and %s is unknown", p.Name, words.Printable(others[0]))
		}
		if !ok {
			return fmt.Errorf("model: parameter %s is missing", p.Name)
		}
		if !slices.Equal(shape, p.Shape) { // Shape.Eq takes a column for a vector
			return fmt.Errorf("model: parameter %s has shape %v, want %v", p.Name, shape, p.Shape)
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("model: unknown parameter %s", words.Printable(others[0]))
	}
	return nil
}
