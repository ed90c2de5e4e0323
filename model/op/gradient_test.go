package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// input is one input of an operation under test.
type input struct {
	name  string
	shape tensor.Shape // nil: a scalar
	low   float64      // values are drawn between low
	high  float64      // and high
	data  bool         // fed from outside: not differentiated
}

// operation is an operation under test and the plain float64 function that it must compute.
type operation struct {
	name      string
	inputs    []input
	build     func(in gorgonia.Nodes) (*gorgonia.Node, error)
	reference func(in [][]float64) []float64
}

// TestGradients checks what every operation computes against a plain float64 function, and its
// derivative against central differences of that function, for a random upstream gradient.
func TestGradients(t *testing.T) {
	for _, o := range operations() {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s/%d", o.name, seed), func(t *testing.T) { check(t, o, seed) })
		}
	}
}

func operations() []operation {
	var all []operation
	for _, f := range []Activation{Identity, ReLU, Tanh, Sigmoid} {
		all = append(all, denseOperation(f), activateOperation(f))
	}
	return append(all,
		operation{
			name: "Reparameterize",
			inputs: []input{
				{name: "mean", shape: tensor.Shape{11, 3}, low: -2, high: 2},
				{name: "logVar", shape: tensor.Shape{11, 3}, low: -3, high: 3},
				{name: "epsilon", shape: tensor.Shape{11, 3}, low: -2, high: 2, data: true},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Reparameterize(in[0], in[1], in[2]) },
			reference: func(in [][]float64) []float64 {
				z := make([]float64, len(in[0]))
				for i := range z {
					z[i] = in[0][i] + math.Sqrt(math.Exp(in[1][i]))*in[2][i]
				}
				return z
			},
		},
		operation{
			name: "BernoulliLogLikelihood",
			inputs: []input{
				{name: "logits", shape: tensor.Shape{11, 5}, low: -6, high: 6},
				{name: "x", shape: tensor.Shape{11, 5}, low: 0, high: 1, data: true},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return BernoulliLogLikelihood(in[0], in[1]) },
			reference: func(in [][]float64) []float64 {
				logP := make([]float64, 11)
				for i, l := range in[0] {
					x, p := in[1][i], 1/(1+math.Exp(-l))
					logP[i/5] += x*math.Log(p) + (1-x)*math.Log(1-p)
				}
				return logP
			},
		},
		operation{
			name: "CategoricalLogLikelihood",
			inputs: []input{
				{name: "logits", shape: tensor.Shape{11, 5}, low: -6, high: 6},
				{name: "y", shape: tensor.Shape{11, 5}, low: 0, high: 1, data: true},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return CategoricalLogLikelihood(in[0], in[1]) },
			reference: func(in [][]float64) []float64 {
				logP := make([]float64, 11)
				for row := range logP {
					var sum float64
					for i := 5 * row; i < 5*row+5; i++ {
						sum += math.Exp(in[0][i])
						logP[row] += in[1][i] * in[0][i]
					}
					logP[row] -= math.Log(sum)
				}
				return logP
			},
		},
		operation{
			name:   "Softmax",
			inputs: []input{{name: "logits", shape: tensor.Shape{11, 5}, low: -6, high: 6, data: true}},
			build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Softmax(in[0]) },
			reference: func(in [][]float64) []float64 {
				p := make([]float64, 55)
				for i, l := range in[0] {
					var others float64
					for _, other := range in[0][i/5*5:][:5] {
						others += math.Exp(other - l)
					}
					p[i] = 1 / others
				}
				return p
			},
		},
		operation{
			name: "StandardNormalKL",
			inputs: []input{
				{name: "mean", shape: tensor.Shape{11, 3}, low: -2, high: 2},
				{name: "logVar", shape: tensor.Shape{11, 3}, low: -3, high: 3},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return StandardNormalKL(in[0], in[1]) },
			reference: func(in [][]float64) []float64 {
				kl := make([]float64, 11)
				for i, mean := range in[0] {
					sigma := math.Sqrt(math.Exp(in[1][i]))
					kl[i/3] += (sigma*sigma+mean*mean)/2 - math.Log(sigma) - 0.5
				}
				return kl
			},
		},
		operation{
			name: "Beside",
			inputs: []input{
				{name: "a", shape: tensor.Shape{11, 3}, low: -5, high: 5},
				{name: "b", shape: tensor.Shape{11, 4}, low: -5, high: 5, data: true},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Beside(in[0], in[1]) },
			reference: func(in [][]float64) (y []float64) {
				for row := range 11 {
					y = append(append(y, in[0][3*row:][:3]...), in[1][4*row:][:4]...)
				}
				return y
			},
		},
		operation{
			name:   "Scale",
			inputs: []input{{name: "v", shape: tensor.Shape{11}, low: -5, high: 5}},
			build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Scale(in[0], -1.5) },
			reference: func(in [][]float64) []float64 {
				y := make([]float64, 11)
				for i, v := range in[0] {
					y[i] = -1.5 * v
				}
				return y
			},
		},
		operation{
			name: "Add",
			inputs: []input{
				{name: "a", shape: tensor.Shape{11, 3}, low: -5, high: 5},
				{name: "b", shape: tensor.Shape{11, 3}, low: -5, high: 5},
				{name: "c", shape: tensor.Shape{11, 3}, low: -5, high: 5, data: true},
			},
			build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Add(in...) },
			reference: func(in [][]float64) []float64 {
				y := make([]float64, 33)
				for i := range y {
					y[i] = in[0][i] + in[1][i] + in[2][i]
				}
				return y
			},
		},
		operation{
			name:   "BatchMean",
			inputs: []input{{name: "v", shape: tensor.Shape{11}, low: -5, high: 5}},
			build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return BatchMean(in[0], -1.5) },
			reference: func(in [][]float64) []float64 {
				var sum float64
				for _, v := range in[0] {
					sum += v
				}
				return []float64{-1.5 * sum / 11}
			},
		},
		operation{
			name: "AddScaled",
			inputs: []input{
				{name: "a", low: -5, high: 5},
				{name: "s", low: 0.5, high: 3, data: true},
				{name: "b", low: -5, high: 5},
			},
			build:     func(in gorgonia.Nodes) (*gorgonia.Node, error) { return AddScaled(in[0], in[1], in[2]) },
			reference: func(in [][]float64) []float64 { return []float64{in[0][0] + in[1][0]*in[2][0]} },
		},
	)
}

