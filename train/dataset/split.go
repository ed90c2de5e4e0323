package dataset

import (
	"fmt"
	"math"
	"slices"

	"govae/internal/philox"
	"govae/internal/words"
	"govae/model"
)

// split is one of the two parts of a set as arrays have it. Without images it is none.
type split struct {
	model.Images
	name string // of the file or array that the images are from
	path string // the same, with all that a message needs to find it
}

// join makes a set of two splits, of which the second may have no images, as the source wants them.
func (s Source) join(train, test split, notes []string) (*Set, error) {
	if err := s.fit(&train.Images); err != nil {
		return nil, err
	}
	if test.Len() == 0 {
		return &Set{Train: train.Images, Notes: notes}, nil
	}
	if err := s.fit(&test.Images); err != nil {
		return nil, err
	}
	if train.Shape != test.Shape {
		return nil, fmt.Errorf("dataset: %s: images are %v, but those of %s are %v: want the same shape", test.path, test.Shape, train.name, train.Shape)
	}
	if with, without := train, test; (len(with.Labels) == 0) != (len(without.Labels) == 0) {
		if len(with.Labels) == 0 {
			with, without = without, with
		}
		notes = append(notes, fmt.Sprintf("the images of %s have labels and those of %s have none: none are used", with.name, without.name))
		train.Labels, test.Labels = nil, nil
	}
	return &Set{Train: train.Images, Test: test.Images, Notes: notes}, nil
}

// holdOut makes a share of the training images, at least one and not all, the test images of a set that has none, and notes it. Which
// these are depends on how many there are alone, so that everyone who opens the set finds the same, and those of a smaller share are
// among those of a larger. Both parts keep their order.
func holdOut(set *Set, share float64) error {
	n := set.Train.Len()
	if n < 2 {
		return fmt.Errorf("dataset: there is no test set, and %s to make one of: want two at least, one to train on and one to test on", words.Counted(n, "image"))
	}
	count := min(max(int(math.Round(float64(n)*share)), 1), n-1)
	held := heldOut(n, count)

	pixels := set.Train.Shape.Pixels()
	set.Test.Shape = set.Train.Shape
	set.Train.Values, set.Test.Values = divide(set.Train.Values, pixels, held, count)
	if len(set.Train.Labels) > 0 {
		set.Train.Labels, set.Test.Labels = divide(set.Train.Labels, 1, held, count)
	}
	set.HeldOut = true
	set.Notes = append(set.Notes, set.heldOutNote())
	return nil
}

func (s *Set) heldOutNote() string {
	return fmt.Sprintf("no test set: %s of %s are tested on and not trained on",
		words.Thousands(s.Test.Len()), words.Counted(s.Train.Len()+s.Test.Len(), "image"))
}

// heldOut says which of n images are the so many that are held out.
func heldOut(n, count int) []bool {
	held := make([]bool, n)
	for _, i := range shuffled(n, philox.New(0, philox.Holdout, uint64(n)))[:count] {
		held[i] = true
	}
	return held
}

// TakeAll takes back that test images were held out, for those who train on none: all images, in the order in which they were read, are
// then both.
func (s *Set) TakeAll() {
	if !s.HeldOut {
		return
	}
	note := s.heldOutNote()
	s.Notes = slices.DeleteFunc(slices.Clone(s.Notes), func(n string) bool { return n == note })
	held := heldOut(s.Train.Len()+s.Test.Len(), s.Test.Len())
	all := model.Images{Shape: s.Train.Shape, Values: unite(s.Train.Values, s.Test.Values, s.Train.Shape.Pixels(), held)}
	if len(s.Train.Labels) > 0 {
		all.Labels = unite(s.Train.Labels, s.Test.Labels, 1, held)
	}
	s.Train, s.Test, s.HeldOut = all, all, false
}

// unite is the opposite of divide.
func unite(others, out []byte, size int, held []bool) []byte {
	all := make([]byte, 0, len(others)+len(out))
	for _, h := range held {
		from := &others
		if h {
			from = &out
		}
		all, *from = append(all, (*from)[:size]...), (*from)[size:]
	}
	return all
}

// divide takes those of the rows of values, each of so many bytes, that are held out, which are count, from the others. The others stay
// where values has its memory.
func divide(values []byte, size int, held []bool, count int) (others, out []byte) {
	others, out = values[:0], make([]byte, 0, count*size)
	for i, h := range held {
		row := values[i*size:][:size]
		if h {
			out = append(out, row...)
		} else {
			others = append(others, row...)
		}
	}
	return slices.Clip(others), out
}

// Order returns the numbers 0 to n−1 in an order that (seed, epoch) fixes, every order equally likely.
func Order(n int, seed uint64, epoch int) []int {
	return shuffled(n, philox.New(seed, philox.Shuffle, uint64(epoch)))
}

// shuffled returns the numbers 0 to n−1 in random order: the shuffle of Fisher and Yates in Durstenfeld's form (Algorithm 235, CACM 1964).
func shuffled(n int, random *philox.Source) []int {
	order := Sequence(n)
	for i := n - 1; i > 0; i-- {
		j := random.Below(uint32(i + 1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// Sequence returns the numbers 0 to n−1 from the first to the last.
func Sequence(n int) []int {
	sequence := make([]int, n)
	for i := range sequence {
		sequence[i] = i
	}
	return sequence
}
