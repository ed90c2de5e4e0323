package cuda

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
)

// TestProductsThatAreRead checks that a layer's gradient by its input is there where more than the derivative of an activation
// reads it, and so cannot be fused with that: another operation, or the host.
func TestProductsThatAreRead(t *testing.T) {
	matrix := func(name string, data bool) input { return input{name, tensor.Shape{5, 7}, data} }
	w, b := input{name: "w", shape: tensor.Shape{3, 7}}, input{name: "b", shape: tensor.Shape{3}}
	byAnother := operation{name: "by another operation", inputs: []input{matrix("a", false), matrix("logVar", false), matrix("epsilon", true), w, b}}
	byAnother.build = func(in gorgonia.Nodes) (*gorgonia.Node, error) {
		mean, err := op.Activate(in[0], op.Tanh)
		if err != nil {
			return nil, err
		}
		z, err := op.Reparameterize(mean, in[1], in[2])
		if err != nil {
			return nil, err
		}
		return op.Dense(z, in[3], in[4], op.Identity)
	}
	byTheHost := operation{name: "by the host", inputs: []input{matrix("a", false), w, b}}
	byTheHost.build = func(in gorgonia.Nodes) (*gorgonia.Node, error) {
		h, err := op.Activate(in[0], op.Tanh)
		if err != nil {
			return nil, err
		}
		gorgonia.WithName("h")(h)
		return op.Dense(h, in[1], in[2], op.Identity)
	}
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			for _, o := range []operation{byAnother, byTheHost} {
				t.Run(o.name, func(t *testing.T) {
					d, multiprocessors := device(t)
					checkOperation(t, opened(t, d, multiprocessors, tinyJob()), o, "h")
				})
			}
		})
	}
}

// TestSumsAreNotTheUpdate checks that each parameter is updated once and by its whole gradient, where that is not one product alone,
// which an update is fused with: it is a sum, or a term of another's sum, or that of another parameter, too.
func TestSumsAreNotTheUpdate(t *testing.T) {
	layer := func(t *testing.T, x, w, b *gorgonia.Node, f op.Activation) *gorgonia.Node {
		return must[*gorgonia.Node](t)(op.Dense(x, w, b, f))
	}
	graphs := map[string]func(t *testing.T, x, w, b, v, c *gorgonia.Node) *gorgonia.Node{
		"two uses": func(t *testing.T, x, w, b, v, c *gorgonia.Node) *gorgonia.Node {
			return layer(t, layer(t, layer(t, x, w, b, op.Tanh), w, b, op.Identity), v, c, op.Identity)
		},
		"a term of another's": func(t *testing.T, x, w, b, v, c *gorgonia.Node) *gorgonia.Node {
			h := layer(t, x, w, b, op.Tanh)
			return must[*gorgonia.Node](t)(op.Add(layer(t, h, w, b, op.Identity), layer(t, h, v, c, op.Identity)))
		},
		"another's, too": func(t *testing.T, x, w, b, v, c *gorgonia.Node) *gorgonia.Node {
			return must[*gorgonia.Node](t)(op.Add(layer(t, x, w, b, op.Identity), layer(t, x, v, c, op.Identity)))
		},
	}
	for name, device := range devices {
		for graph, build := range graphs {
			t.Run(name+"/"+graph, func(t *testing.T) {
				d, multiprocessors := device(t)
				checkFirstUpdate(t, opened(t, d, multiprocessors, tinyJob()), build)
			})
		}
	}
}

// checkFirstUpdate makes the first step over a graph of x and four parameters, two matrices and two vectors. Of moments that were 0,
// it makes the first moment a tenth of the gradient.
func checkFirstUpdate(t *testing.T, m *gpu, build func(t *testing.T, x, w, b, v, c *gorgonia.Node) *gorgonia.Node) {
	t.Helper()
	const rows, width = 6, 33
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(rows, width), gorgonia.WithName("x"))
	n := &model.Network{Graph: g, Batch: rows, Inputs: []model.Input{{Node: x, Source: model.Normal, Stream: philox.Epsilon}}}
	feed := map[string]any{"x": make([]float32, rows*width)}
	n.Inputs[0].Draw(feed["x"].([]float32), m.job.Settings.Seed, philox.Epsilon, 0)
	for i, name := range []string{"w", "b", "v", "c"} {
		shape := []tensor.Shape{{width, width}, {width}}[i%2]
		n.Parameters = append(n.Parameters, gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name)))
		values := make([]float32, shape.TotalSize())
		philox.New(uint64(i), philox.Weights, 0).Uniform(values, -0.2, 0.2)
		feed[name] = slices.Clone(values)
		zeros := make([]float32, len(values))
		for buffer, v := range map[string][]float32{name: values, plan.FirstMoment + name: zeros, plan.SecondMoment + name: zeros} {
			m.shared[buffer] = must[kernels.Ptr](t)(m.device.Alloc(4 * len(v)))
			if err := m.device.Write(m.shared[buffer], memory(v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := n.Parameters
	n.Terms = []model.Reported{{Node: must[*gorgonia.Node](t)(weigh(build(t, x, p[0], p[1], p[2], p[3])))}}
	gradients := must[gorgonia.Nodes](t)(n.Gradients())
	step := must[*program](t)(m.load(n, must[*plan.Plan](t)(plan.Compile(n, gradients, m.options(plan.Train)))))
	if err := m.prepare(counted(rows), 1, false); err != nil {
		t.Fatal(err)
	}
	if err := step.run(1); err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, n.Graph, feed)
	for i, node := range n.Parameters {
		want := graphtest.Floats(gradients[i])
		got := make([]float32, len(want))
		if err := m.device.Read(memory(got), m.shared[plan.FirstMoment+node.Name()]); err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if d := math.Abs(float64(10*got[k] - want[k])); !(d <= 2e-5*(1+math.Abs(float64(want[k])))) {
				t.Fatalf("the gradient of %s is %v at %d, want %v", node.Name(), 10*got[k], k, want[k])
			}
		}
	}
}
