package op

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rows are two inputs of an operation with the shape [len(rows), 2], and its result for each row.
type row struct {
	a, b [2]float64
	want float64
}

// TestStandardNormalKLClosedForm checks values that can be worked out by hand.
func TestStandardNormalKLClosedForm(t *testing.T) {
	log4 := math.Log(4)
	perRow(t, StandardNormalKL, []row{
		{a: [2]float64{0, 0}, b: [2]float64{0, 0}, want: 0},                            // the prior itself
		{a: [2]float64{1, -2}, b: [2]float64{0, 0}, want: 0.5 + 2},                     // ½μ²
		{a: [2]float64{0, 0}, b: [2]float64{log4, 0}, want: (4 - 1 - log4) / 2},        // σ = 2
		{a: [2]float64{0, 0}, b: [2]float64{0, -log4}, want: (0.25 - 1 + log4) / 2},    // σ = ½
		{a: [2]float64{3, 0}, b: [2]float64{log4, 0}, want: (9 + 4 - 1 - log4) / 2},    // both
		{a: [2]float64{0, 0}, b: [2]float64{-80, 0}, want: (0 - 1 + 80) / 2.0},         // σ² underflows
		{a: [2]float64{0, 0}, b: [2]float64{20, 0}, want: (math.Exp(20) - 1 - 20) / 2}, // large, finite
	})
}

// TestBernoulliLogLikelihoodClosedForm checks sure and unsure pixels, up to logits at which exp overflows.
func TestBernoulliLogLikelihoodClosedForm(t *testing.T) {
	perRow(t, BernoulliLogLikelihood, []row{
		{a: [2]float64{0, 0}, b: [2]float64{0, 1}, want: -2 * math.Ln2}, // p = ½
		{a: [2]float64{math.Log(3), -math.Log(3)}, b: [2]float64{1, 1}, want: math.Log(0.75) + math.Log(0.25)},
		{a: [2]float64{100, -100}, b: [2]float64{1, 0}, want: 0},        // sure and right
		{a: [2]float64{100, -100}, b: [2]float64{0, 1}, want: -200},     // sure and wrong
		{a: [2]float64{100, 100}, b: [2]float64{0.25, 0.5}, want: -125}, // −l·(1−x)
		{a: [2]float64{1e4, -1e4}, b: [2]float64{0, 1}, want: -2e4},
	})
}

// TestCategoricalLogLikelihoodClosedForm checks sure and unsure classifications, up to logits at which exp overflows.
func TestCategoricalLogLikelihoodClosedForm(t *testing.T) {
	perRow(t, CategoricalLogLikelihood, []row{
		{a: [2]float64{7, 7}, b: [2]float64{1, 0}, want: -math.Ln2},                // p = ½
		{a: [2]float64{math.Log(3), 0}, b: [2]float64{0, 1}, want: math.Log(0.25)}, // p = ¾ and ¼
		{a: [2]float64{100, -100}, b: [2]float64{1, 0}, want: 0},                   // sure and right
		{a: [2]float64{100, -100}, b: [2]float64{0, 1}, want: -200},                // sure and wrong
		{a: [2]float64{-100, -100}, b: [2]float64{0, 1}, want: -math.Ln2},          // each exp rounds to 0 in float32
		{a: [2]float64{1e4, -1e4}, b: [2]float64{0.5, 0.5}, want: -1e4},            // no one class: half of each
		{a: [2]float64{-1e4, 1e4}, b: [2]float64{0, 1}, want: 0},
	})
}

// TestSoftmaxClosedForm checks probabilities that can be worked out by hand, at logits at which exp overflows.
func TestSoftmaxClosedForm(t *testing.T) {
	o := operation{
		inputs: []input{{name: "logits", shape: tensor.Shape{6, 2}, data: true}},
		build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Softmax(in[0]) },
	}
	got, _ := run(t, o, [][]float64{{7, 7, math.Log(3), 0, 100, -100, -100, 100, 1e4, 1e4, -1e4, -1e4}}, nil)
	near(t, "softmax", got, []float64{0.5, 0.5, 0.75, 0.25, 1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5}, 1e-6)
}

