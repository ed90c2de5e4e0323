package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchMean returns scale · 1/batch · Σ v, a scalar, of v, [batch].
func BatchMean(v *gorgonia.Node, scale float32) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&batchMean{
		signature: signature{spec: Spec{Kind: "BatchMean", Scale: scale}, inputs: []rank{1}, output: 0},
	}, v)
}

type batchMean struct{ signature }

func (o *batchMean) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	if _, err := o.shapes(in); err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), nil
}

func (o *batchMean) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	var sum float64
	v := floats(in[0])
	for _, value := range v {
		sum += float64(value)
	}
	return gorgonia.NewF32(float32(float64(o.spec.Scale) * sum / float64(len(v)))), nil
}

func (o *batchMean) DiffWRT(int) []bool { return []bool{true} }

// SymDiff returns dv = dmean · scale/batch, the same for every image.
func (o *batchMean) SymDiff(inputs gorgonia.Nodes, _, dMean *gorgonia.Node) (gorgonia.Nodes, error) {
	batch := inputs[0].Shape()[0]
	dv, err := gorgonia.ApplyOp(&batchMeanGradient{
		signature: signature{spec: Spec{Kind: "∂BatchMean", Scale: o.spec.Scale, Rows: batch}, inputs: []rank{0}, output: 1},
	}, dMean)
	return gorgonia.Nodes{dv}, err
}

type batchMeanGradient struct {
	signature
	dv buffer
}

func (o *batchMeanGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	if _, err := o.shapes(in); err != nil {
		return nil, err
	}
	return tensor.Shape{o.spec.Rows}, nil
}

func (o *batchMeanGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	dv := o.dv.shaped(o.spec.Rows)
	each := scalar(in[0]) * o.spec.Scale / float32(o.spec.Rows)
	values := floats(dv)
	for i := range values {
		values[i] = each
	}
	return dv, nil
}
