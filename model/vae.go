package model

// Here is the mathematics, in the words of mlp.go (encoder, posterior, decoder), likelihood.go, bound.go (KL and ELBO) and
// builder.go (inputs).

import (
	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// VAE is the variational autoencoder of Kingma and Welling (arXiv:1312.6114).
const VAE Kind = "vae"

var vae = family{
	parts: map[Part]func(*builder){
		Train:  vaeTrain,
		Score:  vaeScore,
		Encode: vaeEncode,
		Decode: vaeDecode,
	},
	prior: true,
}

func vaeTrain(b *builder) {
	logP, kl := b.vaeTerms()
	b.elbo(logP, kl, b.setting("beta"))
}

func vaeScore(b *builder) { b.elboOfEach(b.vaeTerms()) }

// vaeTerms is x → (μ, log σ²) → z → log p(x|z), KL(q(z|x) ‖ p(z)), each [batch].
func (b *builder) vaeTerms() (logP, kl *gorgonia.Node) {
	x, epsilon := b.pixels(), b.epsilon()
	mean, logVar := b.posterior(b.encoder(x))
	z := b.named("z", must(op.Reparameterize(mean, logVar, epsilon)))
	return b.logLikelihood(b.decoder(z), x), b.standardNormalKL(mean, logVar)
}

func vaeEncode(b *builder) {
	mean, logVar := b.posterior(b.encoder(b.pixels()))
	b.Outputs = gorgonia.Nodes{mean, logVar}
}

func vaeDecode(b *builder) { b.Outputs = gorgonia.Nodes{b.mean(b.decoder(b.latents()))} }
