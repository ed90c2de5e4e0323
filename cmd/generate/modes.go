package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"govae/cmd/internal/trained"
	"govae/internal/picture"
	"govae/internal/words"
	"govae/train/dataset"
	"govae/train/generate"
)

// reconstructColumns is the most images in a row of -mode reconstruct.
const reconstructColumns = 16

// mode is one kind of picture.
type mode struct {
	name     string
	single   string // begins the file name of one image
	n, steps int    // defaults of the flags; 0: the mode does not have the flag
	starts   bool   // whether it starts from test images, with a model of some kind at least
	class    bool   // whether it has the flag -class
	prior    bool   // whether it draws latents from the model's prior
	sampler  bool   // whether it has the flag -sampler, with which it draws them from something else
	classes  bool   // whether it draws images of every class, and so is for a model that is told classes
	every    bool   // whether it draws images of every class where the model is told classes, and -class is not given
	draw     func(*work) (drawing, error)
}

// work is what a mode draws with.
type work struct {
	options
	g      *generate.Generator
	images func(context.Context) (*dataset.Set, error) // reads those that flags name, or the run's
	from   string                                      // ends a title: what latents are drawn from, unless it is the prior
}

var modes = []mode{
	{name: "samples", single: "sample", n: 64, class: true, every: true, prior: true, sampler: true, draw: samples},
	{name: "reconstruct", single: "reconstruction", n: 64, starts: true, draw: ofImages(reconstruct)},
	{name: "interpolate", single: "interpolation", n: 8, steps: 11, starts: true, draw: ofImages(interpolate)},
	{name: "manifold", single: "manifold", steps: 20, class: true, prior: true, draw: manifold},
	{name: "traverse", single: "traversal", steps: 11, class: true, starts: true, draw: traverse},
	{name: "analogy", single: "analogy", n: 10, classes: true, starts: true, draw: ofImages(analogy)},
}

func modeNamed(name string) (mode, error) {
	var names []string
	for _, m := range modes {
		if m.name == name {
			return m, nil
		}
		names = append(names, m.name)
	}
	return mode{}, trained.Usagef("-mode is %q, want %s", name, strings.Join(names, ", "))
}

func samples(w *work) (drawing, error) {
	if w.g.Config().Kind.TakesLabels() && !w.classGiven {
		return samplesOfClasses(w)
	}
	images, err := w.g.Sample(w.n, w.seed)
	return drawing{
		title: fmt.Sprintf("%s of seed %d%s", words.Counted(w.n, "sample"), w.seed, w.ofClass()+w.from),
		grid:  picture.Grid{Images: images, Columns: picture.Columns(w.n)},
	}, err
}

// ofImages returns the draw of a mode that starts from test images.
func ofImages(draw func(*work, *dataset.Set) (drawing, error)) func(*work) (drawing, error) {
	return func(w *work) (drawing, error) {
		set, err := w.images(context.Background())
		if err != nil {
			return drawing{}, err
		}
		if err := trained.CheckLabels(w.g.Config(), words.Printable(set.Name), &set.Test, "test", "data"); err != nil {
			return drawing{}, err
		}
		return draw(w, set)
	}
}

func reconstruct(w *work, set *dataset.Set) (drawing, error) {
	n, err := w.number(set, 1)
	if err != nil {
		return drawing{}, err
	}
	taken := dataset.Order(set.Test.Len(), w.seed, 0)[:n]
	inputs := pick(&set.Test, taken)
	images, err := w.g.OfClasses(labelsOf(&set.Test, taken)...).Reconstruct(inputs)
	of, whose := fmt.Sprintf("%s of %s", words.Counted(n, "test image"), words.Printable(set.Name)), "their reconstructions"
	each := "the reconstructions of " + of
	if n == 1 {
		whose, each = "its reconstruction", "the reconstruction of "+of
	}
	return drawing{
		title: of + " above " + whose,
		each:  each,
		grid:  picture.Grid{Images: inputs, Below: images, Columns: min(n, reconstructColumns)},
	}, err
}

