package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchMean returns scale · 1/batch · Σ v, a scalar, of v, [batch].
func BatchMean(v *gorgonia.Node, scale float32) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&batchMean{
		signature: signature{name: fmt.Sprintf("BatchMean ·%g", scale), inputs: []rank{1}, output: 0},
		scale:     scale,
	}, v)
}

type batchMean struct {
	signature
	scale float32
}

func (o *batchMean) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}

func (o *batchMean) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	var sum float64
	v := floats(in[0])
	for _, value := range v {
		sum += float64(value)
	}
	return gorgonia.NewF32(float32(float64(o.scale) * sum / float64(len(v)))), nil
}

func (o *batchMean) DiffWRT(int) []bool { return []bool{true} }

// SymDiff returns dv = dmean · scale/batch, the same for every image.
func (o *batchMean) SymDiff(inputs gorgonia.Nodes, _, dMean *gorgonia.Node) (gorgonia.Nodes, error) {
	batch := inputs[0].Shape()[0]
	dv, err := gorgonia.ApplyOp(&batchMeanGradient{
		signature: signature{name: fmt.Sprintf("∂BatchMean ·%g of %d", o.scale, batch), inputs: []rank{0}, output: 1},
		batch:     batch,
		scale:     o.scale,
	}, dMean)
	return gorgonia.Nodes{dv}, err
}

type batchMeanGradient struct {
	signature
	batch int
	scale float32
	dv    buffer
}

func (o *batchMeanGradient) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape{o.batch}, nil
}

func (o *batchMeanGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	dv := o.dv.shaped(o.batch)
	each := scalar(in[0]) * o.scale / float32(o.batch)
	values := floats(dv)
	for i := range values {
		values[i] = each
	}
	return dv, nil
}
