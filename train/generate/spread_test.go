package generate

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"

	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
)

// scaled returns a model of which pixel d of a decoded latent is σ(w[d]·z[d]).
func scaled(t *testing.T, w ...float32) *Generator {
	t.Helper()
	return changed(t, len(w), func(weights model.Tensors) {
		join := weights["decoder.2.weight"].Float32s()
		for d := range w {
			for h := range 2 * len(w) {
				join[d*2*len(w)+h] *= w[d]
			}
		}
	})
}

// quantile is the inverse of Φ, by the inverse of the error function.
func quantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// varianceOf returns the variance of f over the eight places that Spread takes.
func varianceOf(f func(float64) float64) float64 {
	var mean, squares float64
	for k := range 8 {
		v := f(quantile((float64(k) + 0.5) / 8))
		mean, squares = mean+v/8, squares+v*v/8
	}
	return squares - mean*mean
}

// TestSpreadOfSeparateDimensions: a pixel that looks at one dimension alone has the same variance wherever the others are. Negative
// weights move images as much as positive ones, a dimension that no pixel looks at moves nothing, and the more one is looked at, the
// more it moves.
func TestSpreadOfSeparateDimensions(t *testing.T) {
	w := []float32{0.5, -3, 0, 3, 1}
	spread, err := scaled(t, w...).Spread()
	if err != nil {
		t.Fatal(err)
	}
	if len(spread) != len(w) {
		t.Fatalf("got %d values, want %d", len(spread), len(w))
	}
	for d := range w {
		pixel := func(z float64) float64 { return logistic(float64(w[d]) * z) }
		if want := varianceOf(pixel) / float64(len(w)); math.Abs(spread[d]-want) > 1e-7 {
			t.Errorf("dimension %d: got %v, want %v", d, spread[d], want)
		}
		// What it estimates is the variance over all of N(0, 1), which is the integral of the density.
		density := distuv.UnitNormal.Prob
		mean := quad.Fixed(func(z float64) float64 { return pixel(z) * density(z) }, -8, 8, 200, nil, 0)
		square := quad.Fixed(func(z float64) float64 { return pixel(z) * pixel(z) * density(z) }, -8, 8, 200, nil, 0)
		if want := (square - mean*mean) / float64(len(w)); math.Abs(spread[d]-want) > 0.15*want+1e-12 {
			t.Errorf("dimension %d: got %v, want about %v, the integral", d, spread[d], want)
		}
	}
	if spread[2] != 0 {
		t.Errorf("dimension 2 moves nothing, and its spread is %v", spread[2])
	}
}

// TestSpreadIsOverThePrior takes a decoder whose only pixel is σ(4·max(0, z[0] + z[1] − 2)). Where z[1] is 0, z[0] never moves it: the
// largest of its places is 1.53. Over the prior it does.
func TestSpreadIsOverThePrior(t *testing.T) {
	const latent, bias = 3, -2
	g := changed(t, latent, func(weights model.Tensors) {
		for _, name := range []string{"decoder.0.weight", "decoder.2.weight"} {
			clear(weights[name].Float32s())
		}
		hidden := weights["decoder.0.weight"].Float32s()
		hidden[0], hidden[1] = 1, 1 // the first hidden value looks at z[0] and z[1]
		weights["decoder.0.bias"].Float32s()[0] = bias
		weights["decoder.2.weight"].Float32s()[0] = 4 // and the first pixel at it
	})
	spread, err := g.Spread()
	if err != nil {
		t.Fatal(err)
	}
	var want [latent]float64
	for i := range 8 {
		others := make([]float32, latent)
		philox.New(1, philox.Latent, uint64(i)).Normal(others)
		for d := range 2 {
			want[d] += varianceOf(func(z float64) float64 {
				return logistic(4 * max(0, z+float64(others[1-d])+bias))
			}) / (8 * latent)
		}
	}
	for d := range want {
		if math.Abs(spread[d]-want[d]) > 1e-7 {
			t.Errorf("dimension %d: got %v, want %v", d, spread[d], want[d])
		}
	}
	if spread[0] == 0 || spread[1] == 0 {
		t.Errorf("got %v, want the first two to move something", spread)
	}
}

func TestSpreadIsTheSameEachTime(t *testing.T) {
	cfg := small(op.Tanh)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	first, err := g.Spread()
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.Spread()
	if err != nil {
		t.Fatal(err)
	}
	for d := range first {
		if first[d] != second[d] || first[d] <= 0 {
			t.Errorf("dimension %d: got %v, then %v", d, first[d], second[d])
		}
	}
}

func TestSpreadErrors(t *testing.T) {
	cfg := small(op.ReLU)
	if _, err := On(broken{err: errors.New("no power")}, cfg).Spread(); err == nil || err.Error() != "generate: decode: no power" {
		t.Errorf("got error %v, want that of the machine", err)
	}
	cfg.Image = model.Image{Height: 4096, Width: 4096, Channels: 1} // of which 64 are more than the limit
	if _, err := On(broken{}, cfg).Spread(); !errors.Is(err, ErrInput) {
		t.Errorf("got error %v, want ErrInput", err)
	}
}
