package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// Scale returns by·v, [batch], of v, [batch]. by is not 0.
func Scale(v *gorgonia.Node, by float32) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&scale{
		signature: signature{spec: Spec{Kind: "Scale", Scale: by}, inputs: []rank{1}, output: 1},
	}, v)
}

type scale struct {
	signature
	y buffer
}

func (o *scale) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *scale) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	y := o.y.shaped(in[0].Shape()...)
	vec.Scale(floats(y), floats(in[0]), o.spec.Scale)
	return y, nil
}

func (o *scale) DiffWRT(int) []bool { return []bool{true} }

// SymDiff returns dv = by·dy.
func (o *scale) SymDiff(_ gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	dv, err := Scale(dy, o.spec.Scale)
	return gorgonia.Nodes{dv}, err
}
