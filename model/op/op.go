// Package op holds the operations that the models' graphs are made of, one in each file: what it computes, and beside
// it what its derivative computes. Each is a gorgonia.Op, and what is differentiated is a gorgonia.SDOp too, so
// the backward graph is built from them symbolically.
//
// The values are float32. A matrix is [batch, features], stored row by row.
//
// An operation belongs to one node and owns its output, which its next run overwrites: the tape machine
// would allocate it anew at every step. So one graph must not be run by two machines at once.
package op

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/parallel"
)

// Spec says what an operation computes: its kind, and the parameters that operations of that kind have. The operation's name and
// hash follow from it, and by it another device's compiler knows the operation. What the inputs' shapes tell is not in it.
type Spec struct {
	Kind       string     // such as Dense, and ∂Dense/∂W for what its derivative computes
	Activation Activation // of Dense, Activate and ∂Activate
	Scale      float32    // of BatchMean, ∂BatchMean and Scale
	Rows       int        // of the output, where no input has as many
	Columns    int        // of the output, where no input has as many
}

// String returns the name under which the operation is drawn and reported: Dense relu.
func (s Spec) String() string {
	name := s.Kind
	if s.Activation != "" {
		name += " " + string(s.Activation)
	}
	if s.Scale != 0 {
		name += fmt.Sprintf(" ·%g", s.Scale)
	}
	if s.Rows != 0 {
		name += fmt.Sprintf(" of %d", s.Rows)
	}
	if s.Columns != 0 {
		name += fmt.Sprintf(" of %d columns", s.Columns)
	}
	return name
}

// SpecOf returns the Spec of the operation that computes n. It is false where n is an input, or another package's operation
// computes it.
func SpecOf(n *gorgonia.Node) (Spec, bool) {
	o, ok := n.Op().(interface{ Spec() Spec })
	if !ok {
		return Spec{}, false
	}
	return o.Spec(), true
}

// rank is how many dimensions a value has: 0 for a scalar, 1 for a vector, 2 for a matrix.
type rank int

// partSize is about how many values are handed to a core at a time. They take a microsecond or more, a hand-over
// less than half of one, so what is smaller stays on one core.
const partSize = 1 << 12

// signature is the part of a gorgonia.Op that is the same for all of ours.
type signature struct {
	spec   Spec
	inputs []rank
	output rank
}

func (s signature) Arity() int           { return len(s.inputs) }
func (s signature) ReturnsPtr() bool     { return true }
func (s signature) CallsExtern() bool    { return false }
func (s signature) OverwritesInput() int { return -1 }
func (s signature) String() string       { return s.spec.String() }
func (s signature) Spec() Spec           { return s.spec }

// WriteHash writes every parameter of the operation, since Gorgonia merges nodes whose operations hash alike and whose inputs
// are the same.
func (s signature) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%#v", s.spec) }

func (s signature) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// Type gives the operation's type to Gorgonia, which takes it apart, so each call makes a new one.
func (s signature) Type() hm.Type {
	types := make([]hm.Type, 0, len(s.inputs)+1)
	for _, r := range append(s.inputs[:len(s.inputs):len(s.inputs)], s.output) {
		if r == 0 {
			types = append(types, tensor.Float32)
		} else {
			types = append(types, gorgonia.TensorType{Dims: int(r), Of: tensor.Float32})
		}
	}
	return hm.NewFnType(types...)
}

// shapes returns the inputs' shapes, each of the rank that the operation takes: Gorgonia's type check lets others pass.
func (s signature) shapes(inputs []gorgonia.DimSizer) ([]tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.spec, err)
	}
	for i, r := range s.inputs[:len(shapes)] {
		if shapes[i].Dims() != int(r) {
			return nil, fmt.Errorf("%s: input %d has shape %v, want %d dimensions", s.spec, i, shapes[i], r)
		}
	}
	return shapes, nil
}

// alike is the InferShape of an operation whose output, and all of whose inputs, have the first input's shape.
func (s signature) alike(inputs []gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := s.shapes(inputs)
	if err != nil {
		return nil, err
	}
	for i, shape := range shapes[1:] {
		if !shape.Eq(shapes[0]) {
			return nil, fmt.Errorf("%s: input %d has shape %v, want %v, that of input 0", s.spec, i+1, shape, shapes[0])
		}
	}
	return shapes[0].Clone(), nil
}

// perRow is the InferShape of an operation whose last input is a vector with a value for each row of the others, which are alike
// and have the output's shape.
func (s signature) perRow(inputs []gorgonia.DimSizer) (tensor.Shape, error) {
	last := len(inputs) - 1
	shape, err := s.alike(inputs[:last])
	if err != nil {
		return nil, err
	}
	shapes, err := s.shapes(inputs)
	if err != nil {
		return nil, err
	}
	if shapes[last][0] != shape[0] {
		return nil, fmt.Errorf("%s: input %d has shape %v, want a value for each row of %v", s.spec, last, shapes[last], shape)
	}
	return shape, nil
}

// buffer is an output that an operation owns.
type buffer struct{ value *tensor.Dense }

// shaped returns the buffer as a tensor of the given shape, allocated at its first use.
func (b *buffer) shaped(shape ...int) *tensor.Dense {
	if b.value == nil || !b.value.Shape().Eq(shape) {
		b.value = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	}
	return b.value
}

// floats returns the values of a vector or a matrix.
func floats(v gorgonia.Value) []float32 { return v.(*tensor.Dense).Float32s() }

// scalar returns the value of a scalar.
func scalar(v gorgonia.Value) float32 { return float32(*v.(*gorgonia.F32)) }

// eachPart calls body with all of n values, as ranges from start to end, side by side on all cores.
func eachPart(n int, body func(start, end int)) { parallel.For(n, partSize, body) }

// eachRow calls body with every row of a [rows, cols] matrix: its number, and where in the matrix its values start and end,
// side by side on all cores.
func eachRow(rows, cols int, body func(row, start, end int)) {
	parallel.For(rows, partSize/cols+1, func(first, last int) {
		for row := first; row < last; row++ {
			body(row, row*cols, (row+1)*cols)
		}
	})
}

// size returns the rows and columns of a matrix.
func size(v gorgonia.Value) (rows, cols int) {
	shape := v.Shape()
	return shape[0], shape[1]
}
