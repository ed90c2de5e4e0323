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

const classes = 3 // that the conditional models here are told

// ofKind is a small model of a kind.
func ofKind(kind model.Kind) model.Config {
	cfg := small(op.Tanh)
	cfg.Kind, cfg.Classes = kind, classes
	return cfg
}

// oneHot returns a class as its model is told it.
func oneHot(class byte) []float64 {
	y := make([]float64, classes)
	y[class] = 1
	return y
}

// decodeOf and meanOf take one latent, or one image, of a class.
func (r reference) decodeOf(z []float32, class byte) (image []float32) {
	for _, l := range r.logits(slices.Concat(widen(z), oneHot(class))) {
		image = append(image, float32(logistic(l)))
	}
	return image
}

func (r reference) meanOf(x []float32, class byte) []float32 {
	mean, _ := r.posterior(slices.Concat(widen(x), oneHot(class)))
	return narrow(mean)
}

// TestClassesAgainstPlainLoops checks every method of a model that is told classes, each image of another class, against loops in
// float64: with more images than one run of a graph takes.
func TestClassesAgainstPlainLoops(t *testing.T) {
	cfg := ofKind(model.CVAE)
	weights := loud(cfg)
	g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
	const n = batchSize + 5
	pixels, latent := cfg.Image.Pixels(), cfg.Latent
	x, labels := uniform(n*pixels), make([]byte, n)
	z := uniform(n * latent)
	var decoded, means, reconstructed []float32
	for i := range n {
		labels[i] = byte(i * i % classes)
		mean := r.meanOf(row(x, i, pixels), labels[i])
		decoded = append(decoded, r.decodeOf(row(z, i, latent), labels[i])...)
		means = append(means, mean...)
		reconstructed = append(reconstructed, r.decodeOf(mean, labels[i])...)
	}
	of := g.OfClasses(labels...)
	got, err := of.Decode(z)
	wantClose(t, "Decode", noError(t, got, err), decoded, 1e-5)
	got, logVar, err := of.Encode(x)
	wantClose(t, "Encode", noError(t, got, err), means, 1e-5)
	if len(logVar) != n*latent {
		t.Errorf("%d values of logVar, want %d", len(logVar), n*latent)
	}
	got, err = of.Reconstruct(x)
	wantClose(t, "Reconstruct", noError(t, got, err), reconstructed, 1e-5)

	const seed = 9
	scores, err := of.Score(x, seed)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range scores {
		want := r.scoreOf(row(x, i, pixels), labels[i], seed, i)
		for k := range want {
			if math.Abs(got[k]-want[k]) > 1e-5*max(1, math.Abs(want[k])) {
				t.Errorf("term %d of image %d is %v, want %v", k, i, got[k], want[k])
			}
		}
	}

	got, err = g.SampleEveryClass(5, seed)
	var samples []float32
	for class := range byte(classes) {
		for i := range uint64(5) {
			z := make([]float32, latent)
			philox.New(seed, philox.Latent, i).Normal(z)
			samples = append(samples, r.decodeOf(z, class)...)
		}
	}
	wantClose(t, "SampleEveryClass", noError(t, got, err), samples, 1e-5)
	got, err = of.Analogies(x)
	var analogies []float32
	for i := range n {
		for class := range byte(classes) {
			analogies = append(analogies, r.decodeOf(row(means, i, latent), class)...)
		}
	}
	wantClose(t, "Analogies", noError(t, got, err), analogies, 1e-5)
}

// scoreOf is score of a model that is told the class.
func (r reference) scoreOf(x []float32, class byte, seed uint64, i int) [3]float64 {
	y := oneHot(class)
	epsilon := make([]float32, r.cfg.Latent)
	philox.New(seed, philox.TestEpsilon, uint64(i)).Normal(epsilon)
	mean, logVar := r.posterior(slices.Concat(widen(x), y))
	z, kl, reconstruction := make([]float64, len(mean)), 0.0, 0.0
	for d := range z {
		sigma := math.Exp(logVar[d] / 2)
		z[d] = mean[d] + sigma*float64(epsilon[d])
		kl += (mean[d]*mean[d]+sigma*sigma-1)/2 - math.Log(sigma)
	}
	for j, l := range r.logits(slices.Concat(z, y)) {
		p := logistic(l)
		reconstruction -= float64(x[j])*math.Log(p) + (1-float64(x[j]))*math.Log1p(-p)
	}
	return [3]float64{reconstruction + kl, reconstruction, kl}
}

