package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model/op"
)

// TestDifferentiateByWhatIsUsedOften checks the gradient by x of ½·Σ (h² + exp(h) − 1 − h) + Σ h·x, h = tanh(x), where h is
// used three times and x itself twice, against its closed form: (h + ½·(exp(h) − 1) + x) · (1 − h²) + h.
func TestDifferentiateByWhatIsUsedOften(t *testing.T) {
	const rows, cols = 70, 90 // more than one core's share
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(rows, cols), gorgonia.WithName("x"))
	h := must(op.Activate(x, op.Tanh))
	kl := must(op.BatchMean(must(op.StandardNormalKL(h, h)), rows))
	sum := must(gorgonia.Sum(must(gorgonia.HadamardProd(h, x))))
	y := must(gorgonia.Add(kl, sum))
	gradients, err := differentiate(g, y, gorgonia.Nodes{x})
	if err != nil {
		t.Fatal(err)
	}
	values := random(rows*cols, philox.Latent)
	graphtest.Run(t, g, map[string]any{"x": values})
	for i, got := range graphtest.Floats(gradients[0]) {
		x := float64(values[i])
		h := math.Tanh(x)
		if want := (h+(math.Exp(h)-1)/2+x)*(1-h*h) + h; math.Abs(float64(got)-want) > 1e-5 {
			t.Fatalf("gradient at %v is %v, want %v", values[i], got, want)
		}
	}
}

// TestDifferentiateByAScalarUsedTwice checks that the derivative of m + s·m by m is 1 + s.
func TestDifferentiateByAScalarUsedTwice(t *testing.T) {
	g := gorgonia.NewGraph()
	m := gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("m"))
	s := gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("s"))
	y := must(op.AddScaled(m, s, m))
	gradients, err := differentiate(g, y, gorgonia.Nodes{m})
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, g, map[string]any{"m": float32(3), "s": float32(0.25)})
	if got := graphtest.Scalar(gradients[0]); got != 1.25 {
		t.Errorf("derivative is %v, want 1.25", got)
	}
}

// TestDifferentiateOnlyWhereItLeads checks that operations without a derivative, or with a wrong one, do no harm where nothing
// lies behind them that is differentiated by.
func TestDifferentiateOnlyWhereItLeads(t *testing.T) {
	g := gorgonia.NewGraph()
	vector := func(name string) *gorgonia.Node {
		return gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName(name))
	}
	v, other, another := vector("v"), vector("other"), vector("another")
	scale := gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("scale"))
	mean := must(op.BatchMean(v, 1))
	underivable := must(gorgonia.ApplyOp(noDerivative{mean.Op()}, other))
	wrong := must(gorgonia.ApplyOp(wrongDerivative{mean.Op().(gorgonia.SDOp)}, another))
	sum := must(op.Add(must(op.AddScaled(mean, scale, underivable)), wrong))
	y := must(gorgonia.ApplyOp(firstOnly{must(op.Add(sum, scale)).Op().(gorgonia.SDOp)}, sum, wrong))
	gradients, err := differentiate(g, y, gorgonia.Nodes{v})
	if err != nil {
		t.Fatal(err)
	}
	feed := map[string]any{"scale": float32(3)}
	for _, name := range []string{"v", "other", "another"} {
		feed[name] = []float32{1, 2, 3, 4}
	}
	graphtest.Run(t, g, feed)
	if got := graphtest.Floats(gradients[0]); !slices.Equal(got, []float32{0.25, 0.25, 0.25, 0.25}) {
		t.Errorf("the gradient of a mean of 4 is %v", got)
	}
	if _, err := differentiate(g, sum, gorgonia.Nodes{v, other}); err == nil || !strings.Contains(err.Error(), "has no derivative") {
		t.Errorf("error is %v, want one that there is no derivative", err)
	}
}

// TestGradientsLeaveNothingUnread checks that what derivatives make beyond what is wanted, which differentiate leaves in the
// graph, is not there after Gradients, and that all else is.
func TestGradientsLeaveNothingUnread(t *testing.T) {
	n := newNetwork(t, tiny(), Train, 4, InitialWeights(tiny(), 1))
	before := n.Graph.AllNodes()
	gradients, err := n.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	after := n.Graph.AllNodes()
	for _, node := range before {
		if !slices.Contains(after, node) {
			t.Errorf("%v is gone", node)
		}
	}
	products := 0 // gradients by what a layer takes
	for _, node := range after {
		if spec, _ := op.SpecOf(node); spec.Kind == "∂Dense/∂x" {
			products++
		}
	}
	if products != 4 { // of the layers but the first, which takes x
		t.Errorf("%d gradients by a layer's input, want 4", products)
	}
	for i, p := range tiny().Parameters() {
		if got := gradients[i].Shape(); !got.Eq(p.Shape) || !slices.Contains(after, gradients[i]) {
			t.Errorf("the gradient by %s has shape %v, want %v", p.Name, got, p.Shape)
		}
	}
}

func TestDifferentiateErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	v := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("v"))
	other := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("other"))
	mean := must(op.BatchMean(v, 1))
	underivable := must(gorgonia.ApplyOp(noDerivative{mean.Op()}, other))
	wrong := must(gorgonia.ApplyOp(wrongDerivative{mean.Op().(gorgonia.SDOp)}, other))
	for _, c := range []struct {
		y, by *gorgonia.Node
		want  string
	}{
		{mean, other, "does not depend on other"},
		{underivable, other, "has no derivative"},
		{underivable, v, "does not depend on v"},
		{wrong, other, "has shape (), want (4)"},
	} {
		if _, err := differentiate(g, c.y, gorgonia.Nodes{c.by}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
	}
}

type noDerivative struct{ gorgonia.Op }

func (noDerivative) Hashcode() uint32 { return 1 }

// wrongDerivative takes the gradient of what it computes for that of its input.
type wrongDerivative struct{ gorgonia.SDOp }

func (wrongDerivative) Hashcode() uint32 { return 2 }

func (wrongDerivative) SymDiff(_ gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	return gorgonia.Nodes{dy}, nil
}

// firstOnly is an operation of two inputs that has no gradient by the second, though it says that it has one.
type firstOnly struct{ gorgonia.SDOp }

func (firstOnly) Hashcode() uint32 { return 3 }

func (firstOnly) SymDiff(_ gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	return gorgonia.Nodes{dy, nil}, nil
}
