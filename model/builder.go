package model

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model/op"
)

// builder adds the parts of a network to one graph.
type builder struct {
	config     Config
	batch      int
	weights    Tensors
	graph      *gorgonia.ExprGraph
	parameters gorgonia.Nodes // those used so far
}

func newBuilder(cfg Config, batch int, weights Tensors) (*builder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("model: batch is %d, want at least 1", batch)
	}
	if err := weights.Check(cfg); err != nil {
		return nil, err
	}
	return &builder{config: cfg, batch: batch, weights: weights, graph: gorgonia.NewGraph()}, nil
}

// input adds a [batch, width] matrix that is fed from outside.
func (b *builder) input(name string, width int) *gorgonia.Node {
	return gorgonia.NewMatrix(b.graph, tensor.Float32, gorgonia.WithShape(b.batch, width), gorgonia.WithName(name))
}

// parameter adds a trainable input whose value is the weight of that name.
func (b *builder) parameter(name string) *gorgonia.Node {
	value := b.weights[name]
	n := gorgonia.NewTensor(b.graph, tensor.Float32, value.Dims(),
		gorgonia.WithShape(value.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(value))
	b.parameters = append(b.parameters, n)
	return n
}

// dense adds one layer, with its weight and bias.
func (b *builder) dense(x *gorgonia.Node, l layer, f op.Activation) *gorgonia.Node {
	w, bias := b.parameter(l.name+".weight"), b.parameter(l.name+".bias")
	return named(l.name, must(op.Dense(x, w, bias, f)))
}

// named gives n the name under which it is drawn and reported.
func named(name string, n *gorgonia.Node) *gorgonia.Node {
	gorgonia.WithName(name)(n)
	return n
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
