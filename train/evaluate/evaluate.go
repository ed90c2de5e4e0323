// Package evaluate measures a trained model on images: its terms with their standard errors and how many dimensions of the latent it
// uses (Over), how well a score tells two sets of images apart (AUROC), how far clusters agree with labels (Agree), and how far a set of
// features is from another (Frechet).
package evaluate

import (
	"context"
	"fmt"
	"math"

	"govae/model"
	"govae/model/machine"
	"govae/train/generate"
)

// ActiveVariance is above what the variance of a dimension's posterior mean is where Burda et al. call the dimension active.
const ActiveVariance = 0.01

// Options are what Over can be asked for besides its result.
type Options struct {
	Seed uint64 // of what is drawn for the terms, as for generate.Generator.Score

	// Each is given the terms and codes of the images as soon as they are known, in the order of the images. Its error ends Over. It may
	// be nil.
	Each func(Part) error

	// Progress is told how many of the images are done. It may be nil.
	Progress func(done, of int)
}

// Part is what there is to know of each of some images.
type Part struct {
	First int             // place of the first of them
	Terms []machine.Terms // in nats, in the order of Result.Terms
	Codes []float32       // the posterior means, [images, latent], or what a model has in their place: [images, Config.CodeWidth()]
}

// Result is what Over has found.
type Result struct {
	Terms  []model.Term // what Mean and StandardError are of
	Images int          // over which all is: those that were there, or fewer after an interruption

	// The mean over the images of each term, in nats, and its standard error, s/√n, with s² the sample variance, of n−1 degrees of
	// freedom: how far the mean would lie from that of any number of such images. Of one image there is none: NaN.
	Mean          machine.Terms
	StandardError []float64

	// For each dimension of the latent the sample variance over the images of the code, the posterior mean E_q(z|x)[z]. Of one image
	// there is none: NaN.
	Variance []float64

	// Whether a code is a distribution's mean. If not, no dimension is called active.
	Posterior bool
}

// Active returns the dimensions u of the latent, counted from 0, that the model uses, by the definition of Burda, Grosse and
// Salakhutdinov (arXiv:1509.00519, section 5.2):
//
//	Var_x( E_{z ~ q(z|x)}[z_u] ) > 0.01
//
// Where the posterior has collapsed onto the prior, the mean is nearly the same for every image. A model whose code is a point has no
// prior to which the threshold would relate, and no active dimensions in that sense.
func (r *Result) Active() []int {
	active := []int{}
	for u, variance := range r.Variance {
		if r.Posterior && variance > ActiveVariance {
			active = append(active, u)
		}
	}
	return active
}

// Over evaluates the model of g on the images, which must be at least one, of the shape that the model takes. A batch of them at a time
// is worked on, so memory does not grow with their number. What is found has the same bits for any number of cores.
//
// The terms are those of generate.Generator.Score, so the first, for a VAE the negative ELBO, has the KL at its full weight whatever β
// the model was trained with. With the seed of a run and its test images, their means are the run's test loss and its terms, if its β is
// 1: both are sums of the same numbers, which differ in how they are rounded.
//
// A model that is told classes is told the images' labels; of images without labels the error is model.ErrCannot.
//
// When ctx is done, it returns what it has found by then, which may be of no image, with the cause of ctx. Any other error comes without
// a result: it says what of the images does not fit, or which of them has a term that is not finite, or is of g or of Each.
func Over(ctx context.Context, g *generate.Generator, images *model.Images, o Options) (*Result, error) {
	cfg := g.Config()
	if err := images.Check(); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if images.Shape != cfg.Image {
		return nil, fmt.Errorf("evaluate: the images are %v, and the model takes %v", images.Shape, cfg.Image)
	}
	n, pixels, width := images.Len(), cfg.Image.Pixels(), cfg.CodeWidth()
	r := &Result{Terms: cfg.Terms()}
	terms, codes := newMoments(len(r.Terms)), newMoments(width)
	x := make([]float32, min(n, batchOf(pixels))*pixels)
	for r.Images < n && ctx.Err() == nil {
		x = x[:min(len(x)/pixels, n-r.Images)*pixels]
		part, err := r.next(g, images, x, o.Seed)
		if err != nil {
			return nil, err
		}
		for i, t := range part.Terms {
			terms.add(t)
			codes.addFloat32(part.Codes[i*width:][:width])
		}
		r.Images += len(part.Terms)
		if o.Each != nil {
			if err := o.Each(part); err != nil {
				return nil, err
			}
		}
		if o.Progress != nil {
			o.Progress(r.Images, n)
		}
	}
	r.Mean, r.Variance = terms.mean, codes.variance()
	for _, variance := range terms.variance() {
		r.StandardError = append(r.StandardError, math.Sqrt(variance/float64(r.Images)))
	}
	if r.Images < n {
		return r, context.Cause(ctx)
	}
	return r, nil
}

// next returns what there is to know of the images that come next and fill x.
func (r *Result) next(g *generate.Generator, images *model.Images, x []float32, seed uint64) (Part, error) {
	pixels := images.Shape.Pixels()
	n := len(x) / pixels
	for i := range n {
		images.Fill(x[i*pixels:][:pixels], r.Images+i)
	}
	if len(images.Labels) > 0 { // of which a model that is not told classes makes nothing
		g = g.OfClasses(images.Labels[r.Images:][:n]...)
	}
	scores, err := g.ScoreFrom(x, seed, r.Images)
	if err != nil {
		return Part{}, err
	}
	for i, score := range scores {
		for k, v := range score {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return Part{}, fmt.Errorf("evaluate: %s of image %d is %v: the weights are too large", r.Terms[k].Name, r.Images+i, v)
			}
		}
	}
	codes, logVar, err := g.Encode(x)
	if err != nil {
		return Part{}, err
	}
	r.Posterior = logVar != nil
	return Part{First: r.Images, Terms: scores, Codes: codes}, nil
}

// How many images are worked on at a time: enough to make little of what a call costs, and as many as fit in 16 MiB. Some machines work
// on 64 at a time, so a multiple of that is best where there are so many.
const (
	mostImages = 1024
	mostValues = 1 << 22
	atATime    = 64
)

func batchOf(pixels int) int {
	images := max(1, min(mostImages, mostValues/pixels))
	if images > atATime {
		images -= images % atATime
	}
	return images
}
