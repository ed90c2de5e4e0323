package generate

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/device"
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

// ofWeights returns a checkpoint of weights alone.
func ofWeights(cfg model.Config, weights model.Tensors) *checkpoint.Checkpoint {
	return &checkpoint.Checkpoint{Config: cfg, State: machine.State{Weights: weights}}
}

func newGenerator(t testing.TB, cfg model.Config, weights model.Tensors) *Generator {
	t.Helper()
	g, err := New(ofWeights(cfg, weights), device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
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
	weight := r.weights[name+".weight"].Float32s()
	bias := r.weights[name+".bias"].Float32s()
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

// logits and posterior take one row.
func (r reference) logits(z []float64) []float64 {
	return r.dense(fmt.Sprintf("decoder.%d", 2*len(r.cfg.Hidden)), r.hidden("decoder", z), linear)
}

func (r reference) posterior(x []float64) (mean, logVar []float64) {
	h := r.hidden("encoder", x)
	return r.dense("mean", h, linear), r.dense("logVar", h, linear)
}

// decode and encode take one row after another.
func (r reference) decode(z []float32) (images []float32) {
	for row := range slices.Chunk(z, r.cfg.Latent) {
		for _, l := range r.logits(widen(row)) {
			images = append(images, float32(logistic(l)))
		}
	}
	return images
}

func (r reference) encode(x []float32) (mean, logVar []float32) {
	for row := range slices.Chunk(x, r.cfg.Image.Pixels()) {
		m, v := r.posterior(widen(row))
		mean, logVar = append(mean, narrow(m)...), append(logVar, narrow(v)...)
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

// batchSize is how many images one run of a graph takes.
const batchSize = 64

// The numbers of rows are below, at, and above one and two batches of the graph.
var numbers = []int{1, batchSize - 1, batchSize, batchSize + 1, 2*batchSize + 3}

func TestAgainstPlainLoops(t *testing.T) {
	for _, activation := range []op.Activation{op.ReLU, op.Tanh, op.Sigmoid} {
		t.Run(string(activation), func(t *testing.T) {
			cfg := small(activation)
			weights := model.InitialWeights(cfg, 1)
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
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
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

// TestNewCopies changes what New was given: before the graphs are made, and after.
func TestNewCopies(t *testing.T) {
	c := ofWeights(small(op.Tanh), model.InitialWeights(small(op.Tanh), 1))
	g, err := New(c, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cfg := small(op.Tanh)
	want := reference{cfg, model.InitialWeights(cfg, 1)}
	z, x := []float32{1, -2, 0.5, 0}, uniform(cfg.Image.Pixels())
	c.Config.Hidden[0]++
	for range 2 {
		for _, weight := range c.State.Weights {
			for i := range weight.Float32s() {
				weight.Float32s()[i] *= -1.5
			}
		}
		images, err := g.Decode(z)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, "decoded", images, want.decode(z), 1e-6)
		mean, _, err := g.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		wantMean, _ := want.encode(x)
		wantClose(t, "mean", mean, wantMean, 1e-6)
	}
}

// TestOnSeesTheWeightsOfTheMoment trains between two calls.
func TestOnSeesTheWeightsOfTheMoment(t *testing.T) {
	cfg := small(op.Tanh)
	settings := machine.DefaultSettings()
	settings.LearningRate = 0.1
	images := &model.Images{Shape: cfg.Image, Values: []byte{255, 0, 255, 0, 255, 0, 0, 0, 0, 255, 255, 255}}
	m, err := machine.NewCPU(machine.Job{Model: cfg, Settings: settings, Train: images})
	if err != nil {
		t.Fatal(err)
	}
	g := On(machine.InTurns(m), cfg)
	defer g.Close()
	z := []float32{1, -2, 0.5, 0}
	var before []float32
	for range 3 {
		state, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := g.Decode(z)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, "decoded", decoded, reference{cfg, state.Weights}.decode(z), 1e-6)
		if slices.Equal(decoded, before) {
			t.Error("a step changed nothing")
		}
		before = decoded
		if _, err := m.Train([]int{0, 1}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSampleDoesNotDependOnHowMany(t *testing.T) {
	cfg := small(op.ReLU)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
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
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
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

// TestOpen opens a file of weights alone, and one of a whole run.
func TestOpen(t *testing.T) {
	cfg := small(op.Sigmoid)
	image := &model.Images{Shape: cfg.Image, Values: make([]byte, cfg.Image.Pixels())} // something to train on
	state, err := machine.Job{Model: cfg, Settings: machine.DefaultSettings(), Train: image}.Start()
	if err != nil {
		t.Fatal(err)
	}
	run := &checkpoint.Run{Settings: machine.DefaultSettings(), Data: checkpoint.Data{Name: "tiny", Images: 1}}
	whole := &checkpoint.Checkpoint{Config: cfg, State: state, Run: run}
	for name, c := range map[string]*checkpoint.Checkpoint{"whole": whole, "weights": whole.Weights()} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "best.safetensors")
			if err := checkpoint.Save(path, c); err != nil {
				t.Fatal(err)
			}
			g, err := Open(path, device.Auto)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			if got := g.Config().Image; got != cfg.Image {
				t.Errorf("the image is %v, want %v", got, cfg.Image)
			}
			z := []float32{1, -2, 0.5, 0}
			images, err := g.Decode(z)
			if err != nil {
				t.Fatal(err)
			}
			wantClose(t, "decoded", images, reference{cfg, state.Weights}.decode(z), 1e-6)
		})
	}
}

// TestBounds passes the largest and the smallest values that there may be.
// TestMostImages checks that 1 GiB is the limit of the images and of the latents, whichever take more, and that it may be reached.
func TestMostImages(t *testing.T) {
	for _, latent := range []int{4, 64} { // of images of 16 values
		cfg := model.DefaultConfig()
		cfg.Image, cfg.Latent = model.Image{Height: 4, Width: 4, Channels: 1}, latent
		g, most := On(nil, cfg), 1<<28/max(16, latent)
		if err := g.checkNumber(most); err != nil {
			t.Errorf("latents of %d: %v", latent, err)
		}
		if err := g.checkNumber(most + 1); !errors.Is(err, ErrInput) {
			t.Errorf("latents of %d: error for an image more is %v, want ErrInput", latent, err)
		}
	}
}
