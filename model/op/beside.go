package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Beside returns [a | b], [batch, m+n]: each row of a, [batch, m], and behind it that of b, [batch, n]. So a layer over both is told
// b as well as a. b is fed to the graph from outside, and is not differentiated.
func Beside(a, b *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&beside{
		signature: signature{spec: Spec{Kind: "Beside"}, inputs: []rank{2, 2}, output: 2},
	}, a, b)
}

type beside struct {
	signature
	y buffer
}

func (o *beside) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	a, b := shapes[0], shapes[1]
	if a[0] != b[0] {
		return nil, fmt.Errorf("%s: a is %v and b %v, want as many rows", o.spec, a, b)
	}
	return tensor.Shape{a[0], a[1] + b[1]}, nil
}

func (o *beside) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	rows, m := size(in[0])
	_, n := size(in[1])
	a, b := floats(in[0]), floats(in[1])
	y := o.y.shaped(rows, m+n)
	values := floats(y)
	eachRow(rows, m+n, func(row, start, end int) {
		copy(values[start:start+m], a[row*m:])
		copy(values[start+m:end], b[row*n:])
	})
	return y, nil
}

func (o *beside) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff returns da, the first m columns of dy.
func (o *beside) SymDiff(inputs gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	da, err := gorgonia.ApplyOp(&besideGradient{
		signature: signature{spec: Spec{Kind: "∂Beside/∂a", Columns: inputs[0].Shape()[1]}, inputs: []rank{2}, output: 2},
	}, dy)
	return gorgonia.Nodes{da, nil}, err
}

type besideGradient struct {
	signature
	da buffer
}

func (o *besideGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := o.shapes(in)
	if err != nil {
		return nil, err
	}
	if shapes[0][1] < o.spec.Columns {
		return nil, fmt.Errorf("%s: dy is %v, and has not so many columns", o.spec, shapes[0])
	}
	return tensor.Shape{shapes[0][0], o.spec.Columns}, nil
}

func (o *besideGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	rows, cols := size(in[0])
	dy := floats(in[0])
	da := o.da.shaped(rows, o.spec.Columns)
	values := floats(da)
	eachRow(rows, o.spec.Columns, func(row, start, end int) {
		copy(values[start:end], dy[row*cols:])
	})
	return da, nil
}
