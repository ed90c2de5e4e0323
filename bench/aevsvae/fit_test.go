package main

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"govae/model"
	"govae/train/dataset"
)

// small is a study of some of MNIST.
func small(t *testing.T) *study {
	t.Helper()
	set, err := dataset.Open(dataset.MNIST)
	if err != nil {
		t.Fatal(err)
	}
	return &study{set: set, epochs: 1, test: values(&set.Test, 0, 200), models: make(map[name]*autoencoder)}
}

// A plain autoencoder's score is the same −log p(x|z), computed from logits and not from probabilities. Training makes logits of great
// size, where the probability of a one has no digits left.
func TestCostIsTheScore(t *testing.T) {
	s := small(t)
	n := name{model.AE, 256, wide}
	if _, err := s.fit(n); err != nil {
		t.Fatal(err)
	}
	a := s.models[n]
	defer a.close()
	got, err := a.cost(s.test, s.test)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := a.Score(s.test, seed)
	if err != nil {
		t.Fatal(err)
	}
	for i, score := range scores {
		if want := score[0]; !(math.Abs(got[i]-want) < 1e-4*want) {
			t.Errorf("image %d costs %v, want %v", i, got[i], want)
		}
	}
	pixels := s.set.Test.Shape.Pixels()
	for i, floor := range entropies(s.test, pixels) {
		if !(floor > 0 && floor <= got[i]) {
			t.Errorf("image %d costs %v, and at least %v", i, got[i], floor)
		}
	}
}

func TestEntropies(t *testing.T) {
	got := entropies([]float32{0, 1, 0.5, 0.25}, 2)
	want := []float64{0, math.Ln2 - 0.25*math.Log(0.25) - 0.75*math.Log(0.75)}
	if !floats.EqualApprox(got, want, 1e-6) {
		t.Errorf("entropies %v, want %v", got, want)
	}
}

func TestBestIsTheLowestOnTestImages(t *testing.T) {
	c := curve{Points: []point{{Epoch: 1, Test: 3}, {Epoch: 2, Test: 1}, {Epoch: 3, Test: 2}}}
	if got := c.Best().Epoch; got != 2 {
		t.Errorf("the best epoch is %d, want 2", got)
	}
}

func TestRounded(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{-0.04, "0.0"}, {-0.06, "−0.1"}, {12.34, "12.3"}, {0, "0.0"}} {
		if got := rounded(c.v, 1); got != c.want {
			t.Errorf("%v is written %s, want %s", c.v, got, c.want)
		}
	}
}

func TestCorruptionsAreWhatTheySay(t *testing.T) {
	shape := model.Image{Height: 28, Width: 28, Channels: 1}
	const images = 50
	grey := make([]float32, images*shape.Pixels())
	for i := range grey {
		grey[i] = 0.5
	}
	var added []float64
	for _, v := range noisy(grey, shape, 0.1) {
		added = append(added, float64(v)-0.5)
	}
	if mean, deviation := stat.MeanStdDev(added, nil); math.Abs(mean) > 0.002 || math.Abs(deviation-0.1) > 0.002 {
		t.Errorf("noise of mean %v and standard deviation %v, want 0 and 0.1", mean, deviation)
	}
	for _, v := range noisy(grey, shape, 2) {
		if v < 0 || v > 1 {
			t.Fatalf("a pixel is %v", v)
		}
	}
	for i, image := range rows(occluded(grey, shape), images) {
		black := 0
		for k, v := range image {
			if v != 0 {
				continue
			}
			black++
			if y, x := k/28, k%28; min(x, y) < margin || max(x, y) >= 28-margin {
				t.Errorf("image %d is black at %d, %d", i, x, y)
			}
		}
		if black != squareSide*squareSide {
			t.Errorf("image %d has %d black pixels", i, black)
		}
	}
}
