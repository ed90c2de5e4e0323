package model

import (
	"errors"

	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// CVAE is the conditional variational autoencoder of Sohn, Lee and Yan (Learning Structured Output Representation using Deep
// Conditional Generative Models, NIPS 2015), with a prior that is N(0, I) for every class. Encoder and decoder are told the class y of
// an image, so z need not say it:
//
//	log p(x|y) ≥ − KL(q(z|x, y) ‖ p(z)) + E_q[ log p(x|z, y) ]
const CVAE Kind = "cvae"

var conditional = family{
	parts: map[Part]func(*builder){
		Train:  cvaeTrain,
		Score:  func(b *builder) { b.elboOfEach(b.cvaeTerms()) },
		Encode: cvaeEncode,
		Decode: cvaeDecode,
	},
	prior: true,
	check: func(c Config) error {
		if c.Classes == 0 {
			return errors.New("kind is cvae, which is told the class of each image, and the data have no labels")
		}
		return nil
	},
}

func cvaeTrain(b *builder) {
	logP, kl := b.cvaeTerms()
	b.elbo(logP, kl, b.setting("beta"))
}

// cvaeTerms is x, y → (μ, log σ²) → z and z, y → log p(x|z, y), KL(q(z|x, y) ‖ p(z)), each [batch].
func (b *builder) cvaeTerms() (logP, kl *gorgonia.Node) {
	x, y, epsilon := b.pixels(), b.labels(), b.epsilon()
	mean, logVar := b.posterior(b.encoder(b.beside(x, y)))
	z := b.named("z", must(op.Reparameterize(mean, logVar, epsilon)))
	return b.logLikelihood(b.decoder(b.beside(z, y)), x), b.standardNormalKL(mean, logVar)
}

func cvaeEncode(b *builder) {
	mean, logVar := b.posterior(b.encoder(b.beside(b.pixels(), b.labels())))
	b.Outputs = gorgonia.Nodes{mean, logVar}
}

func cvaeDecode(b *builder) {
	b.Outputs = gorgonia.Nodes{b.mean(b.decoder(b.beside(b.latents(), b.labels())))}
}

// beside adds [a | y], [batch, width of a + classes].
func (b *builder) beside(a, y *gorgonia.Node) *gorgonia.Node {
	return b.named(a.Name()+" | "+y.Name(), must(op.Beside(a, y)))
}