func denseOperation(f Activation) operation {
	const batch, ins, outs = 11, 7, 5
	return operation{
		name: fmt.Sprintf("Dense %s", f),
		inputs: []input{
			{name: "x", shape: tensor.Shape{batch, ins}, low: -1, high: 1},
			{name: "w", shape: tensor.Shape{outs, ins}, low: -1, high: 1},
			{name: "b", shape: tensor.Shape{outs}, low: -1, high: 1},
		},
		build: func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Dense(in[0], in[1], in[2], f) },
		reference: func(in [][]float64) []float64 {
			y := make([]float64, batch*outs)
			for i := range batch {
				for j := range outs {
					a := in[2][j]
					for k := range ins {
						a += in[0][i*ins+k] * in[1][j*ins+k]
					}
					y[i*outs+j] = referenceActivation(f, a)
				}
			}
			return y
		},
	}
}

func activateOperation(f Activation) operation {
	return operation{
		name:   fmt.Sprintf("Activate %s", f),
		inputs: []input{{name: "a", shape: tensor.Shape{11, 7}, low: -4, high: 4}},
		build:  func(in gorgonia.Nodes) (*gorgonia.Node, error) { return Activate(in[0], f) },
		reference: func(in [][]float64) []float64 {
			y := make([]float64, len(in[0]))
			for i, a := range in[0] {
				y[i] = referenceActivation(f, a)
			}
			return y
		},
	}
}

func referenceActivation(f Activation, a float64) float64 {
	switch f {
	case ReLU:
		return math.Max(a, 0)
	case Tanh:
		return math.Tanh(a)
	case Sigmoid:
		return 1 / (1 + math.Exp(-a))
	}
	return a
}

