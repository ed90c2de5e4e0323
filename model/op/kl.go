package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// StandardNormalKL returns KL(N(μ, σ²) ‖ N(0, I)), [batch], in nats: for each image the sum over the latent's dimensions of
//
//	½ · (μ² + exp(logVar) − 1 − logVar),  logVar = log σ²
//
// (Kingma and Welling, arXiv:1312.6114, appendix B). mean and logVar are [batch, latent].
func StandardNormalKL(mean, logVar *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&standardNormalKL{
		signature: signature{spec: Spec{Kind: "StandardNormalKL"}, inputs: []rank{2, 2}, output: 1},
	}, mean, logVar)
}

type standardNormalKL struct {
	signature
	kl buffer
}

func (o *standardNormalKL) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shape, err := o.alike(in)
	if err != nil {
		return nil, err
	}
	return shape[:1], nil
}

func (o *standardNormalKL) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	batch, latent := size(in[0])
	mean, logVar := floats(in[0]), floats(in[1])
	kl := o.kl.shaped(batch)
	sums := floats(kl)
	eachRow(batch, latent, func(row, start, end int) {
		sums[row] = vec.StandardNormalKL(mean[start:end], logVar[start:end])
	})
	return kl, nil
}

func (o *standardNormalKL) DiffWRT(int) []bool { return []bool{true, true} }

// The kinds of the two derivatives.
const (
	klByMean   = "∂StandardNormalKL/∂mean"
	klByLogVar = "∂StandardNormalKL/∂logVar"
)

// SymDiff returns dμ = dKL · μ and dlogVar = dKL · ½·(exp(logVar) − 1).
func (o *standardNormalKL) SymDiff(inputs gorgonia.Nodes, _, dKL *gorgonia.Node) (gorgonia.Nodes, error) {
	dMean, err := gorgonia.ApplyOp(newStandardNormalKLGradient(klByMean), inputs[0], dKL)
	if err != nil {
		return nil, err
	}
	dLogVar, err := gorgonia.ApplyOp(newStandardNormalKLGradient(klByLogVar), inputs[1], dKL)
	return gorgonia.Nodes{dMean, dLogVar}, err
}

// standardNormalKLGradient computes the gradient with respect to p, [batch, latent], which is the mean or logVar, as its kind says.
type standardNormalKLGradient struct {
	signature
	dp buffer
}

func newStandardNormalKLGradient(kind string) *standardNormalKLGradient {
	return &standardNormalKLGradient{signature: signature{spec: Spec{Kind: kind}, inputs: []rank{2, 1}, output: 2}}
}

func (o *standardNormalKLGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.perRow(in)
}

func (o *standardNormalKLGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	p, dKL := floats(in[0]), floats(in[1])
	batch, latent := size(in[0])
	dp := o.dp.shaped(batch, latent)
	gradient := floats(dp)
	ofImage := vec.Scale
	if o.spec.Kind == klByLogVar {
		ofImage = vec.StandardNormalKLGradient
	}
	eachRow(batch, latent, func(row, start, end int) {
		ofImage(gradient[start:end], p[start:end], dKL[row])
	})
	return dp, nil
}
