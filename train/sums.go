package train

import (
	"math"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
)

// sums are sums over the images of an epoch.
type sums struct {
	images  int
	terms   machine.Terms // none where there are no images
	seconds float64
}

// add adds the means over batches. There are n images in all, size in each batch and in the last what is left.
func (s *sums) add(batches []machine.Terms, n, size int) {
	for i, terms := range batches {
		images := min(size, n-i*size)
		if s.terms == nil {
			s.terms = make(machine.Terms, len(terms))
		}
		for k, v := range terms {
			s.terms[k] += float64(images) * v
		}
		s.images += images
	}
}

// mean returns the terms per image.
func (s *sums) mean() machine.Terms {
	terms := make(machine.Terms, len(s.terms))
	for i, sum := range s.terms {
		terms[i] = sum / float64(s.images)
	}
	return terms
}

// sumsOf returns sums as a checkpoint stores them, by the names of a model's terms. One that it does not know becomes NaN.
func sumsOf(stored checkpoint.Sums, terms []model.Term) sums {
	s := sums{images: stored.Images, seconds: stored.Seconds}
	if stored.Images == 0 {
		return s
	}
	for _, term := range terms {
		sum, ok := stored.Terms[term.Name]
		if !ok {
			sum = math.NaN()
		}
		s.terms = append(s.terms, sum)
	}
	return s
}

// stored is the opposite of sumsOf.
func (s *sums) stored(terms []model.Term) checkpoint.Sums {
	stored := checkpoint.Sums{Images: s.images, Seconds: s.seconds}
	for i, sum := range s.terms {
		if stored.Terms == nil {
			stored.Terms = make(map[string]float64)
		}
		if !math.IsNaN(sum) {
			stored.Terms[terms[i].Name] = sum
		}
	}
	return stored
}
