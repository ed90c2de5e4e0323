package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// BernoulliLogLikelihood returns log p(x|z), [batch], in nats: for each image the sum over its pixels of
//
//	x·log p + (1−x)·log(1−p) = x·l − max(l, 0) − log(1 + exp(−|l|)),  p = sigmoid(l).
//
// The right-hand side neither overflows nor takes the logarithm of zero, however large l is.
// logits (l) and x are [batch, pixels]; x, in [0, 1], is the probability of a one, and is not differentiated.
func BernoulliLogLikelihood(logits, x *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&bernoulli{
		signature: signature{spec: Spec{Kind: "BernoulliLogLikelihood"}, inputs: []rank{2, 2}, output: 1},
	}, logits, x)
}

type bernoulli struct {
	signature
	logP buffer
}

func (o *bernoulli) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shape, err := o.alike(in)
	if err != nil {
		return nil, err
	}
	return shape[:1], nil
}

func (o *bernoulli) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	batch, pixels := size(in[0])
	logits, x := floats(in[0]), floats(in[1])
	logP := o.logP.shaped(batch)
	sums := floats(logP)
	eachRow(batch, pixels, func(row, start, end int) {
		sums[row] = vec.BernoulliLogLikelihood(logits[start:end], x[start:end])
	})
	return logP, nil
}

func (o *bernoulli) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff returns dl = dlogP · (x − sigmoid(l)).
func (o *bernoulli) SymDiff(inputs gorgonia.Nodes, _, dLogP *gorgonia.Node) (gorgonia.Nodes, error) {
	dLogits, err := gorgonia.ApplyOp(&bernoulliGradient{
		signature: signature{spec: Spec{Kind: "∂BernoulliLogLikelihood/∂logits"}, inputs: []rank{2, 2, 1}, output: 2},
	}, inputs[0], inputs[1], dLogP)
	return gorgonia.Nodes{dLogits, nil}, err
}

type bernoulliGradient struct {
	signature
	dLogits buffer
}

func (o *bernoulliGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.perRow(in)
}

func (o *bernoulliGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	logits, x, dLogP := floats(in[0]), floats(in[1]), floats(in[2])
	batch, pixels := size(in[0])
	dLogits := o.dLogits.shaped(batch, pixels)
	dl := floats(dLogits)
	eachRow(batch, pixels, func(row, start, end int) {
		vec.BernoulliLogLikelihoodGradient(dl[start:end], logits[start:end], x[start:end], dLogP[row])
	})
	return dLogits, nil
}
