package generate

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"govae/model"
	"govae/model/gmm"
)

// mixtureIn returns a mixture of two Gaussians that lie apart in d dimensions.
func mixtureIn(t *testing.T, d int) *gmm.Mixture {
	t.Helper()
	x := mat.NewDense(40, d, nil)
	for i := range 40 {
		for j := range d {
			x.Set(i, j, float64(i%2*4)+float64((i*(j+3))%7)/5-2)
		}
	}
	o := gmm.DefaultOptions()
	o.Components = 2
	m, err := gmm.Fit(x, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSamplingFrom compares the samples of every kind of model with plain loops over rows of the mixture, of more images than one run of
// a graph takes, and of each class where it is told classes.
func TestSamplingFrom(t *testing.T) {
	const n, seed = batchSize + 3, 7
	for _, kind := range []model.Kind{model.VAE, model.AE, model.CVAE} {
		cfg := ofKind(kind)
		weights := loud(cfg)
		g, r := newGenerator(t, cfg, weights), reference{cfg, weights}
		m := mixtureIn(t, cfg.Latent)
		rows := m.Sample(n, seed)
		for class := range byte(classes) {
			var want []float32
			for i := range n {
				z := rows.RawRowView(i)
				if kind.TakesLabels() {
					z = slices.Concat(z, oneHot(class))
				}
				for _, l := range r.logits(z) {
					want = append(want, float32(logistic(l)))
				}
			}
			got, err := g.OfClasses(class).SamplingFrom(m).Sample(n, seed)
			wantClose(t, string(kind), noError(t, got, err), want, 1e-5)
			if kind.TakesLabels() {
				every, err := g.SamplingFrom(m).SampleEveryClass(n, seed)
				wantClose(t, "every class", noError(t, every, err)[int(class)*len(want):][:len(want)], want, 1e-5)
			}
			few, err := g.SamplingFrom(m).OfClasses(class).Sample(3, seed)
			if !slices.Equal(noError(t, few, err), got[:len(few)]) {
				t.Errorf("%s: the first of 3 samples are others than those of %d", kind, n)
			}
		}
	}
}

// sampledBy returns samples of g.
func sampledBy(t *testing.T, g *Generator, n int, seed uint64) []float32 {
	t.Helper()
	images, err := g.Sample(n, seed)
	return noError(t, images, err)
}

// TestSamplingFromNothing checks that without a mixture the prior is drawn from, and that g itself has not changed.
func TestSamplingFromNothing(t *testing.T) {
	cfg := ofKind(model.VAE)
	g := newGenerator(t, cfg, loud(cfg))
	want := sampledBy(t, g, 5, 2)
	from := g.SamplingFrom(mixtureIn(t, cfg.Latent))
	if got := sampledBy(t, from, 5, 2); slices.Equal(got, want) {
		t.Error("a mixture gives the samples of the prior")
	}
	for _, same := range []*Generator{g, from.SamplingFrom(nil)} {
		if got := sampledBy(t, same, 5, 2); !slices.Equal(got, want) {
			t.Error("other samples than from the prior")
		}
	}
	if err := from.Close(); err != nil {
		t.Error(err)
	}
	sampledBy(t, g, 1, 1)

	ae := ofKind(model.AE)
	if _, err := newGenerator(t, ae, loud(ae)).SamplingFrom(nil).Sample(1, 1); !errors.Is(err, model.ErrCannot) {
		t.Errorf("without a mixture an autoencoder's error is %v, want ErrCannot", err)
	}
}

// TestSamplingFromErrors checks what of a mixture, and of a number of samples, will not do.
func TestSamplingFromErrors(t *testing.T) {
	cfg := ofKind(model.AE)
	g := newGenerator(t, cfg, loud(cfg))
	m := mixtureIn(t, cfg.Latent)
	far, err := gmm.Fit(mat.NewDense(2, cfg.Latent, slices.Repeat([]float64{1e99}, 2*cfg.Latent)), gmm.Options{Components: 1, Covariance: gmm.Spherical, Starts: 1, Regularization: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		m    *gmm.Mixture
		n    int
		want string
	}{
		{mixtureIn(t, cfg.Latent+1), 1, "a mixture in "},
		{m, 0, ""},
		{m, -1, ""},
		{m, 1 << 40, ""},
		{far, 1, "value 0 of the latents is +Inf"},
	} {
		if _, err := g.SamplingFrom(test.m).Sample(test.n, 1); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d samples: error is %v, want ErrInput, %q", test.n, err, test.want)
		}
	}
}
