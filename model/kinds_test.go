package model

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/graphtest"
	"govae/internal/setting"
)

// plain is a kind of model as loops in float64, for one image at a time: its layers, and what it makes of x, y and ε.
type plain struct {
	cfg     Config
	weights map[string][]float64
}

// dense is one layer, with tanh or without.
func (p plain) dense(name string, x []float64, f func(float64) float64) []float64 {
	w, y := p.weights[name+".weight"], slices.Clone(p.weights[name+".bias"])
	for o := range y {
		for i, v := range x {
			y[o] += w[o*len(x)+i] * v
		}
		if f != nil {
			y[o] = f(y[o])
		}
	}
	return y
}

// logits is the decoder of one hidden layer.
func (p plain) logits(z []float64) []float64 {
	return p.dense("decoder.2", p.dense("decoder.0", z, math.Tanh), nil)
}

func bernoulli(logits, x []float64) (logP float64) {
	for i, l := range logits {
		prob := 1 / (1 + math.Exp(-l))
		logP += x[i]*math.Log(prob) + (1-x[i])*math.Log(1-prob)
	}
	return logP
}

// ae returns the code, the logits of what it decodes to, and the loss.
func (p plain) ae(x []float64) (z, logits []float64, terms []float64) {
	z = p.dense("encoder.2", p.dense("encoder.0", x, math.Tanh), nil)
	logits = p.logits(z)
	return z, logits, []float64{-bernoulli(logits, x)}
}

// cvae returns the posterior's mean, the logits of what z = μ + σ·ε decodes to, and loss, reconstruction and KL.
func (p plain) cvae(x, y, epsilon []float64, beta float64) (mean, logits []float64, terms []float64) {
	h := p.dense("encoder.0", slices.Concat(x, y), math.Tanh)
	mean, logVar := p.dense("mean", h, nil), p.dense("logVar", h, nil)
	z, kl := make([]float64, len(mean)), 0.0
	for d, m := range mean {
		sigma := math.Sqrt(math.Exp(logVar[d]))
		z[d] = m + sigma*epsilon[d]
		kl += (m*m+sigma*sigma-1)/2 - math.Log(sigma)
	}
	logits = p.logits(slices.Concat(z, y))
	reconstruction := -bernoulli(logits, x)
	return mean, logits, []float64{reconstruction + beta*kl, reconstruction, kl}
}

// classifier returns the features, the probabilities of the classes, and the loss.
func (p plain) classifier(x, y []float64) (features, probabilities []float64, terms []float64) {
	features = p.dense("encoder.0", x, math.Tanh)
	probabilities = p.dense("logits", features, math.Exp)
	sum, loss := 0.0, 0.0
	for _, v := range probabilities {
		sum += v
	}
	for i := range probabilities {
		probabilities[i] /= sum
		loss -= y[i] * math.Log(probabilities[i])
	}
	return features, probabilities, []float64{loss}
}

// of returns what the kind makes of one image: code, logits or probabilities, and terms. What it does not take it leaves alone.
func (p plain) of(x, y, epsilon []float64, beta float64) (code, outputs, terms []float64) {
	switch p.cfg.Kind {
	case AE:
		return p.ae(x)
	case Classifier:
		return p.classifier(x, y)
	}
	return p.cvae(x, y, epsilon, beta)
}

const kindsBatch, kindsClasses = 4, 3

// widened returns rows of float32 values as rows of float64 ones.
func widened(values []float32, width int) (rows [][]float64) {
	for row := range slices.Chunk(values, width) {
		wide := make([]float64, width)
		for i, v := range row {
			wide[i] = float64(v)
		}
		rows = append(rows, wide)
	}
	return rows
}