// noError returns values that came without an error.
func noError(t *testing.T, values []float32, err error) []float32 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// TestWalksOfClasses checks that Interpolate goes from class to class, and that the other walks are of one.
func TestWalksOfClasses(t *testing.T) {
	cfg := ofKind(model.CVAE)
	weights := loud(cfg)
	g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
	pixels, latent := cfg.Image.Pixels(), cfg.Latent
	x := uniform(4 * pixels)
	from, to := x[:2*pixels], x[2*pixels:]
	labels := []byte{0, 1, 2, 1} // of from, then of to
	got, err := g.OfClasses(labels...).Interpolate(from, to, 3)
	noError(t, got, err)
	var want []float32
	for pair := range 2 {
		a, b := labels[pair], labels[2+pair]
		start, end := r.meanOf(row(from, pair, pixels), a), r.meanOf(row(to, pair, pixels), b)
		for _, s := range []float64{0, 0.5, 1} {
			z, y := make([]float64, latent), make([]float64, classes)
			for d := range z {
				z[d] = (1-s)*float64(start[d]) + s*float64(end[d])
			}
			y[a] += 1 - s
			y[b] += s
			for _, l := range r.logits(slices.Concat(z, y)) {
				want = append(want, float32(logistic(l)))
			}
		}
	}
	wantClose(t, "Interpolate", got, want, 1e-5)
	one, err := g.OfClasses(2).Interpolate(from, to, 3)
	each, errEach := g.OfClasses(2, 2).Interpolate(from, to, 3)
	all, errAll := g.OfClasses(2, 2, 2, 2).Interpolate(from, to, 3)
	if err != nil || errEach != nil || errAll != nil || !slices.Equal(one, all) || !slices.Equal(each, all) {
		t.Errorf("one class, one for each pair and one for each image differ (errors %v, %v, %v)", err, errEach, errAll)
	}

	of := g.OfClasses(1)
	manifold, err := of.Manifold(3, 0, 2)
	places, z := normalQuantiles(3), make([]float32, 9*latent)
	for i := range 9 {
		row(z, i, latent)[0], row(z, i, latent)[2] = places[i%3], places[2-i/3]
	}
	want = nil
	for i := range 9 {
		want = append(want, r.decodeOf(row(z, i, latent), 1)...)
	}
	wantClose(t, "Manifold", noError(t, manifold, err), want, 1e-5)
	traversal, err := of.Traverse(3)
	noError(t, traversal, err)
	wantClose(t, "the middle of Traverse", row(traversal, 1, pixels), r.decodeOf(make([]float32, latent), 1), 1e-5)
	if spread, err := of.Spread(); err != nil || len(spread) != latent || slices.Min(spread) <= 0 {
		t.Errorf("Spread is %v, %v", spread, err)
	}
}

// TestClassesAreChecked gives classes that will not do, or none.
func TestClassesAreChecked(t *testing.T) {
	cfg := ofKind(model.CVAE)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	for _, c := range calls(cfg, 1) {
		if result, err := c.make(g); !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), "has to be told the classes") || result != nil {
			t.Errorf("%s without classes: %v, error %v", c.name, result, err)
		}
		if _, err := c.make(g.OfClasses(classes)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "class 3, and the model knows 3: want 0 to 2") {
			t.Errorf("%s of a class that there is not: error %v", c.name, err)
		}
		if _, err := c.make(g.OfClasses(make([]byte, 1234)...)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "1234 classes of ") {
			t.Errorf("%s of too many classes: error %v", c.name, err)
		}
		if _, err := c.make(g.OfClasses(1)); err != nil {
			t.Errorf("%s of a class: error %v", c.name, err)
		}
	}
	for _, n := range []int{0, -1} {
		if _, err := g.SampleEveryClass(n, 1); !errors.Is(err, ErrInput) {
			t.Errorf("%d samples of every class: error %v", n, err)
		}
	}
	if _, err := g.SampleEveryClass(maxValues, 1); !errors.Is(err, ErrInput) {
		t.Errorf("too many samples of every class: error %v", err)
	}
	if _, err := g.OfClasses(1).Analogies(make([]float32, 5)); !errors.Is(err, ErrInput) {
		t.Errorf("half an image: error %v", err)
	}
	labels := []byte{0, 1}
	of := g.OfClasses(labels...)
	labels[1] = 99
	if _, err := of.Decode(make([]float32, 2*cfg.Latent)); err != nil {
		t.Errorf("classes that changed after OfClasses: error %v", err)
	}
	if err := of.Close(); err != nil {
		t.Error(err)
	}
	if _, err := g.OfClasses(0).Sample(1, 1); err != nil {
		t.Errorf("Close of a Generator of classes ended the other: %v", err)
	}
}

