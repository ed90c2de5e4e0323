package main

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"govae/bench/internal/letters"
	"govae/internal/philox"
	"govae/internal/words"
	"govae/model"
	"govae/train/dataset"
)

// noises are the standard deviations of what is added to each pixel, of which the result is cut to 0 to 1.
var noises = []float64{0.1, 0.25, 0.5}

const (
	squareSide = 10 // of what is made black
	margin     = 4  // that the square leaves free, as digits do
)

const lettersDrawn = 2600 // whole alphabets in each font

// corruption is what is shown to the models and what should come out.
type corruption struct {
	Name     string
	Shown, X []float32
	Floor    float64   // the mean of −log p(x) where each pixel's probability is the pixel
	Costs    []float64 // the mean of −log p(x|z) of each of the models, in the order of results.Wide
	Pictured bool
}

// foreign is a set of images that are not digits.
type foreign struct {
	name   string
	images model.Images
}

// foreignSets returns letters, and the test images of the set at path, if there is one, which must be of the given shape.
func foreignSets(path string, shape model.Image) ([]foreign, error) {
	drawn, err := letters.Draw(lettersDrawn, seed)
	if err != nil {
		return nil, err
	}
	sets := []foreign{{"letters", *drawn}}
	if path == "" {
		return sets, nil
	}
	set, err := dataset.Open(path)
	if err != nil {
		return nil, err
	}
	if set.Test.Shape != shape {
		return nil, fmt.Errorf("-foreign %s has images of %v, want %v", words.Printable(path), set.Test.Shape, shape)
	}
	return append(sets, foreign{words.Printable(set.Name), set.Test}), nil
}

// corruptAll measures how all models with the wide latent reconstruct images that are not as those they have learned.
func (s *study) corruptAll(r *results) error {
	shape := s.set.Test.Shape
	all := []corruption{{Name: "as they are", Shown: s.test, X: s.test, Pictured: true}}
	for _, sigma := range noises {
		all = append(all, corruption{Name: fmt.Sprintf("noise, σ = %v", sigma), Shown: noisy(s.test, shape, sigma), X: s.test, Pictured: sigma == slices.Max(noises)})
	}
	all = append(all, corruption{Name: fmt.Sprintf("a black square of %d×%d", squareSide, squareSide), Shown: occluded(s.test, shape), X: s.test, Pictured: true})
	for _, f := range r.Foreign {
		x := values(&f.images, 0, f.images.Len())
		all = append(all, corruption{Name: f.name, Shown: x, X: x, Pictured: true})
	}
	for _, c := range all {
		c.Floor = stat.Mean(entropies(c.X, shape.Pixels()), nil)
		for _, n := range r.Wide() {
			cost, err := s.models[n.name].meanCost(c.Shown, c.X)
			if err != nil {
				return err
			}
			c.Costs = append(c.Costs, cost)
		}
		r.Corruptions = append(r.Corruptions, c)
	}
	return nil
}

// noisy adds N(0, σ²) to each pixel and cuts what is below 0 and above 1.
func noisy(x []float32, shape model.Image, sigma float64) []float32 {
	noise := make([]float32, shape.Pixels())
	out := slices.Clone(x)
	for i, image := range rows(out, len(x)/len(noise)) {
		philox.New(seed, philox.PixelNoise, uint64(i)).Normal(noise)
		for k, e := range noise {
			image[k] = min(1, max(0, image[k]+float32(sigma)*e))
		}
	}
	return out
}

// occluded lays a black square on each image, anywhere in the box that digits are in.
func occluded(x []float32, shape model.Image) []float32 {
	out := slices.Clone(x)
	for i, image := range rows(out, len(x)/shape.Pixels()) {
		place := philox.New(seed, philox.PixelNoise, uint64(i))
		top := margin + int(place.Below(uint32(shape.Height-2*margin-squareSide+1)))
		left := margin + int(place.Below(uint32(shape.Width-2*margin-squareSide+1)))
		for y := top; y < top+squareSide; y++ {
			clear(image[y*shape.Width+left:][:squareSide])
		}
	}
	return out
}
