package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// Activation names a function that is applied to each element.
type Activation string

// The activations.
const (
	Identity Activation = "identity" // a
	ReLU     Activation = "relu"     // max(a, 0)
	Tanh     Activation = "tanh"     // tanh a
	Sigmoid  Activation = "sigmoid"  // 1 / (1 + exp(−a))
)

// apply computes dst = f(a).
func (f Activation) apply(dst, a []float32) {
	switch f {
	case Identity:
		copy(dst, a)
	case ReLU:
		vec.ReLU(dst, a)
	case Tanh:
		vec.Tanh(dst, a)
	case Sigmoid:
		vec.Sigmoid(dst, a)
	}
}

// gradient computes da = dy · f′(a), where f′(a) is written in terms of y = f(a).
func (f Activation) gradient(da, y, dy []float32) {
	switch f {
	case Identity:
		copy(da, dy)
	case ReLU:
		vec.ReLUGradient(da, y, dy)
	case Tanh:
		vec.TanhGradient(da, y, dy)
	case Sigmoid:
		vec.SigmoidGradient(da, y, dy)
	}
}

func (f Activation) check() error {
	switch f {
	case Identity, ReLU, Tanh, Sigmoid:
		return nil
	}
	return fmt.Errorf("op: unknown activation %q", string(f))
}

// Activate returns f(a), [batch, features], of a node a of that shape.
func Activate(a *gorgonia.Node, f Activation) (*gorgonia.Node, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return gorgonia.ApplyOp(&activate{
		signature: signature{spec: Spec{Kind: "Activate", Activation: f}, inputs: []rank{2}, output: 2},
	}, a)
}

type activate struct {
	signature
	y buffer
}

func (o *activate) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *activate) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	y := o.y.shaped(in[0].Shape()...)
	a, values := floats(in[0]), floats(y)
	eachPart(len(a), func(start, end int) { o.spec.Activation.apply(values[start:end], a[start:end]) })
	return y, nil
}

func (o *activate) DiffWRT(int) []bool { return []bool{true} }

func (o *activate) SymDiff(_ gorgonia.Nodes, y, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	da, err := activationGradient(o.spec.Activation, y, dy)
	return gorgonia.Nodes{da}, err
}

// activationGradient returns da = dy · f′(a), [batch, features], for y = f(a).
func activationGradient(f Activation, y, dy *gorgonia.Node) (*gorgonia.Node, error) {
	if f == Identity {
		return dy, nil
	}
	return gorgonia.ApplyOp(&activateGradient{
		signature: signature{spec: Spec{Kind: "∂Activate", Activation: f}, inputs: []rank{2, 2}, output: 2},
	}, y, dy)
}

type activateGradient struct {
	signature
	da buffer
}

func (o *activateGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.alike(in)
}

func (o *activateGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	y, dy := floats(in[0]), floats(in[1])
	da := o.da.shaped(in[0].Shape()...)
	values := floats(da)
	eachPart(len(y), func(start, end int) { o.spec.Activation.gradient(values[start:end], y[start:end], dy[start:end]) })
	return da, nil
}
