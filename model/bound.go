package model

import (
	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// The terms that kinds report.
var (
	loss           = Term{Name: "loss", Title: "Loss", Column: "    loss", Formula: "reconstruction + β·KL"}
	lossOfCode     = Term{Name: "loss", Title: "Loss", Column: "    loss", Formula: "−log p(x|z)"}
	lossOfClass    = Term{Name: "loss", Title: "Loss", Column: "    loss", Formula: "−log p(y|x)"}
	reconstruction = Term{Name: "reconstruction", Title: "Reconstruction term", Column: "reconst."}
	klDivergence   = Term{Name: "kl", Title: "KL", Column: "    KL"}
)

// standardNormalKL adds KL(N(mean, exp(logVar)) ‖ N(0, I)), [batch].
func (b *builder) standardNormalKL(mean, logVar *gorgonia.Node) *gorgonia.Node {
	return b.named("KL(q‖p)", must(op.StandardNormalKL(mean, logVar)))
}

// elbo reports −ELBO = −log p(x|z) + β·KL(q(z|x) ‖ p(z)) and its two parts: the means over the batch of logP and kl, each [batch].
func (b *builder) elbo(logP, kl, beta *gorgonia.Node) {
	negLogP := b.named("reconstruction", must(op.BatchMean(logP, -1)))
	klMean := b.named("KL", must(op.BatchMean(kl, 1)))
	b.report(loss, b.named("loss", must(op.AddScaled(negLogP, beta, klMean))))
	b.report(reconstruction, negLogP)
	b.report(klDivergence, klMean)
}

// elboOfEach reports −ELBO = −log p(x|z) + KL(q(z|x) ‖ p(z)) and its two parts for each image, [batch].
func (b *builder) elboOfEach(logP, kl *gorgonia.Node) {
	negLogP := b.named("reconstruction", must(op.Scale(logP, -1)))
	b.report(loss, b.named("loss", must(op.Add(negLogP, kl))))
	b.report(reconstruction, negLogP)
	b.report(klDivergence, kl)
}

// reconstructionLoss reports −log p(x|z), the mean over the batch of logP, [batch], as the loss: that of a z that is a point.
func (b *builder) reconstructionLoss(logP *gorgonia.Node) {
	b.report(lossOfCode, b.named("loss", must(op.BatchMean(logP, -1))))
}

// reconstructionLossOfEach reports −log p(x|z) of each image, [batch].
func (b *builder) reconstructionLossOfEach(logP *gorgonia.Node) {
	b.report(lossOfCode, b.named("loss", must(op.Scale(logP, -1))))
}

// crossEntropy reports −log p(y|x), the mean over the batch of logP, [batch], as the loss: the cross-entropy of the classes.
func (b *builder) crossEntropy(logP *gorgonia.Node) {
	b.report(lossOfClass, b.named("loss", must(op.BatchMean(logP, -1))))
}

// crossEntropyOfEach reports −log p(y|x) of each image, [batch].
func (b *builder) crossEntropyOfEach(logP *gorgonia.Node) {
	b.report(lossOfClass, b.named("loss", must(op.Scale(logP, -1))))
}
