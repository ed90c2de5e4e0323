package dataset

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"govae/model"
)

// The expected places come from an independent implementation, in Python, of Philox4x32-10, Lemire's method and the shuffle.
func TestHoldOut(t *testing.T) {
	tests := []struct {
		n     int
		share float64
		held  []byte
		note  string
	}{
		{10, 0.3, []byte{0, 5, 9}, "3 of 10 images are"},
		{10, 0.1, []byte{5}, "1 of 10 images are"},
		{3, 0.1, []byte{2}, "1 of 3 images are"}, // at least one
		{2, 0.9, []byte{0}, "1 of 2 images are"}, // and not all
		{25, 0.1, []byte{4, 17, 19}, "3 of 25 images are"},
		{7, 0.9, []byte{0, 2, 3, 4, 5, 6}, "6 of 7 images are"},
	}
	for _, test := range tests {
		var values, labels, restValues, restLabels, heldValues []byte
		for i := range byte(test.n) {
			image := []byte{i, i + 100}
			values, labels = append(values, image...), append(labels, i)
			if slices.Contains(test.held, i) {
				heldValues = append(heldValues, image...)
			} else {
				restValues, restLabels = append(restValues, image...), append(restLabels, i)
			}
		}
		shape := model.Image{Height: 1, Width: 2, Channels: 1}
		set := &Set{Train: model.Images{Shape: shape, Values: bytes.Clone(values), Labels: bytes.Clone(labels)}}
		if err := holdOut(set, test.share); err != nil {
			t.Errorf("%v of %d: %v", test.share, test.n, err)
			continue
		}
		if !bytes.Equal(set.Test.Labels, test.held) || !bytes.Equal(set.Test.Values, heldValues) || set.Test.Shape != shape {
			t.Errorf("%v of %d: %v are held out, want those with the labels %v", test.share, test.n, set.Test, test.held)
		}
		if !bytes.Equal(set.Train.Labels, restLabels) || !bytes.Equal(set.Train.Values, restValues) {
			t.Errorf("%v of %d: %v are left, want those with the labels %v", test.share, test.n, set.Train, restLabels)
		}
		if len(set.Notes) != 1 || !strings.Contains(set.Notes[0], test.note) || !set.HeldOut {
			t.Errorf("%v of %d: notes are %q, want %q", test.share, test.n, set.Notes, test.note)
		}
		set.TakeAll()
		for _, all := range []model.Images{set.Train, set.Test} {
			if !bytes.Equal(all.Values, values) || !bytes.Equal(all.Labels, labels) || all.Shape != shape {
				t.Errorf("%v of %d: all are %v, want them as they were", test.share, test.n, all)
			}
		}
		if set.HeldOut || len(set.Notes) > 0 {
			t.Errorf("%v of %d: with all taken, notes are %q", test.share, test.n, set.Notes)
		}
	}
}

// Opened again, and by somebody who asks for a smaller share, a set holds out the same images, and it keeps what was asked for.
func TestHoldOutIsTheSameAgain(t *testing.T) {
	dir := writeTree(t, map[string][]byte{"train-images-idx3-ubyte.gz": images(200, 1, 1, ramp(200))})
	source := Source{Path: dir, Holdout: 0.2}
	first, err := source.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first.Test.Len() != 40 || first.Train.Len() != 160 || first.Source != source || len(first.Train.Labels) > 0 {
		t.Errorf("%d and %d images of %v", first.Train.Len(), first.Test.Len(), first.Source)
	}
	again, err := source.Open(t.Context(), nil)
	if err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("opened again: %v, another fingerprint", err)
	}
	source.Holdout = 0.05
	fewer, err := source.Open(t.Context(), nil)
	if err != nil || fewer.Test.Len() != 10 {
		t.Fatalf("%d images held out, want 10; %v", fewer.Test.Len(), err)
	}
	for _, v := range fewer.Test.Values {
		if !bytes.Contains(first.Test.Values, []byte{v}) {
			t.Errorf("image %d is held out of a smaller share alone", v)
		}
	}
}

func TestHoldOutOfTooFew(t *testing.T) {
	dir := writeTree(t, map[string][]byte{"train-images-idx3-ubyte.gz": images(1, 4, 5, ramp(20))})
	checkError(t, dir, "there is no test set, and 1 image to make one of: want two at least")
}

// The expected orders come from an independent implementation, in Python, of Philox4x32-10, Lemire's method and the shuffle.
func TestOrderIsFixedBySeedAndEpoch(t *testing.T) {
	tests := []struct {
		seed  uint64
		epoch int
		want  []int
	}{
		{1, 1, []int{8, 5, 2, 7, 0, 3, 9, 6, 4, 1}},
		{1<<40 | 7, 3, []int{2, 6, 0, 4, 1, 3, 5, 9, 8, 7}},
	}
	for _, test := range tests {
		if got := Order(10, test.seed, test.epoch); !slices.Equal(got, test.want) {
			t.Errorf("order of seed %d, epoch %d is %v, want %v", test.seed, test.epoch, got, test.want)
		}
	}
	first := Order(1000, 1, 1)
	if slices.Equal(first, Order(1000, 1, 2)) || slices.Equal(first, Order(1000, 2, 1)) {
		t.Error("another epoch or another seed has the same order")
	}
}

func TestSequence(t *testing.T) {
	if got, want := Sequence(4), []int{0, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Sequence(0); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}

func TestOrderHasEveryIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 129, 60000} {
		order := Order(n, 5, 7)
		slices.Sort(order)
		for i, index := range order {
			if index != i {
				t.Fatalf("n %d: index %d is missing or doubled", n, i)
			}
		}
		if len(order) != n {
			t.Errorf("n %d: %d indices", n, len(order))
		}
	}
}

// Each of the 24 orders of four things is equally likely: a χ² test with 23 degrees of freedom.
func TestOrderIsUniform(t *testing.T) {
	const epochs, expected = 24000, 1000
	counts := map[[4]int]int{}
	for epoch := range epochs {
		counts[[4]int(Order(4, 1, epoch))]++
	}
	var chiSquare float64
	for _, count := range counts {
		chiSquare += float64((count-expected)*(count-expected)) / expected
	}
	chiSquare += float64(24-len(counts)) * expected // orders that never came
	if chiSquare > 49.73 {
		t.Errorf("χ² is %.1f, want at most 49.73, its 99.9%% quantile", chiSquare)
	}
}