// TestLogitsThatAreNotFinite checks that a logit that is no number, or infinite, does not pass for a likelihood that is.
func TestLogitsThatAreNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for place := range 2 {
			logits := []float64{1, 2}
			logits[place] = bad
			o := operation{
				inputs: []input{{name: "logits", shape: tensor.Shape{1, 2}}, {name: "y", shape: tensor.Shape{1, 2}, data: true}},
				build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return CategoricalLogLikelihood(in[0], in[1]) },
			}
			if got, _ := run(t, o, [][]float64{logits, {0, 1}}, []float64{1}); !math.IsNaN(float64(got[0])) && !math.IsInf(float64(got[0]), 0) {
				t.Errorf("logits %v: log p(y|x) is %v", logits, got[0])
			}
		}
	}
}

// perRow runs an operation of two [n, 2] matrices, and checks that its gradients are finite and its results right.
func perRow(t *testing.T, build func(a, b *gorgonia.Node) (*gorgonia.Node, error), rows []row) {
	t.Helper()
	shape := tensor.Shape{len(rows), 2}
	var a, b, want, upstream []float64
	for _, r := range rows {
		a, b, want, upstream = append(a, r.a[:]...), append(b, r.b[:]...), append(want, r.want), append(upstream, 1)
	}
	o := operation{
		inputs: []input{{name: "a", shape: shape}, {name: "b", shape: shape, data: true}},
		build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return build(in[0], in[1]) },
	}
	got, gradients := run(t, o, [][]float64{a, b}, upstream)
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= 1e-6*(1+math.Abs(w))) {
			t.Errorf("row %d, %v and %v: got %v, want %v", i, rows[i].a, rows[i].b, got[i], w)
		}
	}
	for i, g := range gradients["a"] {
		if v := float64(g); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("gradient at %v is %v", rows[i/2].a, g)
		}
	}
}

// TestShapesThatDoNotFit checks that a wrong shape is an error when the graph is built.
func TestShapesThatDoNotFit(t *testing.T) {
	g := gorgonia.NewGraph()
	matrix := func(rows, cols int, name string) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(rows, cols), gorgonia.WithName(name))
	}
	bias := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(5), gorgonia.WithName("b"))
	x, y := matrix(4, 3, "x"), matrix(4, 2, "y")
	for name, build := range map[string]func() (*gorgonia.Node, error){
		"x against W":         func() (*gorgonia.Node, error) { return Dense(x, matrix(5, 2, "w"), bias, ReLU) },
		"b against W":         func() (*gorgonia.Node, error) { return Dense(x, matrix(6, 3, "w2"), bias, ReLU) },
		"a vector for x":      func() (*gorgonia.Node, error) { return Dense(bias, matrix(5, 3, "w3"), bias, ReLU) },
		"unknown activation":  func() (*gorgonia.Node, error) { return Activate(x, "swish") },
		"logits against x":    func() (*gorgonia.Node, error) { return BernoulliLogLikelihood(x, y) },
		"logits against y":    func() (*gorgonia.Node, error) { return CategoricalLogLikelihood(x, y) },
		"softmax of a vector": func() (*gorgonia.Node, error) { return Softmax(bias) },
		"mean against logVar": func() (*gorgonia.Node, error) { return StandardNormalKL(x, y) },
		"terms of a sum":      func() (*gorgonia.Node, error) { return Add(x, x, y) },
		"ranks in a sum":      func() (*gorgonia.Node, error) { return Add(bias, x) },
		"a sum of nothing":    func() (*gorgonia.Node, error) { return Add() },
		"mean of a matrix":    func() (*gorgonia.Node, error) { return BatchMean(x, 1) },
		"a matrix scaled":     func() (*gorgonia.Node, error) { return Scale(x, 2) },
		"ε against mean":      func() (*gorgonia.Node, error) { return Reparameterize(x, x, y) },
		"rows side by side":   func() (*gorgonia.Node, error) { return Beside(x, matrix(3, 2, "short")) },
		"a vector beside":     func() (*gorgonia.Node, error) { return Beside(x, bias) },
	} {
		if n, err := build(); err == nil {
			t.Errorf("%s: no error, but %v", name, n)
		}
	}
}