// closeTo reports got where it is further from want than rounding explains.
func closeTo(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestKindsAgainstPlainLoops checks what every part of an autoencoder, of a conditional one and of a classifier computes against loops in
// float64, and each gradient of the loss against their central differences.
func TestKindsAgainstPlainLoops(t *testing.T) {
	for _, kind := range []Kind{AE, CVAE, Classifier} {
		t.Run(string(kind), func(t *testing.T) { checkKind(t, kind) })
	}
}

func checkKind(t *testing.T, kind Kind) {
	cfg := tiny()
	cfg.Kind, cfg.Classes, cfg.Activation = kind, kindsClasses, "tanh"
	weights := InitialWeights(cfg, 1)
	p := plain{cfg, make(map[string][]float64)}
	for name, w := range weights {
		p.weights[name] = widened(w.Float32s(), w.Shape().TotalSize())[0]
	}
	const beta = 0.3
	feed := fed()
	onehot := make([]float32, kindsBatch*kindsClasses)
	for i, class := range []int{2, 0, 1, 2} {
		onehot[i*kindsClasses+class] = 1
	}
	feed["y"], feed["beta"] = onehot, float32(beta)
	x, y, epsilon := widened(feed["x"].([]float32), 15), widened(onehot, kindsClasses), widened(feed["epsilon"].([]float32), cfg.Latent)
	loss := func() (mean float64) {
		for i := range kindsBatch {
			_, _, terms := p.of(x[i], y[i], epsilon[i], beta)
			mean += terms[0] / kindsBatch
		}
		return mean
	}

	trained := newNetwork(t, cfg, Train, kindsBatch, weights)
	gradients, err := trained.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	run(t, trained, feed)
	closeTo(t, "loss", graphtest.Scalar(trained.Terms[0].Node), loss(), 1e-5)
	for k, parameter := range trained.Parameters {
		w := p.weights[parameter.Name()]
		for i, got := range graphtest.Floats(gradients[k]) {
			const h = 1e-5
			was := w[i]
			w[i] = was + h
			up := loss()
			w[i] = was - h
			down := loss()
			w[i] = was
			closeTo(t, fmt.Sprintf("gradient of %s[%d]", parameter.Name(), i), float64(got), (up-down)/(2*h), 1e-5)
		}
	}

	scored, encoded := newNetwork(t, cfg, Score, kindsBatch, weights), newNetwork(t, cfg, Encode, kindsBatch, weights)
	run(t, scored, feed)
	run(t, encoded, feed)
	for i := range kindsBatch {
		code, _, terms := p.of(x[i], y[i], epsilon[i], 1)
		for k, want := range terms {
			closeTo(t, scored.Terms[k].Name+" of an image", float64(graphtest.Floats(scored.Outputs[k])[i]), want, 1e-5)
		}
		if got := cfg.CodeWidth(); got != len(code) {
			t.Errorf("codes of %d values, want %d", got, len(code))
		}
		for d, want := range code {
			closeTo(t, "code", float64(graphtest.Floats(encoded.Outputs[0])[i*len(code)+d]), want, 1e-5)
		}
	}
	if kind.Can(Decode) {
		checkDecoder(t, p, weights, feed, y, epsilon)
	}
	if kind.Can(Classify) {
		classified := newNetwork(t, cfg, Classify, kindsBatch, weights)
		run(t, classified, feed)
		for i := range kindsBatch {
			_, probabilities, _ := p.of(x[i], y[i], nil, 1)
			for j, want := range probabilities {
				closeTo(t, "probability", float64(graphtest.Floats(classified.Outputs[0])[i*kindsClasses+j]), want, 1e-5)
			}
		}
	}
}

// checkDecoder takes ε for latents.
func checkDecoder(t *testing.T, p plain, weights Tensors, feed map[string]any, y, epsilon [][]float64) {
	t.Helper()
	decoded := newNetwork(t, p.cfg, Decode, kindsBatch, weights)
	feed["z"] = feed["epsilon"]
	run(t, decoded, feed)
	for i := range kindsBatch {
		z := epsilon[i]
		if p.cfg.Kind == CVAE {
			z = slices.Concat(z, y[i])
		}
		for j, l := range p.logits(z) {
			closeTo(t, "pixel", float64(graphtest.Floats(decoded.Outputs[0])[i*15+j]), 1/(1+math.Exp(-l)), 1e-5)
		}
	}
}

// run feeds a network what of all the values it takes.
func run(t *testing.T, n *Network, all map[string]any) {
	t.Helper()
	feed := maps.Clone(all)
	maps.DeleteFunc(feed, func(name string, _ any) bool {
		return !slices.ContainsFunc(n.Inputs, func(in Input) bool { return in.Name() == name })
	})
	graphtest.Run(t, n.Graph, feed)
}

// TestWhatKindsAsk says of each kind what others ask of it.
func TestWhatKindsAsk(t *testing.T) {
	type answers struct {
		prior, labels bool
		settings      []string
		terms         string
	}
	for kind, want := range map[Kind]answers{
		AE:         {false, false, nil, "loss"},
		VAE:        {true, false, []string{"beta"}, "loss reconstruction kl"},
		CVAE:       {true, true, []string{"beta"}, "loss reconstruction kl"},
		Classifier: {false, true, nil, "loss"},
	} {
		cfg := tiny()
		cfg.Kind, cfg.Classes = kind, 2
		var terms []string
		for _, term := range cfg.Terms() {
			terms = append(terms, term.Name)
		}
		if got := (answers{kind.HasPrior(), kind.TakesLabels(), kind.Settings(), strings.Join(terms, " ")}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
	for _, kind := range Kinds() {
		if got, want := kind.Can(Classify), kind == Classifier; got != want || kind.Can(Decode) == want || !kind.Can(Encode) {
			t.Errorf("%s: can classify is %t, and can decode %t", kind, got, kind.Can(Decode))
		}
	}
	if k := Kind("gan"); k.Can(Train) || k.HasPrior() || k.TakesLabels() || k.Settings() != nil {
		t.Error("a kind that there is not has something")
	}
}

// TestFitOfKinds gives the shapes of the modules that docs/embedding.md has for PyTorch.
func TestFitOfKinds(t *testing.T) {
	like := DefaultConfig()
	ae := make(map[string]tensor.Shape)
	linear(ae, "encoder.0", 36, 9)
	linear(ae, "encoder.2", 9, 5)
	linear(ae, "encoder.4", 5, 2)
	linear(ae, "decoder.0", 2, 5)
	linear(ae, "decoder.2", 5, 9)
	linear(ae, "decoder.4", 9, 36)
	cvae := shapesOf(36, []int{9, 5}, 2)
	linear(cvae, "encoder.0", 36+7, 9)
	linear(cvae, "decoder.0", 2+7, 5)
	classifier := make(map[string]tensor.Shape)
	linear(classifier, "encoder.0", 36, 9)
	linear(classifier, "encoder.2", 9, 5)
	linear(classifier, "logits", 5, 7)
	for kind, shapes := range map[Kind]map[string]tensor.Shape{AE: ae, CVAE: cvae, Classifier: classifier} {
		like.Kind = kind
		want := like
		want.Image, want.Hidden = Image{6, 6, 1}, []int{9, 5}
		if kind != Classifier {
			want.Latent = 2
		}
		if kind != AE {
			want.Classes = 7
		}
		if got, err := like.Fit(shapes); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v (%v), want %+v", kind, got, err, want)
		}
		for _, other := range Kinds() {
			if like.Kind = other; other == kind {
				continue
			}
			if got, err := like.Fit(shapes); err == nil {
				t.Errorf("weights of kind %s are taken for %v", kind, got)
			}
		}
	}
	like.Kind = CVAE
	if _, err := like.Fit(shapesOf(36, []int{9}, 2)); err == nil || !strings.Contains(err.Error(), "kind is cvae") {
		t.Errorf("weights without classes: error is %v", err)
	}
	like.Kind = Classifier
	for name, want := range map[string]string{"logits.weight": "parameter logits.weight is missing", "encoder.2.bias": "parameter encoder.2.bias is missing"} {
		spoilt := maps.Clone(classifier)
		delete(spoilt, name)
		if _, err := like.Fit(spoilt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a classifier without %s: error is %v", name, err)
		}
	}
	like.Kind = CVAE
	like.Likelihood = "cauchy"
	if _, err := like.Fit(cvae); err == nil || !strings.Contains(err.Error(), `likelihood is "cauchy"`) {
		t.Errorf("an unknown likelihood: error is %v", err)
	}
}

// TestClassesOfInitialWeights checks that a layer beside which the class stands counts it as an input.
func TestClassesOfInitialWeights(t *testing.T) {
	cfg := tiny()
	cfg.Kind, cfg.Classes = CVAE, 3
	for _, p := range cfg.Parameters() {
		want := map[string]int{"encoder.0.weight": 18, "encoder.0.bias": 18, "decoder.0.weight": 5, "decoder.0.bias": 5}[p.Name]
		if want != 0 && p.FanIn != want {
			t.Errorf("%s has a fan-in of %d, want %d", p.Name, p.FanIn, want)
		}
	}
}

// TestFieldsThatAKindHasNot names fields of a decoder to a kind that has none.
func TestFieldsThatAKindHasNot(t *testing.T) {
	var refused []string
	for _, kind := range Kinds() {
		for _, f := range Fields {
			err := CheckTaken(kind, f.Name)
			if err == nil {
				continue
			}
			if notTaken := (*setting.NotTaken)(nil); !errors.As(err, &notTaken) || notTaken.Flag != f.Flag {
				t.Errorf("%s, %s: error is %v", kind, f.Name, err)
			}
			refused = append(refused, string(kind)+" "+f.Name)
		}
	}
	if want := []string{"classifier latent", "classifier likelihood"}; !slices.Equal(refused, want) {
		t.Errorf("refused are %q, want %q", refused, want)
	}
	if err := CheckTaken(Classifier); err != nil {
		t.Errorf("without names: %v", err)
	}
}

// TestWhatAClassifierMakesNothingOf changes the fields of a decoder: neither shapes nor numbers change.
func TestWhatAClassifierMakesNothingOf(t *testing.T) {
	cfg := tiny()
	cfg.Kind, cfg.Classes = Classifier, 3
	other := cfg
	other.Latent = cfg.Latent + 5
	if got, want := other.Parameters(), cfg.Parameters(); !reflect.DeepEqual(got, want) || other.String() != cfg.String() {
		t.Errorf("%v has the parameters %v, want %v", other, got, want)
	}
}
