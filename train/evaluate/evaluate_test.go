package evaluate_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/evaluate"
	"govae/train/generate"
)

// How many images most tests have: not a whole number of batches, and more than one.
const many = 2500

// plainConfig is of a model whose numbers can be worked out by hand, once plainWeights are its weights.
func plainConfig() model.Config {
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 2, Width: 3, Channels: 1}
	cfg.Hidden, cfg.Latent = []int{1}, 4
	return cfg
}

// What the model of plainWeights does: the posterior means are slopes times the mean pixel, plus 0.5. The variances are the same for every
// image, and so are the logits.
var (
	slopes  = []float32{0.35, 0, -0.34, 2}
	logVars = []float32{0, -1, 0.5, 0}
	logits  = []float32{0, 1, -1, 2, -3, 0.5}
)

func plainWeights(cfg model.Config) model.Tensors {
	weights := model.InitialWeights(cfg, 1)
	set := func(name string, values ...float32) { copy(weights[name].Float32s(), values) }
	for _, w := range weights {
		clear(w.Float32s())
	}
	set("encoder.0.weight", slices.Repeat([]float32{1. / 6}, 6)...) // the hidden unit is the mean pixel
	set("mean.weight", slopes...)
	set("mean.bias", 0.5, 0.5, 0.5, 0.5)
	set("logVar.bias", logVars...)
	set("decoder.2.bias", logits...)
	return weights
}

// levels returns n images. All pixels of one have the same level: the first 256 go through all that a byte has, and what follows does not
// repeat them in step with any batches.
func levels(n int) *model.Images {
	images := &model.Images{Shape: plainConfig().Image}
	for i := range n {
		images.Values = append(images.Values, slices.Repeat([]byte{byte(i + i/256)}, 6)...)
	}
	return images
}

