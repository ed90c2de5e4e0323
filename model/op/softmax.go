package op

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Softmax returns the probabilities of classes, [batch, classes], of their logits l, which are as many:
//
//	exp(l) / Σ exp(l) = exp(l − m) / Σ exp(l − m),  m = max l
//
// with sums over the classes of an image. It is computed as on the right, which does not overflow. It has no derivative: what is trained
// is CategoricalLogLikelihood.
func Softmax(logits *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&softmax{
		signature: signature{spec: Spec{Kind: "Softmax"}, inputs: []rank{2}, output: 2},
	}, logits)
}

type softmax struct {
	signature
	p buffer
}

func (o *softmax) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return o.alike(in) }

func (o *softmax) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	batch, classes := size(in[0])
	logits := floats(in[0])
	p := o.p.shaped(batch, classes)
	values := floats(p)
	eachRow(batch, classes, func(_, start, end int) {
		most, sum := exponentials(logits[start:end])
		for i := start; i < end; i++ {
			values[i] = float32(math.Exp(float64(logits[i])-most) / sum)
		}
	})
	return p, nil
}
