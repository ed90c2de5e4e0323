package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/vec"
)

// Reparameterize returns z = μ + exp(½·logVar) · ε, [batch, latent]: a draw from N(μ, σ²), σ² = exp(logVar),
// through which a gradient passes (Kingma and Welling, arXiv:1312.6114, section 2.4).
//
// mean, logVar and epsilon are [batch, latent]. epsilon is drawn from N(0, I) outside the graph and fed to it,
// and is not differentiated.
func Reparameterize(mean, logVar, epsilon *gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.ApplyOp(&reparameterize{
		signature: signature{spec: Spec{Kind: "Reparameterize"}, inputs: []rank{2, 2, 2}, output: 2},
	}, mean, logVar, epsilon)
}

type reparameterize struct {
	signature
	z buffer
}

func (o *reparameterize) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.alike(in)
}

func (o *reparameterize) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	mean, logVar, epsilon := floats(in[0]), floats(in[1]), floats(in[2])
	z := o.z.shaped(in[0].Shape()...)
	values := floats(z)
	eachPart(len(values), func(start, end int) {
		vec.Reparameterize(values[start:end], mean[start:end], logVar[start:end], epsilon[start:end])
	})
	return z, nil
}

func (o *reparameterize) DiffWRT(int) []bool { return []bool{true, true, false} }

// SymDiff returns dμ = dz and dlogVar = dz · ½·exp(½·logVar) · ε.
func (o *reparameterize) SymDiff(inputs gorgonia.Nodes, _, dz *gorgonia.Node) (gorgonia.Nodes, error) {
	logVar, epsilon := inputs[1], inputs[2]
	dLogVar, err := gorgonia.ApplyOp(&reparameterizeGradient{
		signature: signature{spec: Spec{Kind: "∂Reparameterize/∂logVar"}, inputs: []rank{2, 2, 2}, output: 2},
	}, logVar, epsilon, dz)
	return gorgonia.Nodes{dz, dLogVar, nil}, err
}

type reparameterizeGradient struct {
	signature
	dLogVar buffer
}

func (o *reparameterizeGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.alike(in)
}

func (o *reparameterizeGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	logVar, epsilon, dz := floats(in[0]), floats(in[1]), floats(in[2])
	dLogVar := o.dLogVar.shaped(in[0].Shape()...)
	values := floats(dLogVar)
	eachPart(len(values), func(start, end int) {
		vec.ReparameterizeGradient(values[start:end], logVar[start:end], epsilon[start:end], dz[start:end])
	})
	return dLogVar, nil
}
