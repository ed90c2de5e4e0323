package generate

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"govae/model"
)

// TraverseRange is how far Traverse and TraverseAround go to each side, in standard deviations.
const TraverseRange = 3

// Interpolate walks in equal steps from one image's latent to another's, and returns the images on the way,
// [pairs, steps, pixels]: those of
//
//	z = (1−t)·μ(from) + t·μ(to),  t = 0, 1/(steps−1), …, 1
//
// with μ the posterior mean. So each walk starts and ends with the reconstructions of its two images. Of a model that is told classes, it
// goes in the same steps from the class of the one to that of the other, both one-hot.
// from and to are [pairs, pixels] in [0, 1]. It returns ErrInput where Encode does of either, they differ in length, or steps is
// below 2 or too large.
func (g *Generator) Interpolate(from, to []float32, steps int) ([]float32, error) {
	if len(from) != len(to) {
		return nil, badInput("interpolate from %d values to %d, want as many", len(from), len(to))
	}
	pairs, err := g.count("images", len(from), g.config.Image.Pixels())
	if err != nil {
		return nil, err
	}
	if err := g.checkSteps(steps, pairs); err != nil {
		return nil, err
	}
	ofFrom, ofTo := g, g
	if len(g.classes) == 2*pairs {
		ofFrom, ofTo = g.OfClasses(g.classes[:pairs]...), g.OfClasses(g.classes[pairs:]...)
	}
	starts, _, err := ofFrom.Encode(from)
	if err != nil {
		return nil, err
	}
	ends, _, err := ofTo.Encode(to)
	if err != nil {
		return nil, err
	}
	way := fed{n: pairs * steps, z: walk(starts, ends, pairs, steps)}
	if g.config.Kind.TakesLabels() {
		startsAt, err := ofFrom.oneHot(pairs)
		if err != nil {
			return nil, err
		}
		endsAt, err := ofTo.oneHot(pairs)
		if err != nil {
			return nil, err
		}
		way.y = walk(startsAt, endsAt, pairs, steps)
	}
	outputs, err := g.forward(model.Decode, way)
	if err != nil {
		return nil, err
	}
	return outputs[0], nil
}

// walk returns (1−t)·start + t·end in equal steps of t from 0 to 1, [pairs, steps, width], of starts and ends, [pairs, width].
func walk(starts, ends []float32, pairs, steps int) []float32 {
	width := len(starts) / pairs
	way := make([]float32, pairs*steps*width)
	for pair := range pairs {
		start, end := row(starts, pair, width), row(ends, pair, width)
		for step := range steps {
			t := float32(step) / float32(steps-1)
			for d := range width {
				row(way, pair*steps+step, width)[d] = (1-t)*start[d] + t*end[d]
			}
		}
	}
	return way
}

// Manifold returns the images, [side, side, pixels], of a grid over two latent dimensions; all others are 0.
// The first dimension grows to the right and the second upwards, like the axes of a plot. The places on an axis are
//
//	Φ⁻¹((k+½)/side),  k = 0 … side−1
//
// with Φ⁻¹ the quantile function of N(0, 1), so each image stands for an equal share of the prior (Kingma and Welling,
// arXiv:1312.6114, figure 4). It returns ErrInput where side is below 1 or too large, or first and second are not two
// different dimensions of the latent, counted from 0, and model.ErrCannot where the model has no prior.
func (g *Generator) Manifold(side, first, second int) ([]float32, error) {
	if err := g.needPrior(); err != nil {
		return nil, err
	}
	latent := g.config.Latent
	if first < 0 || first >= latent || second < 0 || second >= latent || first == second {
		return nil, badInput("manifold over dimensions %d and %d of a latent of size %d, want two different ones, counted from 0", first, second, latent)
	}
	if side < 1 || side > maxSide {
		return nil, badInput("manifold of %d images a side, want 1 to %d", side, maxSide)
	}
	z, err := g.latents(side * side)
	if err != nil {
		return nil, err
	}
	places := normalQuantiles(side)
	for r := range side {
		for c := range side {
			at := row(z, r*side+c, latent)
			at[first] = places[c]
			at[second] = places[side-1-r] // the top row is the highest
		}
	}
	return g.Decode(z)
}

// normalQuantiles returns the n places on the line that split N(0, 1) into shares 1/(2n), 1/n, …, 1/n, 1/(2n), growing.
func normalQuantiles(n int) []float32 {
	places := make([]float32, n)
	for k := range places {
		places[k] = float32(distuv.UnitNormal.Quantile((float64(k) + 0.5) / float64(n)))
	}
	return places
}

// Traverse moves each latent dimension in turn from −TraverseRange to TraverseRange in equal steps, with all others
// at 0, and returns the images, [latent, steps, pixels]. Dimensions that the model does not use show no change.
// It returns ErrInput where steps is below 2 or too large, and model.ErrCannot where the model has no prior: TraverseAround does without.
func (g *Generator) Traverse(steps int) ([]float32, error) {
	if err := g.needPrior(); err != nil {
		return nil, err
	}
	centre, deviation := make([]float32, g.config.Latent), make([]float32, g.config.Latent)
	for d := range deviation {
		deviation[d] = 1
	}
	return g.TraverseAround(centre, deviation, steps)
}

// TraverseAround moves each latent dimension d in turn from centre[d] − TraverseRange·deviation[d] to centre[d] +
// TraverseRange·deviation[d] in equal steps, with all others at the centre, and returns the images, [latent, steps, pixels]. Traverse
// does so around the prior's mean, in its standard deviations; where a model has no prior, those of the codes of images take their place.
// It returns ErrInput where steps is below 2 or too large, centre or deviation is not a finite number for each dimension, or a latent
// would be none.
func (g *Generator) TraverseAround(centre, deviation []float32, steps int) ([]float32, error) {
	latent := g.config.Latent
	if err := g.checkSteps(steps, latent); err != nil {
		return nil, err
	}
	if len(centre) != latent || len(deviation) != latent {
		return nil, badInput("a centre of %d dimensions and deviations of %d, want the latent's %d", len(centre), len(deviation), latent)
	}
	if err := checkValues("deviations", deviation, 0, math.MaxFloat32, "a finite number from 0 on"); err != nil {
		return nil, err
	}
	z := make([]float32, latent*steps*latent)
	for d := range latent {
		for step := range steps {
			at := row(z, d*steps+step, latent)
			copy(at, centre)
			at[d] += deviation[d] * (TraverseRange * (2*float32(step)/float32(steps-1) - 1))
		}
	}
	return g.Decode(z)
}

// maxSide keeps side² and steps·rows far from overflow; memory sets the real limit.
const maxSide = 1 << 14

// checkSteps reports a number of steps too small for a walk, or too large for so many rows.
func (g *Generator) checkSteps(steps, rows int) error {
	if steps < 2 || steps > maxSide {
		return badInput("%d steps, want 2 to %d", steps, maxSide)
	}
	return g.checkNumber(rows * steps)
}