// TestClassesOfAModelThatTakesNone checks that they change nothing, and that what needs them is refused.
func TestClassesOfAModelThatTakesNone(t *testing.T) {
	for _, kind := range []model.Kind{model.VAE, model.AE} {
		cfg := ofKind(kind)
		g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
		x := uniform(2 * cfg.Image.Pixels())
		want, err := g.Reconstruct(x)
		got, errOf := g.OfClasses(7, 8, 9).Reconstruct(x)
		if err != nil || errOf != nil || !slices.Equal(got, want) {
			t.Errorf("%s: classes change the reconstruction (errors %v, %v)", kind, err, errOf)
		}
		_, sampled := g.SampleEveryClass(1, 1)
		_, drawn := g.Analogies(x)
		for _, err := range []error{sampled, drawn} {
			if !errors.Is(err, model.ErrCannot) || !strings.Contains(err.Error(), "kind "+string(kind)+" is not told the classes") {
				t.Errorf("%s: error is %v", kind, err)
			}
		}
	}
}

// TestAutoencoder checks a plain autoencoder against loops in float64, and that what needs a prior is refused.
func TestAutoencoder(t *testing.T) {
	cfg := ofKind(model.AE)
	weights := loud(cfg)
	g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
	const n = batchSize + 5
	pixels := cfg.Image.Pixels()
	x := uniform(n * pixels)
	code := func(i int) []float64 {
		return r.dense("encoder.4", r.hidden("encoder", widen(row(x, i, pixels))), linear)
	}
	var codes, images []float32
	for i := range n {
		codes = append(codes, narrow(code(i))...)
		images = append(images, r.decode(narrow(code(i)))...)
	}
	got, logVar, err := g.Encode(x)
	wantClose(t, "Encode", noError(t, got, err), codes, 1e-5)
	if logVar != nil {
		t.Errorf("logVar is %v, want none", logVar)
	}
	got, err = g.Reconstruct(x)
	wantClose(t, "Reconstruct", noError(t, got, err), images, 1e-5)
	scores, err := g.Score(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range scores {
		want := 0.0
		for j, l := range r.logits(code(i)) {
			v := float64(x[i*pixels+j])
			want -= v*math.Log(logistic(l)) + (1-v)*math.Log1p(-logistic(l))
		}
		if len(got) != 1 || math.Abs(got[0]-want) > 1e-5*want {
			t.Errorf("the terms of image %d are %v, want %v", i, got, want)
		}
	}

	needPrior := map[string]bool{"sample": true, "manifold": true, "traverse": true}
	for _, c := range calls(cfg, 1) {
		if _, err := c.make(g); needPrior[c.name] != errors.Is(err, model.ErrCannot) || err != nil && !strings.Contains(err.Error(), "kind ae has no prior") {
			t.Errorf("%s: error is %v", c.name, err)
		}
	}
	if _, err := g.Spread(); !errors.Is(err, model.ErrCannot) {
		t.Errorf("Spread: error is %v", err)
	}
}

// TestTraverseAround compares a walk with the decoder's images of latents that are written down here.
func TestTraverseAround(t *testing.T) {
	cfg := ofKind(model.AE)
	weights := loud(cfg)
	g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
	centre, deviation := []float32{0.5, -1, 2, 0}, []float32{1, 0.25, 0, 3}
	got, err := g.TraverseAround(centre, deviation, 3)
	var z []float32
	for d := range centre {
		for _, side := range []float32{-3, 0, 3} {
			at := slices.Clone(centre)
			at[d] += side * deviation[d]
			z = append(z, at...)
		}
	}
	wantClose(t, "TraverseAround", noError(t, got, err), r.decode(z), 1e-5)
	infinite := float32(math.Inf(1))
	for name, around := range map[string][2][]float32{
		"a short centre":          {centre[:3], deviation},
		"long deviations":         {centre, append(deviation, 1)},
		"a negative deviation":    {centre, {1, 1, -1, 1}},
		"an infinite deviation":   {centre, {1, 1, infinite, 1}},
		"an infinite centre":      {{0, infinite, 0, 0}, deviation},
		"a latent that overflows": {centre, {math.MaxFloat32, 1, 1, 1}},
	} {
		if _, err := g.TraverseAround(around[0], around[1], 3); !errors.Is(err, ErrInput) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := g.TraverseAround(centre, deviation, 1); !errors.Is(err, ErrInput) {
		t.Errorf("one step: error is %v", err)
	}
}
