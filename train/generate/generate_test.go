package generate

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
	"govae/train/checkpoint"
)

// small is a model whose sizes all differ, with two hidden layers.
func small(activation op.Activation) model.Config {
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 2, Width: 3, Channels: 1}
	cfg.Hidden = []int{7, 5}
	cfg.Latent = 4
	cfg.Activation = activation
	return cfg
}

func newGenerator(t *testing.T, cfg model.Config, weights model.Tensors) *Generator {
	t.Helper()
	g, err := New(cfg, weights)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// uniform returns n values in [0, 1].
func uniform(n int) []float32 {
	values := make([]float32, n)
	philox.New(7, philox.Shuffle, 0).Uniform(values, 0, 1)
	return values
}

// reference is the same network as a plain loop in float64.
type reference struct {
	cfg     model.Config
	weights model.Tensors
}

func (r reference) dense(name string, x []float64, activation func(float64) float64) []float64 {
	weight := r.weights[name+".weight"].Data().([]float32)
	bias := r.weights[name+".bias"].Data().([]float32)
	y := make([]float64, len(bias))
	for o := range y {
		sum := float64(bias[o])
		for i := range x {
			sum += float64(weight[o*len(x)+i]) * x[i]
		}
		y[o] = activation(sum)
	}
	return y
}

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
func linear(v float64) float64   { return v }

func (r reference) hidden(part string, x []float64) []float64 {
	activation := map[op.Activation]func(float64) float64{
		op.ReLU:    func(v float64) float64 { return max(v, 0) },
		op.Tanh:    math.Tanh,
		op.Sigmoid: logistic,
	}[r.cfg.Activation]
	for i := range r.cfg.Hidden {
		x = r.dense(fmt.Sprintf("%s.%d", part, 2*i), x, activation)
	}
	return x
}

// decode and encode take one row after another.
func (r reference) decode(z []float32) (images []float32) {
	for row := range slices.Chunk(z, r.cfg.Latent) {
		last := fmt.Sprintf("decoder.%d", 2*len(r.cfg.Hidden))
		images = append(images, narrow(r.dense(last, r.hidden("decoder", widen(row)), logistic))...)
	}
	return images
}

func (r reference) encode(x []float32) (mean, logVar []float32) {
	for row := range slices.Chunk(x, r.cfg.Image.Pixels()) {
		h := r.hidden("encoder", widen(row))
		mean = append(mean, narrow(r.dense("mean", h, linear))...)
		logVar = append(logVar, narrow(r.dense("logVar", h, linear))...)
	}
	return mean, logVar
}

func widen(row []float32) []float64 {
	wide := make([]float64, len(row))
	for i, v := range row {
		wide[i] = float64(v)
	}
	return wide
}

func narrow(row []float64) []float32 {
	thin := make([]float32, len(row))
	for i, v := range row {
		thin[i] = float32(v)
	}
	return thin
}

// wantClose checks that got is want to within tolerance in every place.
func wantClose(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if diff := math.Abs(float64(got[i]) - float64(want[i])); !(diff <= tolerance) {
			t.Fatalf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The numbers of rows are below, at, and above one and two batches of the graph.
var numbers = []int{1, batchSize - 1, batchSize, batchSize + 1, 2*batchSize + 3}

func TestAgainstPlainLoops(t *testing.T) {
	for _, activation := range []op.Activation{op.ReLU, op.Tanh, op.Sigmoid} {
		t.Run(string(activation), func(t *testing.T) {
			cfg := small(activation)
			weights := model.InitialWeights(cfg)
			want := reference{cfg, weights}
			g := newGenerator(t, cfg, weights)
			for _, n := range numbers {
				z := make([]float32, n*cfg.Latent)
				philox.New(3, philox.Epsilon, uint64(n)).Normal(z)
				images, err := g.Decode(z)
				if err != nil {
					t.Fatal(err)
				}
				wantClose(t, fmt.Sprintf("decoded %d", n), images, want.decode(z), 1e-6)

				x := uniform(n * cfg.Image.Pixels())
				mean, logVar, err := g.Encode(x)
				if err != nil {
					t.Fatal(err)
				}
				wantMean, wantLogVar := want.encode(x)
				wantClose(t, fmt.Sprintf("mean of %d", n), mean, wantMean, 1e-6)
				wantClose(t, fmt.Sprintf("logVar of %d", n), logVar, wantLogVar, 1e-6)

				images, err = g.Reconstruct(x)
				if err != nil {
					t.Fatal(err)
				}
				wantClose(t, fmt.Sprintf("reconstruction of %d", n), images, want.decode(wantMean), 1e-6)
			}
		})
	}
}

func TestResultsAreCopies(t *testing.T) {
	cfg := small(op.ReLU)
	g := newGenerator(t, cfg, model.InitialWeights(cfg))
	first, err := g.Decode([]float32{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	kept := slices.Clone(first)
	if _, err := g.Decode([]float32{-4, 3, -2, 1}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, kept) {
		t.Errorf("a second call changed the first one's result from %v to %v", kept, first)
	}
}

func TestWeightsAreShared(t *testing.T) {
	cfg := small(op.Tanh)
	weights := model.InitialWeights(cfg)
	g := newGenerator(t, cfg, weights)
	z, x := []float32{1, -2, 0.5, 0}, uniform(cfg.Image.Pixels())
	for range 2 { // the second time, with the machines built and the weights changed
		images, err := g.Decode(z)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, "decoded", images, reference{cfg, weights}.decode(z), 1e-6)
		mean, _, err := g.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := reference{cfg, weights}.encode(x)
		wantClose(t, "mean", mean, want, 1e-6)
		for _, weight := range weights {
			for i := range weight.Data().([]float32) {
				weight.Data().([]float32)[i] *= -1.5
			}
		}
	}
}

func TestSampleDoesNotDependOnHowMany(t *testing.T) {
	cfg := small(op.ReLU)
	g := newGenerator(t, cfg, model.InitialWeights(cfg))
	many, err := g.Sample(batchSize+9, 5)
	if err != nil {
		t.Fatal(err)
	}
	few, err := g.Sample(3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(few, many[:len(few)]) {
		t.Errorf("three samples are %v, and the first of many %v", few, many[:len(few)])
	}

	other, err := g.Sample(3, 6)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(few, other) {
		t.Error("seeds 5 and 6 give the same images")
	}
}

// TestSampleDrawsFromItsStream checks which numbers are drawn for which image: a seed means the same images for ever.
func TestSampleDrawsFromItsStream(t *testing.T) {
	cfg := small(op.Tanh)
	g := newGenerator(t, cfg, model.InitialWeights(cfg))
	const n, seed = 5, 0x0123456789abcdef
	var z []float32
	for i := range n {
		drawn := make([]float32, cfg.Latent)
		philox.New(seed, philox.Latent, uint64(i)).Normal(drawn)
		z = append(z, drawn...)
	}
	want, err := g.Decode(z)
	if err != nil {
		t.Fatal(err)
	}
	got, err := g.Sample(n, seed)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, "samples", got, want, 1e-6)
}

// TestSampleDrawsFromThePrior takes mean, variance and covariance of many latents: each within five standard errors.
func TestSampleDrawsFromThePrior(t *testing.T) {
	const n, latent = 4000, 3
	images, err := transparent(t, latent).Sample(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	z := latentsOf(images)
	moment := func(power func(z []float32) float64) (mean float64) {
		for i := range n {
			mean += power(row(z, i, latent)) / n
		}
		return mean
	}
	for d := range latent {
		if m := moment(func(z []float32) float64 { return float64(z[d]) }); math.Abs(m) > 5/math.Sqrt(n) {
			t.Errorf("dimension %d has mean %v, want 0", d, m)
		}
		if v := moment(func(z []float32) float64 { return float64(z[d]) * float64(z[d]) }); math.Abs(v-1) > 5*math.Sqrt(2./n) {
			t.Errorf("dimension %d has variance %v, want 1", d, v)
		}
		next := (d + 1) % latent
		if c := moment(func(z []float32) float64 { return float64(z[d]) * float64(z[next]) }); math.Abs(c) > 5/math.Sqrt(n) {
			t.Errorf("dimensions %d and %d have covariance %v, want 0", d, next, c)
		}
	}
	if slices.Equal(row(z, 0, latent), row(z, 1, latent)) {
		t.Error("two samples have the same latent")
	}
}

func TestOpen(t *testing.T) {
	cfg := small(op.Sigmoid)
	weights := model.InitialWeights(cfg)
	zeros := func() model.Tensors {
		moments := make(model.Tensors)
		for name, weight := range weights {
			moments[name] = tensor.New(tensor.WithShape(weight.Shape()...), tensor.Of(tensor.Float32))
		}
		return moments
	}
	path := filepath.Join(t.TempDir(), "best.safetensors")
	saved := &checkpoint.Checkpoint{
		Config:       cfg,
		Weights:      weights,
		FirstMoment:  zeros(),
		SecondMoment: zeros(),
		Run:          checkpoint.Run{Batch: 1, LearningRate: 1e-3, Data: checkpoint.Data{Name: "tiny", Images: 1}},
	}
	if err := checkpoint.Save(path, saved); err != nil {
		t.Fatal(err)
	}
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Config().Image; got != cfg.Image {
		t.Errorf("the image is %v, want %v", got, cfg.Image)
	}
	z := []float32{1, -2, 0.5, 0}
	images, err := g.Decode(z)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, "decoded", images, reference{cfg, weights}.decode(z), 1e-6)
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.safetensors")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %v, want one that names %s", err, path)
	}
}

func TestNewErrors(t *testing.T) {
	cfg := small(op.ReLU)
	weights := model.InitialWeights(cfg)
	delete(weights, "mean.bias")
	if _, err := New(cfg, weights); err == nil || !strings.Contains(err.Error(), "mean.bias") {
		t.Errorf("got error %v, want one that names mean.bias", err)
	}
	cfg.Latent = 0
	if _, err := New(cfg, weights); err == nil || !strings.Contains(err.Error(), "latent is 0") {
		t.Errorf("got error %v, want one that names latent and 0", err)
	}
}

func TestErrors(t *testing.T) {
	cfg := small(op.ReLU) // images of 6 values, latents of 4
	g := newGenerator(t, cfg, model.InitialWeights(cfg))
	image := make([]float32, 6)
	tests := []struct {
		name string
		call func() error
		want string
	}{
		{"no latents", func() error { _, err := g.Decode(nil); return err }, "0 values are no whole number of latents of 4"},
		{"part of a latent", func() error { _, err := g.Decode(make([]float32, 6)); return err }, "6 values"},
		{"no images", func() error { _, _, err := g.Encode(nil); return err }, "0 values are no whole number of images of 6"},
		{"part of an image", func() error { _, _, err := g.Encode(make([]float32, 8)); return err }, "8 values"},
		{"part of an image to reconstruct", func() error { _, err := g.Reconstruct(make([]float32, 8)); return err }, "8 values"},
		{"no samples", func() error { _, err := g.Sample(0, 1); return err }, "0 images of 2×3×1"},
		{"negative samples", func() error { _, err := g.Sample(-1, 1); return err }, "-1 images"},
		{"too many samples", func() error { _, err := g.Sample(math.MaxInt, 1); return err }, "want 1 to 44739242"},
		{"pairs of different length", func() error { _, err := g.Interpolate(image, make([]float32, 12), 3); return err }, "from 6 values to 12"},
		{"part of a pair", func() error { _, err := g.Interpolate(image[:5], image[:5], 3); return err }, "5 values"},
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
			if err := test.call(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
