package model

import (
	"maps"
	"slices"

	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// Likelihood names the distribution p(x|z) of a pixel given the latent.
type Likelihood string

// Bernoulli takes a pixel in [0, 1] as the probability of a one.
const Bernoulli Likelihood = "bernoulli"

// likelihood is what a distribution makes of the decoder's output, [rows, outputs·pixels].
type likelihood struct {
	outputs int                                                    // of the decoder, for each pixel
	logP    func(output, x *gorgonia.Node) (*gorgonia.Node, error) // log p(x|z), [rows], in nats
	mean    func(output *gorgonia.Node) (*gorgonia.Node, error)    // of p(x|z), [rows, pixels]
}

// likelihoods lists those that a Config may name. A new one is added here.
var likelihoods = map[Likelihood]likelihood{
	Bernoulli: {
		outputs: 1, // the logit of the probability
		logP:    op.BernoulliLogLikelihood,
		mean:    func(logits *gorgonia.Node) (*gorgonia.Node, error) { return op.Activate(logits, op.Sigmoid) },
	},
}

// Likelihoods lists them.
func Likelihoods() []Likelihood { return slices.Sorted(maps.Keys(likelihoods)) }

// logLikelihood adds log p(x|z), [rows], of the decoder's output and x, [rows, pixels].
func (b *builder) logLikelihood(output, x *gorgonia.Node) *gorgonia.Node {
	return b.named("log p(x|z)", must(likelihoods[b.Config.Likelihood].logP(output, x)))
}

// mean adds the mean of p(x|z), [rows, pixels], of the decoder's output.
func (b *builder) mean(output *gorgonia.Node) *gorgonia.Node {
	return b.named("pixels", must(likelihoods[b.Config.Likelihood].mean(output)))
}