// check compares one operation's output and gradients with its reference.
func check(t *testing.T, o operation, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	values := make([][]float64, len(o.inputs))
	for i, in := range o.inputs {
		values[i] = uniform(random, max(1, in.shape.TotalSize()), in.low, in.high)
	}
	want := o.reference(values)
	upstream := uniform(random, len(want), -1, 1)

	got, gradients := run(t, o, values, upstream)
	near(t, "output", got, want, 1e-5)

	for i, in := range o.inputs {
		if in.data {
			continue
		}
		const h = 1e-6
		numeric := make([]float64, len(values[i]))
		for j, v := range values[i] {
			values[i][j] = v + h
			up := dot(upstream, o.reference(values))
			values[i][j] = v - h
			down := dot(upstream, o.reference(values))
			values[i][j] = v
			numeric[j] = (up - down) / (2 * h)
		}
		near(t, "gradient of "+in.name, gradients[in.name], numeric, 1e-5)
	}
}

// run builds cost = Σ upstream · y, and returns y and the gradient of the cost by each input that is not data.
func run(t *testing.T, o operation, values [][]float64, upstream []float64) (y []float32, gradients map[string][]float32) {
	t.Helper()
	g := gorgonia.NewGraph()
	var nodes, wrt gorgonia.Nodes
	for i, in := range o.inputs {
		n := fed(g, in.name, in.shape, values[i])
		nodes = append(nodes, n)
		if !in.data {
			wrt = append(wrt, n)
		}
	}
	out, err := o.build(nodes)
	if err != nil {
		t.Fatal(err)
	}
	var grads gorgonia.Nodes
	if len(wrt) > 0 { // else the operation has no derivative, and nothing reads what it computes
		if grads, err = gorgonia.Grad(weigh(t, g, out, upstream), wrt...); err != nil {
			t.Fatal(err)
		}
	}
	m := gorgonia.NewTapeMachine(g)
	defer m.Close()
	for range 2 { // the second run meets the buffers of the first
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		m.Reset()
	}
	gradients = make(map[string][]float32)
	for i, n := range wrt {
		gradients[n.Name()] = all(grads[i])
	}
	return all(out), gradients
}

// fed returns an input of the graph with its values; where the shape is nil, a scalar.
func fed(g *gorgonia.ExprGraph, name string, shape tensor.Shape, values []float64) *gorgonia.Node {
	if shape == nil {
		return gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName(name), gorgonia.WithValue(float32(values[0])))
	}
	return gorgonia.NewTensor(g, gorgonia.Float32, shape.Dims(),
		gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(dense32(shape, values)))
}

// all returns a node's values, of a scalar the one.
func all(n *gorgonia.Node) []float32 {
	if v, ok := n.Value().(*gorgonia.F32); ok {
		return []float32{float32(*v)}
	}
	return n.Value().Data().([]float32)
}

// weigh returns Σ upstream · out, from stock operations.
func weigh(t *testing.T, g *gorgonia.ExprGraph, out *gorgonia.Node, upstream []float64) *gorgonia.Node {
	t.Helper()
	if out.IsScalar() {
		return gorgonia.Must(gorgonia.Mul(out, fed(g, "upstream", nil, upstream)))
	}
	return gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.HadamardProd(out, fed(g, "upstream", out.Shape(), upstream)))))
}

func dense32(shape tensor.Shape, values []float64) *tensor.Dense {
	backing := make([]float32, len(values))
	for i, v := range values {
		backing[i] = float32(v)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

// uniform draws values that float32 holds exactly, so that both sides see the same inputs.
func uniform(random *rand.Rand, n int, low, high float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(float32(low + (high-low)*random.Float64()))
	}
	return values
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// near fails where an element of got is further from want than tolerance times the largest element of want.
func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	var scale float64
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tolerance*scale) {
			t.Errorf("%s[%d] is %g, want %g", what, i, got[i], w)
			return
		}
	}
}
