package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AddScaled returns a + s·b, a scalar, of three scalars. s is fed from outside, and is not differentiated.
func AddScaled(a, s, b *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&addScaled{
		signature: signature{spec: Spec{Kind: "AddScaled"}, inputs: []rank{0, 0, 0}, output: 0},
	}, a, s, b)
}

type addScaled struct{ signature }

func (o *addScaled) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *addScaled) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	return gorgonia.NewF32(scalar(in[0]) + scalar(in[1])*scalar(in[2])), nil
}

func (o *addScaled) DiffWRT(int) []bool { return []bool{true, false, true} }

// SymDiff returns da = dy and db = dy · s.
func (o *addScaled) SymDiff(inputs gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	db, err := gorgonia.ApplyOp(&scaledGradient{
		signature: signature{spec: Spec{Kind: "∂AddScaled/∂b"}, inputs: []rank{0, 0}, output: 0},
	}, dy, inputs[1])
	return gorgonia.Nodes{dy, nil, db}, err
}

type scaledGradient struct{ signature }

func (o *scaledGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.alike(in)
}

func (o *scaledGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	return gorgonia.NewF32(scalar(in[0]) * scalar(in[1])), nil
}
