package generate

import (
	"gonum.org/v1/gonum/stat"

	"govae/internal/philox"
)

// What Spread decodes for each dimension: in all, the images of one run of a graph.
const (
	spreadDraws  = 8
	spreadPlaces = 8
	spreadSeed   = 1
)

// Spread returns for each latent dimension how much of the images it moves, [latent]: the variance of a pixel that is left when all
// other dimensions are known, as a mean over the pixels p of the decoded image x and over the prior,
//
//	spread[d] = mean over p of E[ Var( x_p(z) | z_e for all e ≠ d ) ],  z ~ N(0, I)
//
// the numerator of the total effect of z_d (Homma and Saltelli, Reliability Engineering & System Safety 52, 1996). The others are drawn
// from the prior, and are not 0, because next to no latent of many dimensions lies near 0: what a dimension does there, where Manifold
// and Traverse show it, may be little beside what it does to the images that the model generates. Where the decoder does not look at a
// dimension, as after a collapse of the posterior, its spread is 0.
//
// E is the mean over 8 draws of the others, which are the same for each d and at each call, and Var the variance over the 8 quantiles
// of N(0, 1) that Manifold would take. So each dimension costs one run of a graph. The error is ErrInput where 64 images are too large, and
// model.ErrCannot where the model has no prior.
func (g *Generator) Spread() ([]float64, error) {
	if err := g.needPrior(); err != nil {
		return nil, err
	}
	latent, pixels := g.config.Latent, g.config.Image.Pixels()
	z, err := g.latents(spreadDraws * spreadPlaces)
	if err != nil {
		return nil, err
	}
	others := make([]float32, spreadDraws*latent)
	for i := range spreadDraws {
		philox.New(spreadSeed, philox.Latent, uint64(i)).Normal(row(others, i, latent))
	}
	places := normalQuantiles(spreadPlaces)
	spread := make([]float64, latent)
	values := make([]float64, spreadPlaces)
	for d := range spread {
		for i := range spreadDraws * spreadPlaces {
			at := row(z, i, latent)
			copy(at, row(others, i/spreadPlaces, latent))
			at[d] = places[i%spreadPlaces]
		}
		images, err := g.Decode(z)
		if err != nil {
			return nil, err
		}
		for i := range spreadDraws * pixels {
			for k := range values {
				values[k] = float64(row(images, i/pixels*spreadPlaces+k, pixels)[i%pixels])
			}
			spread[d] += stat.PopVariance(values, nil) / float64(spreadDraws*pixels)
		}
	}
	return spread, nil
}
