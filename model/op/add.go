package op

import (
	"errors"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// Add returns the sum of one or more scalars, vectors or matrices of the same shape, element by element and in their order. It
// makes the gradient of a value that is used more than once. The sum of one term is that term itself. Gorgonia's own addition
// works on one core, an element at a time.
func Add(terms ...*gorgonia.Node) (*gorgonia.Node, error) {
	switch len(terms) {
	case 0:
		return nil, errors.New("op: the sum of no terms has no shape")
	case 1:
		return terms[0], nil
	}
	s := signature{spec: Spec{Kind: "Add"}, output: rank(terms[0].Dims())}
	for range terms {
		s.inputs = append(s.inputs, s.output)
	}
	return gorgonia.ApplyOp(&add{signature: s}, terms...)
}

type add struct {
	signature
	total buffer
}

func (o *add) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *add) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if o.output == 0 {
		var total float32
		for _, term := range in {
			total += scalar(term)
		}
		return gorgonia.NewF32(total), nil
	}
	total := o.total.shaped(in[0].Shape()...)
	values := floats(total)
	eachPart(len(values), func(start, end int) {
		copy(values[start:end], floats(in[0])[start:end])
		for _, term := range in[1:] {
			vec.Add(values[start:end], floats(term)[start:end])
		}
	})
	return total, nil
}

func (o *add) DiffWRT(inputs int) []bool { return slices.Repeat([]bool{true}, inputs) }

// SymDiff returns dy for every term.
func (o *add) SymDiff(inputs gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	return slices.Repeat(gorgonia.Nodes{dy}, len(inputs)), nil
}
