package main

import (
	"fmt"
	"slices"

	"govae/cmd/internal/trained"
	"govae/internal/words"
	"govae/model"
	"govae/train/dataset"
)

// number returns how many images or pairs to draw, each of which takes so many test images of the set: what -n says, or else what the
// mode draws, or as many as there are.
func (w *work) number(set *dataset.Set, each int) (int, error) {
	have := set.Test.Len()
	switch {
	case w.n*each <= have:
		return w.n, nil
	case w.nGiven:
		return 0, trained.Usagef("-n is %d, which takes %s, and %s has %s", w.n, words.Counted(w.n*each, "test image"), words.Printable(set.Name), words.Thousands(have))
	case have < each:
		return 0, fmt.Errorf("-mode %s takes at least %s, and %s has %s", w.mode.name, words.Counted(each, "test image"), words.Printable(set.Name), words.Thousands(have))
	}
	return have / each, nil
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
// another label, or the next one if no other label is left or there are no labels.
func pairs(labels []byte, order []int, n int) (from, to []int) {
	left := slices.Clone(order)
	for range n {
		first, others := left[0], left[1:]
		other := max(0, slices.IndexFunc(others, func(i int) bool { return len(labels) > 0 && labels[i] != labels[first] }))
		from, to = append(from, first), append(to, others[other])
		left = slices.Delete(others, other, other+1)
	}
	return from, to
}
