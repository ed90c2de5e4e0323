package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	draw     func(*work) (drawing, error)
}

// work is what a mode draws with.
type work struct {
	options
	g      *generate.Generator
	images func(context.Context) (*dataset.Set, error) // reads those that flags name, or the run's
}

var modes = []mode{
	{name: "samples", single: "sample", n: 64, draw: samples},
	{name: "reconstruct", single: "reconstruction", n: 64, draw: ofImages(reconstruct)},
	{name: "interpolate", single: "interpolation", n: 8, steps: 11, draw: ofImages(interpolate)},
	{name: "manifold", single: "manifold", steps: 20, draw: manifold},
	{name: "traverse", single: "traversal", steps: 11, draw: traverse},
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
	images, err := w.g.Sample(w.n, w.seed)
	return drawing{
		title: fmt.Sprintf("%s of seed %d", words.Counted(w.n, "sample"), w.seed),
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
		return draw(w, set)
	}
}

func reconstruct(w *work, set *dataset.Set) (drawing, error) {
	n, err := w.number(set, 1)
	if err != nil {
		return drawing{}, err
	}
	inputs := pick(&set.Test, dataset.Order(set.Test.Len(), w.seed, 0)[:n])
	images, err := w.g.Reconstruct(inputs)
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
	images, err := w.g.Interpolate(pick(&set.Test, from), pick(&set.Test, to), w.steps)
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
		title: fmt.Sprintf("%d×%d quantiles of latent dimensions %d (across) and %d (upwards)%s", w.steps, w.steps, dims[0], dims[1], why),
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
	images, err := w.g.Traverse(w.steps)
	latent := w.g.Config().Latent
	each, numbers := "the only latent dimension", []string{"0"}
	if latent > 1 {
		each = fmt.Sprintf("each of %d latent dimensions", latent)
	}
	for d := 1; d < latent; d++ {
		numbers = append(numbers, strconv.Itoa(d))
	}
	return drawing{
		title: fmt.Sprintf("%s from -%d to %d of %s", words.Counted(w.steps, "step"), generate.TraverseRange, generate.TraverseRange, each),
		grid:  picture.Grid{Images: images, Columns: w.steps, Labels: numbers},
	}, err
}