// TestUpstreamGradientsThatDoNotFit checks that a derivative is not built over a gradient of another shape than the value has:
// a vector of another length would be read past its end.
func TestUpstreamGradientsThatDoNotFit(t *testing.T) {
	g := gorgonia.NewGraph()
	a := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("a"))
	b := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("b"))
	v := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("v"))
	for _, y := range []*gorgonia.Node{
		gorgonia.Must(BernoulliLogLikelihood(a, b)),
		gorgonia.Must(CategoricalLogLikelihood(a, b)),
		gorgonia.Must(StandardNormalKL(a, b)),
		gorgonia.Must(BatchMean(v, 1)),
		gorgonia.Must(Activate(a, Tanh)),
		gorgonia.Must(Reparameterize(a, b, b)),
		gorgonia.Must(Beside(a, b)),
	} {
		var inputs gorgonia.Nodes
		for children := g.From(y.ID()); children.Next(); {
			inputs = append(inputs, children.Node().(*gorgonia.Node))
		}
		for _, dy := range []*gorgonia.Node{
			gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(3), gorgonia.WithName("short")),
			gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 1), gorgonia.WithName("column")),
		} {
			if _, err := y.Op().(gorgonia.SDOp).SymDiff(inputs, y, dy); err == nil {
				t.Errorf("%v: no error for a gradient of shape %v", y.Op(), dy.Shape())
			}
		}
	}
}

// TestSpecs checks that another compiler of a graph is told all that an operation has besides its inputs.
func TestSpecs(t *testing.T) {
	g := gorgonia.NewGraph()
	a := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("a"))
	v := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("v"))
	for _, c := range []struct {
		node *gorgonia.Node
		want Spec
		name string
	}{
		{gorgonia.Must(Activate(a, Tanh)), Spec{Kind: "Activate", Activation: Tanh}, "Activate tanh"},
		{gorgonia.Must(BatchMean(v, -1)), Spec{Kind: "BatchMean", Scale: -1}, "BatchMean ·-1"},
		{gorgonia.Must(StandardNormalKL(a, a)), Spec{Kind: "StandardNormalKL"}, "StandardNormalKL"},
	} {
		if got, ok := SpecOf(c.node); !ok || got != c.want || got.String() != c.name {
			t.Errorf("%v has %+v, named %s (%t), want %+v", c.node, got, got, ok, c.want)
		}
	}
	mean := gorgonia.Must(BatchMean(v, 2))
	derivatives, err := mean.Op().(gorgonia.SDOp).SymDiff(gorgonia.Nodes{v}, mean, gorgonia.Must(BatchMean(v, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := SpecOf(derivatives[0]); got != (Spec{Kind: "∂BatchMean", Scale: 2, Rows: 4}) {
		t.Errorf("the derivative of a mean of 4 has %+v", got)
	}
	beside := gorgonia.Must(Beside(a, a))
	derivatives, err = beside.Op().(gorgonia.SDOp).SymDiff(gorgonia.Nodes{a, a}, beside, beside)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := SpecOf(derivatives[0]); got != (Spec{Kind: "∂Beside/∂a", Columns: 3}) || got.String() != "∂Beside/∂a of 3 columns" {
		t.Errorf("the derivative of 3 columns beside 3 others has %+v, named %s", got, got)
	}
	for _, n := range []*gorgonia.Node{a, gorgonia.Must(gorgonia.Sum(v))} {
		if got, ok := SpecOf(n); ok {
			t.Errorf("%v, which is none of this package's, has %+v", n, got)
		}
	}
}

// TestDifferentOperationsStayApart checks that Gorgonia does not take two operations for one that differ in a parameter.
func TestDifferentOperationsStayApart(t *testing.T) {
	g := gorgonia.NewGraph()
	a := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("a"))
	v := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("v"))
	nodes := gorgonia.Nodes{
		gorgonia.Must(Activate(a, ReLU)), gorgonia.Must(Activate(a, Tanh)),
		gorgonia.Must(BatchMean(v, 1)), gorgonia.Must(BatchMean(v, -1)),
		gorgonia.Must(Scale(v, 1)), gorgonia.Must(Scale(v, -1)), gorgonia.Must(Scale(v, 1e-4)), gorgonia.Must(Scale(v, 1.000001e-4)),
	}
	for i, n := range nodes {
		for _, other := range nodes[:i] {
			if n.ID() == other.ID() {
				t.Errorf("%v and %v are one node", n, other)
			}
		}
	}
}