func open(t testing.TB, cfg model.Config, weights model.Tensors) *generate.Generator {
	t.Helper()
	g, err := generate.New(&checkpoint.Checkpoint{Config: cfg, State: machine.State{Weights: weights}}, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// over is evaluate.Over of what must succeed.
func over(t *testing.T, g *generate.Generator, images *model.Images, o evaluate.Options) *evaluate.Result {
	t.Helper()
	r, err := evaluate.Over(context.Background(), g, images, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantNear(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Max(1, math.Abs(want[i]))) {
			t.Errorf("%s is %v, want %v", what, got, want)
			return
		}
	}
}

// TestOverInClosedForm evaluates a model that does not look at its latent on the levels 0 to 255, each once. With logits l, a pixel of
// x has −log p = log(1 + exp(l)) − x·l, so with s the sum of all l the reconstruction term of level v is c − s·v/255, and of 0, …, N−1
// the mean is (N−1)/2 and the sample variance N(N+1)/12. A code of slope a is 0.5 + a·v/255.
func TestOverInClosedForm(t *testing.T) {
	const n = 256
	g := open(t, plainConfig(), plainWeights(plainConfig()))
	r := over(t, g, levels(n), evaluate.Options{Seed: 3})

	var c, s float64
	for _, l := range logits {
		c += math.Log1p(math.Exp(float64(l)))
		s += float64(l)
	}
	levelVariance := n * (n + 1.) / 12 / 255 / 255
	var variance, kl []float64
	for _, slope := range slopes {
		variance = append(variance, float64(slope)*float64(slope)*levelVariance)
	}
	for v := range n {
		sum := 0.0
		for u, slope := range slopes {
			mean, logVar := 0.5+float64(slope)*float64(v)/255, float64(logVars[u])
			sum += (mean*mean + math.Exp(logVar) - 1 - logVar) / 2
		}
		kl = append(kl, sum)
	}
	meanKL, squares := 0.0, 0.0
	for _, v := range kl {
		meanKL += v / n
	}
	for _, v := range kl {
		squares += (v - meanKL) * (v - meanKL)
	}
	reconstruction := c - s/2
	if r.Images != n || !r.Posterior {
		t.Errorf("%d images, a posterior: %t; want %d and true", r.Images, r.Posterior, n)
	}
	wantNear(t, "mean", r.Mean, []float64{reconstruction + meanKL, reconstruction, meanKL}, 1e-6)
	wantNear(t, "standard error", r.StandardError[1:], []float64{math.Abs(s) * math.Sqrt(levelVariance/n), math.Sqrt(squares / (n - 1) / n)}, 1e-6)
	wantNear(t, "variance", r.Variance, variance, 1e-6)
	if got := r.Active(); !slices.Equal(got, []int{0, 3}) { // of slopes 0.35 and 2: the variance of 0.34 is 0.00975
		t.Errorf("active are %v of variances %v, want 0 and 3", got, r.Variance)
	}
}

// TestOneImage: its terms are known, and no deviations are.
func TestOneImage(t *testing.T) {
	g := open(t, plainConfig(), plainWeights(plainConfig()))
	images := levels(200)
	images.Values = images.Values[199*6:]
	r := over(t, g, images, evaluate.Options{})
	if r.Images != 1 || !r.Mean.Finite() || !math.IsNaN(r.StandardError[0]) || !math.IsNaN(r.Variance[3]) || len(r.Active()) != 0 {
		t.Errorf("got %+v", r)
	}
}

// trained returns a model of a kind after two epochs on levels, of three classes, with what the last one found.
func trained(t *testing.T, kind model.Kind, beta float64) (g *generate.Generator, set *dataset.Set, seed uint64, test machine.Terms) {
	t.Helper()
	set = &dataset.Set{Name: "levels", Train: *levels(300), Test: *levels(many)}
	for _, split := range []*model.Images{&set.Train, &set.Test} {
		for i := range split.Len() {
			split.Labels = append(split.Labels, byte(i*i%3))
		}
	}
	cfg := plainConfig()
	cfg.Kind = kind
	settings := machine.DefaultSettings()
	settings.Batch, settings.Seed, settings.Beta = 48, 9, beta
	trainer, err := train.New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	for range 2 {
		epoch, err := trainer.Epoch(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		test = epoch.Test
	}
	return trainer.Generator(), set, settings.Seed, test
}

// TestOverIsTheTestLoss compares it with what training reports, for each kind of model.
func TestOverIsTheTestLoss(t *testing.T) {
	for _, kind := range model.Kinds() {
		g, set, seed, test := trained(t, kind, 1)
		r := over(t, g, &set.Test, evaluate.Options{Seed: seed})
		wantNear(t, string(kind)+": mean", r.Mean, test, 1e-6)
		if want := kind == model.VAE || kind == model.CVAE; r.Posterior != want {
			t.Errorf("%s: there is a posterior: %t", kind, r.Posterior)
		}
	}
	g, set, seed, test := trained(t, model.VAE, 1)
	if other := over(t, g, &set.Test, evaluate.Options{Seed: seed + 1}); math.Abs(other.Mean[1]-test[1]) < 1e-6 {
		t.Errorf("another seed gives the same reconstruction term, %v", other.Mean[1])
	}
	// With another β, the KL still counts once.
	g, set, seed, test = trained(t, model.VAE, 4)
	wantNear(t, "mean", over(t, g, &set.Test, evaluate.Options{Seed: seed}).Mean, []float64{test[1] + test[2], test[1], test[2]}, 1e-6)
}

// TestPartsAreTheImages compares what Each is told with what the Generator says of all images at once.
func TestPartsAreTheImages(t *testing.T) {
	g, set, _, _ := trained(t, model.VAE, 1)
	x := make([]float32, len(set.Test.Values))
	for i := range many {
		set.Test.Fill(x[i*6:][:6], i)
	}
	scores, err := g.Score(x, 5)
	if err != nil {
		t.Fatal(err)
	}
	means, _, err := g.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	var terms []machine.Terms
	var codes []float32
	var told []int
	r := over(t, g, &set.Test, evaluate.Options{
		Seed: 5,
		Each: func(p evaluate.Part) error {
			if p.First != len(terms) {
				t.Errorf("a part begins with image %d after %d", p.First, len(terms))
			}
			terms, codes = append(terms, p.Terms...), append(codes, p.Codes...)
			return nil
		},
		Progress: func(done, of int) {
			if done != len(terms) || of != many {
				t.Errorf("told of %d of %d images, after %d", done, of, len(terms))
			}
			told = append(told, done)
		},
	})
	if !slices.EqualFunc(terms, scores, slices.Equal) || !slices.Equal(codes, means) {
		t.Error("the parts are not what Score and Encode give")
	}
	if !slices.Equal(told, []int{1024, 2048, many}) {
		t.Errorf("told of %v", told)
	}
	// The moments, in two passes.
	for k := range r.Mean {
		mean, squares := 0.0, 0.0
		for _, s := range scores {
			mean += s[k] / many
		}
		for _, s := range scores {
			squares += (s[k] - mean) * (s[k] - mean)
		}
		wantNear(t, "mean and error", []float64{r.Mean[k], r.StandardError[k]}, []float64{mean, math.Sqrt(squares / (many - 1) / many)}, 1e-11)
	}
}

func TestSameBitsForAnyNumberOfCores(t *testing.T) {
	g, set, _, _ := trained(t, model.VAE, 1)
	want := over(t, g, &set.Test, evaluate.Options{})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 3, 7} {
		runtime.GOMAXPROCS(cores)
		got := over(t, g, &set.Test, evaluate.Options{})
		if !slices.Equal(got.Mean, want.Mean) || !slices.Equal(got.StandardError, want.StandardError) || !slices.Equal(got.Variance, want.Variance) {
			t.Errorf("on %d cores %+v, want %+v", cores, got, want)
		}
	}
}

// TestInterrupted: what there is by then is what those images alone would give, and comes with the cause.
func TestInterrupted(t *testing.T) {
	g, set, _, _ := trained(t, model.VAE, 1)
	why := errors.New("enough")
	for _, stop := range []int{0, 1024, 2048} {
		ctx, cancel := context.WithCancelCause(context.Background())
		if stop == 0 {
			cancel(why)
		}
		got, err := evaluate.Over(ctx, g, &set.Test, evaluate.Options{Progress: func(done, _ int) {
			if done == stop {
				cancel(why)
			}
		}})
		if !errors.Is(err, why) || got == nil || got.Images != stop {
			t.Fatalf("stopped after %d: got %+v, error %v", stop, got, err)
		}
		if stop == 0 {
			if !math.IsNaN(got.StandardError[0]) || !math.IsNaN(got.Variance[0]) {
				t.Errorf("of no image there are deviations: %+v", got)
			}
			continue
		}
		few := set.Test
		few.Values, few.Labels = few.Values[:stop*6], few.Labels[:stop]
		want := over(t, g, &few, evaluate.Options{})
		if !slices.Equal(got.Mean, want.Mean) || !slices.Equal(got.StandardError, want.StandardError) || !slices.Equal(got.Variance, want.Variance) {
			t.Errorf("stopped after %d: got %+v, want %+v", stop, got, want)
		}
	}
	// After the last image there is nothing to interrupt.
	ctx, cancel := context.WithCancelCause(context.Background())
	if _, err := evaluate.Over(ctx, g, &set.Test, evaluate.Options{Progress: func(done, of int) {
		if done == of {
			cancel(why)
		}
	}}); err != nil {
		t.Errorf("stopped after the last: %v", err)
	}
}

// scripted is a model that is made up.
type scripted struct {
	cfg   model.Config
	most  int // images that it was given at once
	point bool
	loss  func(image int) float32
	seen  int
}

func (s *scripted) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	n := len(rows[0]) / s.cfg.Image.Pixels()
	s.most = max(s.most, n)
	if part == model.Encode {
		codes := make([]float32, n*s.cfg.Latent)
		for i := range codes {
			codes[i] = float32(i)
		}
		if s.point {
			return [][]float32{codes}, nil
		}
		return [][]float32{codes, codes}, nil
	}
	terms := [][]float32{make([]float32, n), make([]float32, n), make([]float32, n)}
	for i := range n {
		terms[0][i] = s.loss(s.seen + i)
	}
	s.seen += n
	return terms, nil
}

// TestOfLargeImagesFewAtATime checks that memory has a bound.
func TestOfLargeImagesFewAtATime(t *testing.T) {
	for side, want := range map[int]int{28: 1024, 64: 1024, 100: 384, 400: 26, 2048: 1, 4096: 1} {
		cfg := plainConfig()
		cfg.Image = model.Image{Height: side, Width: side, Channels: 1}
		n := 2*want - 1
		s := &scripted{cfg: cfg, loss: func(int) float32 { return 1 }}
		r := over(t, generate.On(s, cfg), &model.Images{Shape: cfg.Image, Values: make([]byte, n*side*side)}, evaluate.Options{})
		if s.most != want || s.seen != n || r.Images != n || r.Mean[0] != 1 || r.StandardError[0] != 0 && n > 1 {
			t.Errorf("of side %d: %d at a time, %+v, want %d and %d images of loss 1", side, s.most, r, want, n)
		}
	}
}

// TestPointCodes: a model whose code is a point has variances, and nothing that is active in the sense of a posterior.
func TestPointCodes(t *testing.T) {
	s := &scripted{cfg: plainConfig(), point: true, loss: func(int) float32 { return 1 }}
	r := over(t, generate.On(s, s.cfg), levels(5), evaluate.Options{})
	wantNear(t, "variance", r.Variance, []float64{40, 40, 40, 40}, 1e-12) // of 0, 4, 8, 12, 16
	if r.Posterior || len(r.Active()) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestErrors(t *testing.T) {
	g := open(t, plainConfig(), plainWeights(plainConfig()))
	wide := &model.Images{Shape: model.Image{Height: 3, Width: 2, Channels: 1}, Values: make([]byte, 6)}
	overflows := &scripted{cfg: plainConfig(), loss: func(image int) float32 {
		if image == 1500 {
			return float32(math.Inf(1))
		}
		return 1
	}}
	failed := errors.New("the disk is full")
	for want, call := range map[string]func() (*evaluate.Result, error){
		"evaluate: model: images.values has 0 bytes": func() (*evaluate.Result, error) {
			return evaluate.Over(context.Background(), g, levels(0), evaluate.Options{})
		},
		"evaluate: the images are 3×2×1, and the model takes 2×3×1": func() (*evaluate.Result, error) {
			return evaluate.Over(context.Background(), g, wide, evaluate.Options{})
		},
		"evaluate: loss of image 1500 is +Inf: the weights are too large": func() (*evaluate.Result, error) {
			return evaluate.Over(context.Background(), generate.On(overflows, overflows.cfg), levels(many), evaluate.Options{})
		},
		failed.Error(): func() (*evaluate.Result, error) {
			return evaluate.Over(context.Background(), g, levels(3), evaluate.Options{Each: func(evaluate.Part) error { return failed }})
		},
	} {
		if r, err := call(); r != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %+v and error %v, want %q", r, err, want)
		}
	}
}
