package model

import (
	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// Likelihood names the distribution p(x|z) of a pixel given the latent.
type Likelihood string

// Bernoulli takes a pixel in [0, 1] as the probability of a one.
const Bernoulli Likelihood = "bernoulli"

// likelihood is what a distribution makes of the decoder's output, [batch, pixels].
type likelihood struct {
	logP func(output, x *gorgonia.Node) (*gorgonia.Node, error) // log p(x|z), [batch], in nats
	mean func(output *gorgonia.Node) (*gorgonia.Node, error)    // of p(x|z), [batch, pixels]
}

// likelihoods lists those that a Config may name. A new one is added here.
var likelihoods = map[Likelihood]likelihood{
	Bernoulli: {
		logP: op.BernoulliLogLikelihood,
		mean: func(logits *gorgonia.Node) (*gorgonia.Node, error) { return op.Activate(logits, op.Sigmoid) },
	},
}
