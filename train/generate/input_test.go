package generate

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/model"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/device"
)

func TestOpenErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.safetensors")
	if _, err := Open(path, device.CPU); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %v, want fs.ErrNotExist with the name %s", err, path)
	}
	if err := os.WriteFile(path, []byte("no safetensors"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, device.CPU); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %v, want one that names %s", err, path)
	}
}

func TestNewErrors(t *testing.T) {
	cfg := small(op.ReLU)
	without := model.InitialWeights(cfg, 1)
	delete(without, "mean.bias")
	flat := small(op.ReLU)
	flat.Latent = 0
	tests := []struct {
		name string
		c    *checkpoint.Checkpoint
		dev  device.Choice
		want string
	}{
		{"no weights", ofWeights(cfg, nil), device.CPU, "no weights"},
		{"a weight is missing", ofWeights(cfg, without), device.CPU, "mean.bias"},
		{"no latent", ofWeights(flat, model.InitialWeights(cfg, 1)), device.CPU, "latent is 0"},
		{"no such device", ofWeights(cfg, model.InitialWeights(cfg, 1)), device.Choice{Name: "abacus"}, "abacus"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.c, test.dev); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	cfg := small(op.ReLU) // images of 6 values, latents of 4
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	image := make([]float32, 6)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	// with returns n zeros, but for v at place i.
	with := func(n, i int, v float32) []float32 {
		values := make([]float32, n)
		values[i] = v
		return values
	}
	decode := func(z []float32) func() error { return func() error { _, err := g.Decode(z); return err } }
	encode := func(x []float32) func() error { return func() error { _, _, err := g.Encode(x); return err } }
	reconstruct := func(x []float32) func() error { return func() error { _, err := g.Reconstruct(x); return err } }
	score := func(x []float32) func() error { return func() error { _, err := g.Score(x, 1); return err } }
	interpolate := func(from, to []float32) func() error {
		return func() error { _, err := g.Interpolate(from, to, 3); return err }
	}
	tests := []struct {
		name string
		call func() error
		want string
	}{
		{"no latents", decode(nil), "0 values are no whole number of latents of 4"},
		{"part of a latent", decode(make([]float32, 6)), "6 values are no whole number of latents of 4"},
		{"latent that is not a number", decode(with(8, 5, nan)), "value 5 of the latents is NaN, want a finite number"},
		{"latent that is infinite", decode(with(4, 0, inf)), "value 0 of the latents is +Inf, want a finite number"},
		{"latent that is negatively infinite", decode(with(4, 3, -inf)), "value 3 of the latents is -Inf, want a finite number"},

		{"no images", encode(nil), "0 values are no whole number of images of 6"},
		{"part of an image", encode(make([]float32, 8)), "8 values are no whole number of images of 6"},
		{"no image to reconstruct", reconstruct(nil), "0 values are no whole number of images of 6"},
		{"part of an image to reconstruct", reconstruct(make([]float32, 8)), "8 values"},
		{"no images to score", score([]float32{}), "0 values are no whole number of images of 6"},
		{"part of an image to score", score(make([]float32, 7)), "7 values"},
		{"pixel below 0", encode(with(6, 2, -0.001)), "value 2 of the images is -0.001, want 0 to 1"},
		{"pixel above 1", encode(with(12, 11, 1.001)), "value 11 of the images is 1.001, want 0 to 1"},
		{"pixel that is not a number", encode(with(6, 5, nan)), "value 5 of the images is NaN, want 0 to 1"},
		{"pixel that is infinite", encode(with(6, 0, inf)), "value 0 of the images is +Inf, want 0 to 1"},
		{"pixel that is negatively infinite", encode(with(6, 4, -inf)), "value 4 of the images is -Inf, want 0 to 1"},
		{"pixel to reconstruct", reconstruct(with(6, 1, nan)), "value 1 of the images is NaN"},
		{"pixel to score", score(with(6, 1, 1.001)), "value 1 of the images is 1.001"},
		{"pixel to walk from", interpolate(with(6, 1, nan), image), "value 1 of the images is NaN"},
		{"pixel to walk to", interpolate(image, with(6, 3, -0.001)), "value 3 of the images is -0.001"},

		{"no samples", func() error { _, err := g.Sample(0, 1); return err }, "0 images of 2×3×1"},
		{"negative samples", func() error { _, err := g.Sample(-1, 1); return err }, "-1 images"},
		{"too many samples", func() error { _, err := g.Sample(math.MaxInt, 1); return err }, "want 1 to 44739242"},
		{"pairs of different length", interpolate(image, make([]float32, 12)), "from 6 values to 12"},
		{"part of a pair", interpolate(image[:5], image[:5]), "5 values"},
		{"one step of interpolation", func() error { _, err := g.Interpolate(image, image, 1); return err }, "1 steps"},
		{"too many steps", func() error { _, err := g.Interpolate(image, image, math.MaxInt); return err }, "steps, want 2 to"},
		{"one step of traversal", func() error { _, err := g.Traverse(1); return err }, "1 steps"},
		{"empty manifold", func() error { _, err := g.Manifold(0, 0, 1); return err }, "0 images a side"},
		{"huge manifold", func() error { _, err := g.Manifold(math.MaxInt, 0, 1); return err }, "images a side, want 1 to"},
		{"manifold too large for memory", func() error { _, err := g.Manifold(maxSide, 0, 1); return err }, "268435456 images"},
		{"first dimension", func() error { _, err := g.Manifold(2, -1, 1); return err }, "dimensions -1 and 1 of a latent of size 4"},
		{"second dimension", func() error { _, err := g.Manifold(2, 0, 4); return err }, "dimensions 0 and 4"},
		{"same dimension", func() error { _, err := g.Manifold(2, 3, 3); return err }, "two different"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.call(); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want ErrInput with %q", err, test.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	g := newGenerator(t, small(op.Tanh), model.InitialWeights(small(op.Tanh), 1))
	if _, err := g.Decode([]float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0}); err != nil {
		t.Error(err)
	}
	if _, _, err := g.Encode([]float32{0, 1, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, 1, 0}); err != nil {
		t.Error(err)
	}
}
