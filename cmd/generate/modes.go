package main

import (
	"fmt"
	"slices"
	"strings"

	"govae/internal/picture"
	"govae/model"
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
	draw     func(*generate.Generator, options) (drawing, error)
}

var modes = []mode{
	{name: "samples", single: "sample", n: 64, draw: samples},
	{name: "reconstruct", single: "reconstruction", n: 64, draw: reconstruct},
	{name: "interpolate", single: "interpolation", n: 8, steps: 11, draw: interpolate},
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
	return mode{}, usagef("-mode is %q, want %s", name, strings.Join(names, ", "))
}

func samples(g *generate.Generator, o options) (drawing, error) {
	images, err := g.Sample(o.n, o.seed)
	return drawing{
		title:   fmt.Sprintf("%d samples of seed %d", o.n, o.seed),
		images:  images,
		columns: picture.Columns(o.n),
	}, err
}

func reconstruct(g *generate.Generator, o options) (drawing, error) {
	set, err := openData(g.Config().Image, o, o.n)
	if err != nil {
		return drawing{}, err
	}
	inputs := pick(&set.Test, dataset.Order(set.Test.Len(), o.seed, 0)[:o.n])
	images, err := g.Reconstruct(inputs)
	return drawing{
		title:   fmt.Sprintf("%d test images of %s above their reconstructions", o.n, set.Name),
		each:    fmt.Sprintf("the reconstructions of %d test images of %s", o.n, set.Name),
		images:  images,
		inputs:  inputs,
		columns: min(o.n, reconstructColumns),
	}, err
}

func interpolate(g *generate.Generator, o options) (drawing, error) {
	set, err := openData(g.Config().Image, o, 2*o.n)
	if err != nil {
		return drawing{}, err
	}
	from, to := pairs(set.Test.Labels, dataset.Order(set.Test.Len(), o.seed, 0), o.n)
	images, err := g.Interpolate(pick(&set.Test, from), pick(&set.Test, to), o.steps)
	return drawing{
		title:   fmt.Sprintf("%d steps between each of %d pairs of test images of %s", o.steps, o.n, set.Name),
		images:  images,
		columns: o.steps,
	}, err
}

func manifold(g *generate.Generator, o options) (drawing, error) {
	latent, dims := g.Config().Latent, o.dims
	if latent < 2 {
		return drawing{}, usagef("-mode manifold needs a latent of at least 2 dimensions, and this model's has %d", latent)
	}
	if max(dims[0], dims[1]) >= latent {
		return drawing{}, usagef("-dims is %d,%d, and this model's latent has the dimensions 0 to %d", dims[0], dims[1], latent-1)
	}
	images, err := g.Manifold(o.steps, dims[0], dims[1])
	return drawing{
		title:   fmt.Sprintf("%d×%d quantiles of latent dimensions %d (across) and %d (upwards)", o.steps, o.steps, dims[0], dims[1]),
		images:  images,
		columns: o.steps,
	}, err
}

func traverse(g *generate.Generator, o options) (drawing, error) {
	images, err := g.Traverse(o.steps)
	return drawing{
		title:   fmt.Sprintf("%d steps from -%d to %d of each of %d latent dimensions", o.steps, generate.TraverseRange, generate.TraverseRange, g.Config().Latent),
		images:  images,
		columns: o.steps,
	}, err
}

// openData opens the data set and checks that its test images fit the model and are enough.
func openData(shape model.Image, o options, needed int) (*dataset.Set, error) {
	set, err := dataset.Open(o.data)
	if err != nil {
		return nil, err
	}
	if got := set.Test.Shape; got != shape {
		return nil, fmt.Errorf("the images of %s are %v and the model takes %v: name the data set that it was trained on with -data DIR", set.Name, got, shape)
	}
	if n := set.Test.Len(); n < needed {
		return nil, usagef("-n is %d, which takes %d test images, and %s has %d", o.n, needed, set.Name, n)
	}
	return set, nil
}

// pick returns the images at the given indices, [n, pixels] in [0, 1].
func pick(split *model.Images, indices []int) []float32 {
	pixels := split.Shape.Pixels()
	images := make([]float32, len(indices)*pixels)
	for row, i := range indices {
		split.Fill(images[row*pixels:][:pixels], i)
	}
	return images
}

// pairs takes n pairs of images in the given order. Each is the first image left and the first after it with
// another label, or the next one if no other label is left.
func pairs(labels []byte, order []int, n int) (from, to []int) {
	left := slices.Clone(order)
	for range n {
		first, others := left[0], left[1:]
		other := max(0, slices.IndexFunc(others, func(i int) bool { return labels[i] != labels[first] }))
		from, to = append(from, first), append(to, others[other])
		left = slices.Delete(others, other, other+1)
	}
	return from, to
}
