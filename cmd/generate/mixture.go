package main

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"govae/cmd/internal/trained"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/model/gmm"
	"govae/train/dataset"
	"govae/train/generate"
)

// mostCodes is the most training images whose codes a mixture is fitted to: all of MNIST's.
const mostCodes = 60_000

// mixtureOfCodes returns the mixture of the codes of training images: the one that is kept beside the checkpoint, if it is that, or else
// one that it fits, and keeps.
func mixtureOfCodes(ctx context.Context, f *fitting) (*gmm.Mixture, error) {
	k, set, err := f.find(ctx)
	if err != nil {
		return nil, err
	}
	if m := k.load(f.stdout); m != nil {
		fmt.Fprintf(f.stdout, "Took the mixture in %s.\n", words.Printable(k.path))
		return m, nil
	}
	if set == nil {
		if set, err = f.Images(ctx); err != nil {
			return nil, err
		}
	}
	m, err := f.fit(ctx, set)
	if err != nil {
		return nil, err
	}
	k.save(m, f.stdout)
	return m, nil
}

// find returns where the mixture is kept, and the images that it is of where they had to be read to know that.
func (f *fitting) find(ctx context.Context) (kept, *dataset.Set, error) {
	var set *dataset.Set
	images, known := f.ImagesFingerprint()
	if !known {
		var err error
		if set, err = f.Images(ctx); err != nil {
			return kept{}, nil, err
		}
		images = set.Fingerprint()
	}
	weights, err := f.Fingerprint()
	if err != nil {
		return kept{}, nil, err
	}
	return keptBeside(f.Path, weights, images, f.mixture), set, nil
}

// fit fits a mixture to the codes of the set's training images, and says so.
func (f *fitting) fit(ctx context.Context, set *dataset.Set) (*gmm.Mixture, error) {
	name, n := words.Printable(set.Name), set.Train.Len()
	if err := trained.CheckLabels(f.Config(), name, &set.Train, "train", "data"); err != nil {
		return nil, err
	}
	if n < f.mixture.Components {
		return nil, trained.Usagef("-components is %d, and %s has %s: want one at least for each", f.mixture.Components, name, words.Counted(n, "training image"))
	}
	bar := terminal.NewBar(f.stderr)
	defer bar.Clear()
	taken := dataset.Order(n, f.mixture.Seed, 0)
	taken = taken[:min(n, mostCodes)]
	codes, err := encode(ctx, f.Generator, &set.Train, taken, func(done int) { bar.Show(done, len(taken), "encoding images") })
	if err != nil {
		return nil, err
	}
	bar.Clear()
	m, err := fitMixture(ctx, codes, f.mixture, terminal.NewBar(f.stderr))
	if err != nil {
		return nil, fmt.Errorf("mixture of the codes of %s: %w", name, err)
	}
	trace := m.Trace()
	fmt.Fprintf(f.stdout, "Fitted %s to the codes of %s of %s: %.3f nats a code, after %s.\n", gaussians(m.Components(), m.Kind()),
		words.Counted(len(taken), "training image"), name, trace[len(trace)-1], words.Counted(len(trace)-1, "iteration"))
	if !m.Converged() {
		fmt.Fprintf(f.stdout, "Note: the last iteration raised that by more than the tolerance: with more -iterations it may rise further.\n")
	}
	return m, nil
}

// What is encoded at a time: some images, and no more values than these.
const (
	encodedImages = 256
	encodedValues = 1 << 22
)

// encode returns the codes of the images at the given indices, [n, latent]: posterior means, or points where the model has no posterior.
// It tells done of how many there are. When ctx ends, it ends.
func encode(ctx context.Context, g *generate.Generator, split *model.Images, indices []int, done func(int)) (*mat.Dense, error) {
	latent := g.Config().Latent
	codes := make([]float64, 0, len(indices)*latent)
	for some := range slices.Chunk(indices, max(1, min(encodedImages, encodedValues/split.Shape.Pixels()))) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		mean, _, err := g.OfClasses(labelsOf(split, some)...).Encode(pick(split, some))
		if err != nil {
			return nil, err
		}
		for _, v := range mean {
			codes = append(codes, float64(v))
		}
		done(len(codes) / latent)
	}
	return mat.NewDense(len(indices), latent, codes), nil
}

// step is how far a fit is.
type step struct{ start, iteration int }

// fitMixture is gmm.Fit with a progress bar. It returns as soon as ctx ends, however long an iteration takes.
func fitMixture(ctx context.Context, codes *mat.Dense, o gmm.Options, bar *terminal.Bar) (*gmm.Mixture, error) {
	defer bar.Clear()
	steps, ended := make(chan step), make(chan error, 1)
	o.Each = func(start, iteration int) error {
		select {
		case steps <- step{start, iteration}:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var m *gmm.Mixture
	go func() {
		var err error
		m, err = gmm.Fit(codes, o)
		ended <- err
	}()
	passes, n := 0, codes.RawMatrix().Rows // an iteration is a pass over all the images
	for {
		select {
		case s := <-steps:
			passes++
			left := o.MaxIterations - s.iteration - 1 + (o.Starts-s.start-1)*o.MaxIterations // at most: a start may end before
			bar.Show(passes*n, (passes+left)*n, fmt.Sprintf("fitting, start %d of %d", s.start+1, o.Starts))
		case err := <-ended:
			return m, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
