package op

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CategoricalLogLikelihood returns log p(y|x), [batch], in nats: for each image
//
//	Σ y·l − log Σ exp(l) = Σ y·l − m − log Σ exp(l − m),  m = max l
//
// with sums over the classes, whose probabilities are softmax(l) (Bridle, 1990). The right-hand side neither overflows nor takes the
// logarithm of zero, however large l is. Its negative is the cross-entropy of a softmax.
// logits (l) and y are [batch, classes]; y, the probability of each class, which is one-hot where the class is known, has rows that sum
// to 1, and is not differentiated.
func CategoricalLogLikelihood(logits, y *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&categorical{
		signature: signature{spec: Spec{Kind: "CategoricalLogLikelihood"}, inputs: []rank{2, 2}, output: 1},
	}, logits, y)
}

type categorical struct {
	signature
	logP buffer
}

func (o *categorical) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shape, err := o.alike(in)
	if err != nil {
		return nil, err
	}
	return shape[:1], nil
}

func (o *categorical) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	batch, classes := size(in[0])
	logits, y := floats(in[0]), floats(in[1])
	logP := o.logP.shaped(batch)
	sums := floats(logP)
	eachRow(batch, classes, func(row, start, end int) {
		l := logits[start:end]
		most, sum := exponentials(l)
		var chosen float64
		for i, v := range l {
			chosen += float64(y[start+i]) * float64(v)
		}
		sums[row] = float32(chosen - most - math.Log(sum))
	})
	return logP, nil
}

// exponentials returns m = max l and Σ exp(l − m), which is 1 or more, and NaN where a logit is.
func exponentials(l []float32) (most, sum float64) {
	most = float64(l[0])
	for _, v := range l {
		most = max(most, float64(v))
	}
	for _, v := range l {
		sum += math.Exp(float64(v) - most)
	}
	return most, sum
}

func (o *categorical) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff returns dl = dlogP · (y − softmax(l)).
func (o *categorical) SymDiff(inputs gorgonia.Nodes, _, dLogP *gorgonia.Node) (gorgonia.Nodes, error) {
	p, err := Softmax(inputs[0])
	if err != nil {
		return nil, err
	}
	dLogits, err := gorgonia.ApplyOp(&categoricalGradient{
		signature: signature{spec: Spec{Kind: "∂CategoricalLogLikelihood/∂logits"}, inputs: []rank{2, 2, 1}, output: 2},
	}, p, inputs[1], dLogP)
	return gorgonia.Nodes{dLogits, nil}, err
}

// categoricalGradient takes softmax(l), y and dlogP.
type categoricalGradient struct {
	signature
	dLogits buffer
}

func (o *categoricalGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.perRow(in)
}

func (o *categoricalGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	p, y, dLogP := floats(in[0]), floats(in[1]), floats(in[2])
	batch, classes := size(in[0])
	dLogits := o.dLogits.shaped(batch, classes)
	dl := floats(dLogits)
	eachRow(batch, classes, func(row, start, end int) {
		for i := start; i < end; i++ {
			dl[i] = dLogP[row] * (y[i] - p[i])
		}
	})
	return dLogits, nil
}
