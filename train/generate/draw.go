package generate

import (
	"fmt"

	"govae/internal/philox"
	"govae/model"
	"govae/model/gmm"
)

// Sample returns n images, [n, pixels] in [0, 1], of latents drawn from the prior: the means of p(x|z) for z ~ N(0, I), or for z from the
// mixture of SamplingFrom. Image i depends on the seed and on i, so it is the same for every n. It returns ErrInput where n is below 1 or
// too large, and model.ErrCannot where the model has no prior and SamplingFrom gives no mixture.
func (g *Generator) Sample(n int, seed uint64) ([]float32, error) {
	z, err := g.draw(n, seed)
	if err != nil {
		return nil, err
	}
	return g.Decode(z)
}

// SamplingFrom returns a Generator of the same model, on the same device, whose Sample and SampleEveryClass draw latents from a mixture in
// the place of the prior,
//
//	z ~ Σₖ wₖ N(μₖ, Σₖ)
//
// such as one that gmm.Fit has fitted to the codes of images, which Encode returns. Where these do not lie as N(0, I) has it, the decoder
// so meets latents like those that it was trained on (Ghosh, Sajjadi, Vergari, Black and Schölkopf, arXiv:1903.12436, section 4). Latent i
// is row i of Mixture.Sample, rounded to float32.
//
// It returns at once: a mixture in another number of dimensions than the latent has is an ErrInput of the call that draws. Without a mixture,
// nil, the prior is drawn from.
//
// Close of it leaves g as it is.
func (g *Generator) SamplingFrom(m *gmm.Mixture) *Generator {
	of := *g
	of.close = nil
	of.mixture = m
	return &of
}

// draw returns n latents, [n, latent], of which latent i depends on the seed and on i.
func (g *Generator) draw(n int, seed uint64) ([]float32, error) {
	if g.mixture != nil {
		return g.drawMixture(n, seed)
	}
	if err := g.needPrior(); err != nil {
		return nil, err
	}
	z, err := g.latents(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		philox.New(seed, philox.Latent, uint64(i)).Normal(row(z, i, g.config.Latent))
	}
	return z, nil
}

// drawMixture is draw from the mixture.
func (g *Generator) drawMixture(n int, seed uint64) ([]float32, error) {
	if got, want := g.mixture.Dim(), g.config.Latent; got != want {
		return nil, badInput("a mixture in %d dimensions, want %d: those of the latent", got, want)
	}
	z, err := g.latents(n)
	if err != nil {
		return nil, err
	}
	for i, v := range g.mixture.Sample(n, seed).RawMatrix().Data {
		z[i] = float32(v)
	}
	return z, nil
}

// needPrior reports that the model has no prior to draw latents from.
func (g *Generator) needPrior() error {
	if g.config.Kind.HasPrior() {
		return nil
	}
	return fmt.Errorf("generate: %w: kind %s has no prior, from which latents are drawn where there is no image", model.ErrCannot, g.config.Kind)
}

// latents returns n latents of zeros, [n, latent].
func (g *Generator) latents(n int) ([]float32, error) {
	if err := g.checkNumber(n); err != nil {
		return nil, err
	}
	return make([]float32, n*g.config.Latent), nil
}
