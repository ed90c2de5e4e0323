package generate

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
)

// score returns loss, reconstruction and KL of one image, from the formulas and in float64, with ε of the image at place i.
func (r reference) score(x []float32, seed uint64, i int) [3]float64 {
	epsilon := make([]float32, r.cfg.Latent)
	philox.New(seed, philox.TestEpsilon, uint64(i)).Normal(epsilon)
	mean, logVar := r.posterior(widen(x))
	var kl float64
	z := make([]float64, r.cfg.Latent)
	for d := range z {
		variance := math.Exp(logVar[d])
		z[d] = mean[d] + math.Sqrt(variance)*float64(epsilon[d])
		kl += (mean[d]*mean[d] + variance - 1 - logVar[d]) / 2
	}
	var reconstruction float64
	for j, l := range r.logits(z) {
		p := logistic(l)
		reconstruction -= float64(x[j])*math.Log(p) + (1-float64(x[j]))*math.Log1p(-p)
	}
	return [3]float64{reconstruction + kl, reconstruction, kl}
}

// loud returns initial weights made so much larger that all terms of an image count.
func loud(cfg model.Config) model.Tensors {
	weights := model.InitialWeights(cfg, 1)
	for _, weight := range weights {
		for i := range weight.Float32s() {
			weight.Float32s()[i] *= 3
		}
	}
	return weights
}

func TestScoreAgainstPlainLoops(t *testing.T) {
	const seed = 11
	for _, activation := range []op.Activation{op.ReLU, op.Tanh, op.Sigmoid} {
		t.Run(string(activation), func(t *testing.T) {
			cfg := small(activation)
			weights := loud(cfg)
			g := newGenerator(t, cfg, weights)
			var names []string
			for _, term := range g.Config().Terms() {
				names = append(names, term.Name)
			}
			if !slices.Equal(names, []string{"loss", "reconstruction", "kl"}) {
				t.Fatalf("the terms are %v", names)
			}
			pixels := cfg.Image.Pixels()
			for _, n := range numbers {
				x := uniform(n * pixels)
				scores, err := g.Score(x, seed)
				if err != nil {
					t.Fatal(err)
				}
				if len(scores) != n {
					t.Fatalf("%d images have %d scores", n, len(scores))
				}
				for i, got := range scores {
					want := reference{cfg, weights}.score(row(x, i, pixels), seed, i)
					if len(got) != len(want) {
						t.Fatalf("image %d of %d has %d terms, want %d", i, n, len(got), len(want))
					}
					for k, name := range names {
						if math.Abs(got[k]-want[k]) > 2e-6*math.Max(1, math.Abs(want[k])) {
							t.Errorf("%s of image %d of %d is %v, want %v", name, i, n, got[k], want[k])
						}
					}
				}
			}
		})
	}
}

// TestScoreDoesNotDependOnHowMany compares an image alone with the first of many.
func TestScoreDoesNotDependOnHowMany(t *testing.T) {
	cfg := small(op.Tanh)
	g := newGenerator(t, cfg, loud(cfg))
	x := uniform((batchSize + 9) * cfg.Image.Pixels())
	many, err := g.Score(x, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, batchSize} {
		few, err := g.Score(x[:n*cfg.Image.Pixels()], 5)
		if err != nil {
			t.Fatal(err)
		}
		for i := range few {
			if !slices.Equal(few[i], many[i]) {
				t.Errorf("image %d has %v among %d, and %v among many", i, few[i], n, many[i])
			}
		}
	}
	other, err := g.Score(x, 6)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(other[0], many[0]) {
		t.Error("seeds 5 and 6 draw the same")
	}
}

// TestScoreFromGoesOn compares what is scored in parts, of which none begins where the machine's batches do, with the whole.
func TestScoreFromGoesOn(t *testing.T) {
	cfg := small(op.Tanh)
	g := newGenerator(t, cfg, loud(cfg))
	pixels := cfg.Image.Pixels()
	x := uniform((batchSize + 9) * pixels)
	whole, err := g.Score(x, 5)
	if err != nil {
		t.Fatal(err)
	}
	for first := 0; first < len(whole); first += 7 {
		part, err := g.ScoreFrom(x[first*pixels:min(first+7, len(whole))*pixels], 5, first)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range part {
			if !slices.Equal(got, whole[first+i]) {
				t.Errorf("image %d has %v from %d on, and %v in the whole", first+i, got, first, whole[first+i])
			}
		}
	}
}

// TestScoresAreApart appends to one image's terms, which must not reach the next one's.
func TestScoresAreApart(t *testing.T) {
	cfg := small(op.ReLU)
	g := newGenerator(t, cfg, loud(cfg))
	scores, err := g.Score(uniform(2*cfg.Image.Pixels()), 1)
	if err != nil {
		t.Fatal(err)
	}
	kept := slices.Clone(scores[1])
	_ = append(scores[0], math.NaN())
	if !slices.Equal(scores[1], kept) {
		t.Errorf("the second image's terms became %v", scores[1])
	}
}

// unscored is a Forwarder of which Score must not ask anything.
type unscored struct{ t *testing.T }

func (u unscored) Forward(part model.Part, _ ...[]float32) ([][]float32, error) {
	u.t.Errorf("asked to %s", part)
	return nil, nil
}

// TestInputThatNothingFills says what Score answers for a graph with an input that it cannot fill.
func TestInputThatNothingFills(t *testing.T) {
	g := On(unscored{t}, small(op.ReLU))
	inputs, err := g.inputs(model.Score)
	if err != nil {
		t.Fatal(err)
	}
	inputs = slices.Clone(inputs)
	inputs[1].Source = model.Given
	g.inputs = func(model.Part) ([]model.Input, error) { return inputs, nil }
	_, err = g.Score(make([]float32, 6), 1)
	if want := "kind vae does not score without its input " + inputs[1].Name(); !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one that says %q", err, want)
	}
}
