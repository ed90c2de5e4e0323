package generate

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"govae/model"
)

// classify returns the features of one image and the probabilities of its classes.
func (r reference) classify(x []float32) (features, probabilities []float64) {
	features = r.hidden("encoder", widen(x))
	probabilities = r.dense("logits", features, math.Exp)
	var sum float64
	for _, p := range probabilities {
		sum += p
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return features, probabilities
}

// TestClassifier checks what a classifier does against loops in float64, with more images than one run of a graph takes.
func TestClassifier(t *testing.T) {
	cfg := ofKind(model.Classifier)
	weights := loud(cfg)
	g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
	const n = batchSize + 5
	pixels := cfg.Image.Pixels()
	x, labels := uniform(n*pixels), make([]byte, n)
	var features, probabilities []float32
	var losses []float64
	for i := range n {
		labels[i] = byte(i * i % classes)
		f, p := r.classify(row(x, i, pixels))
		features, probabilities = append(features, narrow(f)...), append(probabilities, narrow(p)...)
		losses = append(losses, -math.Log(p[labels[i]]))
	}
	got, logVar, err := g.Encode(x)
	wantClose(t, "Encode", noError(t, got, err), features, 1e-5)
	if width := cfg.CodeWidth(); logVar != nil || len(got) != n*width {
		t.Errorf("logVar is %v and a code has %d values, want none and %d", logVar, len(got)/n, width)
	}
	got, err = g.Classify(x)
	wantClose(t, "Classify", noError(t, got, err), probabilities, 1e-5)
	told, err := g.OfClasses(labels...).Classify(x)
	if err != nil || !slices.Equal(told, got) {
		t.Errorf("Classify differs where labels are told (error %v)", err)
	}
	scores, err := g.OfClasses(labels...).Score(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range scores {
		if len(got) != 1 || math.Abs(got[0]-losses[i]) > 1e-5*max(1, losses[i]) {
			t.Errorf("the terms of image %d are %v, want %v", i, got, losses[i])
		}
	}
	if _, err := g.Score(x, 1); !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), "has to be told the classes") {
		t.Errorf("Score without labels: error is %v", err)
	}
}

// TestWhatAClassifierCannot asks for images: each call says that there is no prior, or no graph to decode, whatever else is wrong.
func TestWhatAClassifierCannot(t *testing.T) {
	cfg := ofKind(model.Classifier)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1)).OfClasses(1)
	const prior, decoder = "kind classifier has no prior", `kind "classifier" has no graph to decode`
	want := map[string]string{
		"sample": prior, "manifold": prior, "traverse": prior, "decode": decoder, "reconstruct": decoder, "interpolate": decoder,
	}
	refused := func(what string, err error, want string) {
		t.Helper()
		if !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", what, err, want)
		}
	}
	for _, c := range calls(cfg, 1) {
		_, err := c.make(g)
		if want[c.name] != "" {
			refused(c.name, err, want[c.name])
		} else if err != nil {
			t.Errorf("%s: error is %v", c.name, err)
		}
	}
	_, err := g.Decode(make([]float32, 1))
	refused("Decode of part of a latent", err, decoder)
	_, err = g.SampleEveryClass(1, 1)
	refused("SampleEveryClass", err, prior)
	_, err = g.Analogies(uniform(cfg.Image.Pixels()))
	refused("Analogies", err, decoder)
	_, err = g.TraverseAround(make([]float32, cfg.Latent), make([]float32, cfg.Latent), 3)
	refused("TraverseAround", err, decoder)
	_, err = g.Spread()
	refused("Spread", err, prior)
}

// TestClassifyRefuses gives Classify what is no image, a model that is no classifier, and weights that overflow.
func TestClassifyRefuses(t *testing.T) {
	cfg := ofKind(model.Classifier)
	weights := model.InitialWeights(cfg, 1)
	g, pixels := newGenerator(t, cfg, weights), cfg.Image.Pixels()
	bright := uniform(pixels)
	bright[3] = 1.5
	for name, x := range map[string][]float32{"nothing": nil, "half an image": make([]float32, pixels/2), "a value above 1": bright} {
		if p, err := g.Classify(x); !errors.Is(err, ErrInput) || p != nil {
			t.Errorf("%s: %v, error %v", name, p, err)
		}
	}
	for i := range weights["logits.bias"].Float32s() {
		weights["logits.bias"].Float32s()[i] = float32(math.Inf(1))
	}
	p, err := newGenerator(t, cfg, weights).Classify(uniform(pixels))
	if err == nil || errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "value 0 of the probabilities is NaN: the weights are too large") || p != nil {
		t.Errorf("weights that overflow: %v, error %v", p, err)
	}
	for _, kind := range []model.Kind{model.VAE, model.AE, model.CVAE} {
		cfg := ofKind(kind)
		g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
		if _, err := g.Classify(uniform(pixels)); !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), "has no graph to classify") {
			t.Errorf("%s: error is %v", kind, err)
		}
	}
}
