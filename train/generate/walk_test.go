package generate

import (
	"fmt"
	"math"
	"testing"

	"govae/model"
	"govae/model/op"
)

// transparent returns a model that shows its latent: the posterior mean of an image is the image, and pixel d of a
// decoded latent is σ(z[d]). The hidden layer holds max(0, v) and max(0, −v) for each value v.
func transparent(t *testing.T, latent int) *Generator {
	t.Helper()
	return changed(t, latent, func(model.Tensors) {})
}

// changed returns a transparent model after a change of its weights.
func changed(t *testing.T, latent int, change func(model.Tensors)) *Generator {
	t.Helper()
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 1, Width: latent, Channels: 1}
	cfg.Hidden = []int{2 * latent}
	cfg.Latent = latent
	cfg.Activation = op.ReLU
	weights := model.InitialWeights(cfg, 1)
	for _, weight := range weights {
		clear(weight.Float32s())
	}
	for _, names := range [][2]string{{"encoder.0.weight", "mean.weight"}, {"decoder.0.weight", "decoder.2.weight"}} {
		split, join := weights[names[0]].Float32s(), weights[names[1]].Float32s()
		for d := range latent {
			split[d*latent+d], join[d*2*latent+d] = 1, 1                   // max(0, v) …
			split[(latent+d)*latent+d], join[d*2*latent+latent+d] = -1, -1 // … − max(0, −v) = v
		}
	}
	change(weights)
	return newGenerator(t, cfg, weights)
}

// latentsOf inverts σ: the latents of images that a transparent model made.
func latentsOf(images []float32) []float32 {
	z := make([]float32, len(images))
	for i, p := range images {
		z[i] = float32(math.Log(float64(p)) - math.Log1p(-float64(p)))
	}
	return z
}

func TestInterpolateWalksStraight(t *testing.T) {
	from := []float32{0, 1, 0.5, 0.25}
	to := []float32{1, 0, 0.5, 0.75}
	images, err := transparent(t, 2).Interpolate(from, to, 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{
		0, 1, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25, 1, 0,
		0.5, 0.25, 0.5, 0.375, 0.5, 0.5, 0.5, 0.625, 0.5, 0.75,
	}
	wantClose(t, "latents", latentsOf(images), want, 1e-5)
}

func TestInterpolateEndsAtReconstructions(t *testing.T) {
	const pairs, steps = 13, 6
	cfg := small(op.Tanh)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	pixels := cfg.Image.Pixels()
	both := uniform(2 * pairs * pixels)
	from, to := both[:pairs*pixels], both[pairs*pixels:]
	images, err := g.Interpolate(from, to, steps)
	if err != nil {
		t.Fatal(err)
	}
	if len(images) != pairs*steps*pixels {
		t.Fatalf("got %d values, want %d", len(images), pairs*steps*pixels)
	}
	reconstructions, err := g.Reconstruct(both)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range pairs {
		wantClose(t, fmt.Sprintf("start of pair %d", pair), row(images, pair*steps, pixels), row(reconstructions, pair, pixels), 1e-6)
		wantClose(t, fmt.Sprintf("end of pair %d", pair), row(images, pair*steps+steps-1, pixels), row(reconstructions, pairs+pair, pixels), 1e-6)
	}
}

// The quantiles are those of published tables: Φ(0.674490) = 3/4, Φ(0.967422) = 5/6, Φ(1.150349) = 7/8,
// Φ(0.318639) = 5/8, Φ(1.644854) = 19/20.
func TestNormalQuantiles(t *testing.T) {
	tests := map[int][]float32{
		1: {0},
		2: {-0.674490, 0.674490},
		3: {-0.967422, 0, 0.967422},
		4: {-1.150349, -0.318639, 0.318639, 1.150349},
	}
	for n, want := range tests {
		wantClose(t, fmt.Sprintf("%d quantiles", n), normalQuantiles(n), want, 1e-6)
	}
	ten := normalQuantiles(10)
	wantClose(t, "first and last of ten", []float32{ten[0], ten[9]}, []float32{-1.644854, 1.644854}, 1e-6)
}

func TestManifold(t *testing.T) {
	const q = 0.674490
	images, err := transparent(t, 4).Manifold(2, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{ // dimension 3 grows to the right, dimension 1 upwards
		0, q, 0, -q, 0, q, 0, q,
		0, -q, 0, -q, 0, -q, 0, q,
	}
	wantClose(t, "latents", latentsOf(images), want, 1e-5)
}

func TestTraverse(t *testing.T) {
	images, err := transparent(t, 2).Traverse(5)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{
		-3, 0, -1.5, 0, 0, 0, 1.5, 0, 3, 0,
		0, -3, 0, -1.5, 0, 0, 0, 1.5, 0, 3,
	}
	wantClose(t, "latents", latentsOf(images), want, 1e-5)
}