func interpolate(w *work, set *dataset.Set) (drawing, error) {
	n, err := w.number(set, 2)
	if err != nil {
		return drawing{}, err
	}
	from, to := pairs(set.Test.Labels, dataset.Order(set.Test.Len(), w.seed, 0), n)
	g := w.g.OfClasses(labelsOf(&set.Test, slices.Concat(from, to))...)
	images, err := g.Interpolate(pick(&set.Test, from), pick(&set.Test, to), w.steps)
	between := "the test images of a pair"
	if n > 1 {
		between = fmt.Sprintf("the test images of each of %s", words.Counted(n, "pair"))
	}
	return drawing{
		title: fmt.Sprintf("%s between %s, of %s", words.Counted(w.steps, "step"), between, words.Printable(set.Name)),
		grid:  picture.Grid{Images: images, Columns: w.steps},
	}, err
}

func manifold(w *work) (drawing, error) {
	latent, dims, why := w.g.Config().Latent, w.dims, ""
	if latent < 2 {
		return drawing{}, trained.Usagef("-mode manifold needs a latent of at least 2 dimensions, and this model's has %d", latent)
	}
	if !w.dimsGiven {
		var err error
		if dims, err = widest(w.g); err != nil {
			return drawing{}, err
		}
		why = ", along which the images vary most"
	}
	if max(dims[0], dims[1]) >= latent {
		return drawing{}, trained.Usagef("-dims is %d,%d, and this model's latent has the dimensions 0 to %d", dims[0], dims[1], latent-1)
	}
	images, err := w.g.Manifold(w.steps, dims[0], dims[1])
	return drawing{
		title: fmt.Sprintf("%d×%d quantiles of latent dimensions %d (across) and %d (upwards)%s%s", w.steps, w.steps, dims[0], dims[1], why, w.ofClass()),
		grid:  picture.Grid{Images: images, Columns: w.steps},
	}, err
}

// widest returns the two latent dimensions of the largest spread, the larger first, and of equal ones the lower first.
func widest(g *generate.Generator) ([2]int, error) {
	spread, err := g.Spread()
	if err != nil {
		return [2]int{}, err
	}
	dims := dataset.Sequence(len(spread))
	slices.SortStableFunc(dims, func(i, j int) int { return cmp.Compare(spread[j], spread[i]) })
	return [2]int(dims), nil
}

func traverse(w *work) (drawing, error) {
	if !w.g.Config().Kind.HasPrior() {
		return ofImages(traverseCodes)(w)
	}
	if err := w.refuseData(); err != nil {
		return drawing{}, err
	}
	images, err := w.g.Traverse(w.steps)
	return w.traversal(images, w.ofClass()), err
}

// codesOf is the most test images that traverseCodes encodes.
const codesOf = 10_000

// traverseCodes takes mean and standard deviations of the codes of test images for those of a prior.
func traverseCodes(w *work, set *dataset.Set) (drawing, error) {
	taken := dataset.Order(set.Test.Len(), w.seed, 0)
	taken = taken[:min(len(taken), codesOf)]
	latent := w.g.Config().Latent
	codes, err := encode(context.Background(), w.g, &set.Test, taken, func(int) {})
	if err != nil {
		return drawing{}, err
	}
	centre, deviation := make([]float32, latent), make([]float32, latent)
	for d := range latent {
		of := mat.Col(nil, d, codes)
		centre[d], deviation[d] = float32(stat.Mean(of, nil)), float32(stat.PopStdDev(of, nil))
	}
	images, err := w.g.TraverseAround(centre, deviation, w.steps)
	return w.traversal(images, fmt.Sprintf(", in standard deviations of the codes of %s of %s, around their mean",
		words.Counted(len(taken), "test image"), words.Printable(set.Name))), err
}

// traversal is a row of images for each latent dimension. What units the steps are in is said after that.
func (w *work) traversal(images []float32, units string) drawing {
	latent := w.g.Config().Latent
	each, numbers := "the only latent dimension", []string{"0"}
	if latent > 1 {
		each = fmt.Sprintf("each of %d latent dimensions", latent)
	}
	for d := 1; d < latent; d++ {
		numbers = append(numbers, strconv.Itoa(d))
	}
	return drawing{
		title: fmt.Sprintf("%s from -%d to %d of %s%s", words.Counted(w.steps, "step"), generate.TraverseRange, generate.TraverseRange, each, units),
		grid:  picture.Grid{Images: images, Columns: w.steps, Labels: numbers},
	}
}
