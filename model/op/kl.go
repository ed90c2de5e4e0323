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
		signature: signature{name: "StandardNormalKL", inputs: []rank{2, 2}, output: 1},
	}, mean, logVar)
}

type standardNormalKL struct {
	signature
	kl      buffer
	scratch buffer // [batch, latent]
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
	out := floats(kl)
	eachRow(o.scratch.shaped(batch, latent), func(variance []float32, at int) {
		vec.Exp(variance, logVar[at:at+len(variance)])
		for ; len(variance) > 0; variance, at = variance[latent:], at+latent {
			var sum float32
			for i, s2 := range variance[:latent] {
				m, lv := mean[at+i], logVar[at+i]
				sum += m*m + s2 - 1 - lv
			}
			out[at/latent] = 0.5 * sum
		}
	})
	return kl, nil
}

func (o *standardNormalKL) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff returns dμ = dKL · μ and dlogVar = dKL · ½·(exp(logVar) − 1).
func (o *standardNormalKL) SymDiff(inputs gorgonia.Nodes, _, dKL *gorgonia.Node) (gorgonia.Nodes, error) {
	dMean, err := gorgonia.ApplyOp(&standardNormalKLGradient{
		signature: signature{name: "∂StandardNormalKL/∂mean", inputs: []rank{2, 1}, output: 2},
		of:        func(dst, mean []float32) { copy(dst, mean) },
	}, inputs[0], dKL)
	if err != nil {
		return nil, err
	}
	dLogVar, err := gorgonia.ApplyOp(&standardNormalKLGradient{
		signature: signature{name: "∂StandardNormalKL/∂logVar", inputs: []rank{2, 1}, output: 2},
		of: func(dst, logVar []float32) {
			vec.Exp(dst, logVar)
			for i, s2 := range dst {
				dst[i] = 0.5 * (s2 - 1)
			}
		},
	}, inputs[1], dKL)
	return gorgonia.Nodes{dMean, dLogVar}, err
}

// standardNormalKLGradient computes dKL · of(p), [batch, latent], for p the mean or logVar.
type standardNormalKLGradient struct {
	signature
	of func(dst, p []float32)
	dp buffer
}

func (o *standardNormalKLGradient) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.alike(in[:1])
}

func (o *standardNormalKLGradient) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	p, dKL := floats(in[0]), floats(in[1])
	_, latent := size(in[0])
	dp := o.dp.shaped(in[0].Shape()...)
	eachRow(dp, func(rows []float32, at int) {
		o.of(rows, p[at:at+len(rows)])
		for row := at / latent; len(rows) > 0; row, rows = row+1, rows[latent:] {
			vec.Scale(rows[:latent], rows[:latent], dKL[row])
		}
	})
	return dp, nil
}
