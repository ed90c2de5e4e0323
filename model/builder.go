package model

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/philox"
	"govae/model/op"
)

// builder is a Network under construction. Its methods are the words in which the kinds' recipes are written: inputs and layers
// here, encoder and decoder in mlp.go, and so on.
type builder struct {
	Network
	weights Tensors         // nil: the graph is wanted for its outline alone
	specs   []ParameterSpec // of the parameters, in the same order
}

// build returns a part of the model that a valid cfg describes.
func build(cfg Config, part Part, batch int, weights Tensors) (b *builder, err error) {
	defer catch(&err)
	recipe := families[cfg.Kind].parts[part]
	if recipe == nil {
		return nil, fmt.Errorf("%w: kind %q has no graph to %s", ErrCannot, cfg.Kind, part)
	}
	b = &builder{
		Network: Network{Config: cfg, Part: part, Batch: batch, Graph: gorgonia.NewGraph()},
		weights: weights,
	}
	recipe(b)
	if part == Score {
		for _, term := range b.Terms {
			b.Outputs = append(b.Outputs, term.Node)
		}
	}
	return b, nil
}

// input adds a [rows, width] matrix that is fed from outside.
func (b *builder) input(in Input, name string, rows, width int) *gorgonia.Node {
	in.Node = gorgonia.NewMatrix(b.Graph, tensor.Float32, gorgonia.WithShape(rows, width), gorgonia.WithName(name))
	b.Inputs = append(b.Inputs, in)
	return in.Node
}

// pixels adds the images, [batch, pixels].
func (b *builder) pixels() *gorgonia.Node {
	return b.input(Input{Source: Pixels}, "x", b.Batch, b.Config.Image.Pixels())
}

// labels adds the class of each image, one-hot: [batch, classes].
func (b *builder) labels() *gorgonia.Node {
	return b.input(Input{Source: Labels}, "y", b.Batch, b.Config.Classes)
}

// epsilon adds ε ~ N(0, I), [batch, latent].
func (b *builder) epsilon() *gorgonia.Node {
	return b.input(Input{Source: Normal, Stream: philox.Epsilon, TestStream: philox.TestEpsilon}, "epsilon", b.Batch, b.Config.Latent)
}

// latents adds z, [batch, latent], for a decoder that stands alone.
func (b *builder) latents() *gorgonia.Node {
	return b.input(Input{Source: Given}, "z", b.Batch, b.Config.Latent)
}

// setting adds a scalar: the setting of that name, as it is at the step.
func (b *builder) setting(name string) *gorgonia.Node {
	n := gorgonia.NewScalar(b.Graph, tensor.Float32, gorgonia.WithName(name))
	b.Inputs = append(b.Inputs, Input{Node: n, Source: Setting})
	return n
}

// parameter returns the trainable input of that name, whose value is the weight of that name. It is added at its first use.
func (b *builder) parameter(name string, fanIn int, shape ...int) *gorgonia.Node {
	for i, spec := range b.specs {
		if spec.Name == name {
			return b.Parameters[i]
		}
	}
	n := gorgonia.NewTensor(b.Graph, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	if b.weights != nil {
		gorgonia.WithValue(b.weights[name])(n)
	}
	b.Parameters = append(b.Parameters, n)
	b.specs = append(b.specs, ParameterSpec{name, shape, fanIn})
	return n
}

// dense adds one layer, with its weight and bias: x, [batch, in], to [batch, out].
func (b *builder) dense(name string, x *gorgonia.Node, out int, f op.Activation) *gorgonia.Node {
	in := x.Shape()[1]
	w, bias := b.parameter(name+".weight", in, out, in), b.parameter(name+".bias", in, out)
	return b.named(name, must(op.Dense(x, w, bias, f)))
}

// report makes n the network's next term.
func (b *builder) report(term Term, n *gorgonia.Node) {
	b.Terms = append(b.Terms, Reported{term, n})
}

// graphError is what must panics with, so that the construction of a graph reads as one sequence. catch makes it an error.
type graphError struct{ error }

func must(n *gorgonia.Node, err error) *gorgonia.Node {
	if err != nil {
		panic(graphError{err})
	}
	return n
}

func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case graphError:
		*err = fmt.Errorf("model: building the graph: %w", r.error)
	default:
		panic(r)
	}
}
