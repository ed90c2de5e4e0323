package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// Sum returns Σ terms, the sum of one or more scalars, vectors or matrices of the same shape, in their order. It makes the gradient of
// a value that is used more than once. The sum of one term is that term itself. Gorgonia's own addition works on one core, an element at a time.
func Sum(terms ...*gorgonia.Node) (*gorgonia.Node, error) {
	if len(terms) == 1 {
		return terms[0], nil
	}
	s := signature{name: "Sum", output: rank(terms[0].Dims())}
	for range terms {
		s.inputs = append(s.inputs, s.output)
	}
	return gorgonia.ApplyOp(&sum{signature: s}, terms...)
}

type sum struct {
	signature
	total buffer
}

func (o *sum) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *sum) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
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
