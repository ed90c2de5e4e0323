package cuda

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/cuda/plan"
	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
)

// input is one of an operation under test.
type input struct {
	name  string
	shape tensor.Shape // nil: a scalar
	data  bool         // not differentiated
}

// operation is one of package op, over inputs of one size.
type operation struct {
	name   string
	inputs []input
	build  func(in gorgonia.Nodes) (*gorgonia.Node, error)
}

// operations returns each operation, over matrices of rows × cols; a layer has so many outputs.
func operations(rows, cols, outs int) []operation {
	matrix := func(name string) input { return input{name: name, shape: tensor.Shape{rows, cols}} }
	fixed := func(name string) input { return input{name: name, shape: tensor.Shape{rows, cols}, data: true} }
	vector := input{name: "v", shape: tensor.Shape{rows}}
	all := []operation{
		{"Reparameterize", []input{matrix("mean"), matrix("logVar"), fixed("epsilon")},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Reparameterize(in[0], in[1], in[2]) }},
		{"BernoulliLogLikelihood", []input{matrix("logits"), fixed("x")},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.BernoulliLogLikelihood(in[0], in[1]) }},
		{"CategoricalLogLikelihood", []input{matrix("logits"), fixed("y")},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.CategoricalLogLikelihood(in[0], in[1]) }},
		{"Softmax", []input{fixed("logits")}, func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Softmax(in[0]) }},
		{"StandardNormalKL", []input{matrix("mean"), matrix("logVar")},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.StandardNormalKL(in[0], in[1]) }},
		{"Beside", []input{matrix("a"), {name: "b", shape: tensor.Shape{rows, outs}, data: true}},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Beside(in[0], in[1]) }},
		{"Scale", []input{vector}, func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Scale(in[0], -1.5) }},
		{"Add", []input{matrix("a"), matrix("b"), matrix("c")}, func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Add(in...) }},
		{"BatchMean", []input{vector}, func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.BatchMean(in[0], -1.5) }},
		{"AddScaled", []input{{name: "a"}, {name: "s", data: true}, {name: "b"}},
			func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.AddScaled(in[0], in[1], in[2]) }},
	}
	for _, f := range []op.Activation{op.Identity, op.ReLU, op.Tanh, op.Sigmoid} {
		w, b := input{name: "w", shape: tensor.Shape{outs, cols}}, input{name: "b", shape: tensor.Shape{outs}}
		all = append(all,
			operation{fmt.Sprintf("Dense %s", f), []input{matrix("x"), w, b},
				func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Dense(in[0], in[1], in[2], f) }},
			operation{fmt.Sprintf("Activate %s", f), []input{matrix("a")},
				func(in gorgonia.Nodes) (*gorgonia.Node, error) { return op.Activate(in[0], f) }})
	}
	return all
}

// weigh makes the loss of y: the mean of its values, with gradients that differ within a row.
func weigh(y *gorgonia.Node) (*gorgonia.Node, error) {
	if y.Dims() == 0 {
		return op.Add(y, y)
	}
	if y.Dims() == 1 {
		return op.BatchMean(y, 2)
	}
	kl, err := op.StandardNormalKL(y, y)
	if err != nil {
		return nil, err
	}
	return op.BatchMean(kl, 2)
}

// TestOperations checks each operation and each derivative against the CPU's, over ragged sizes, for every size of tiles and in each
// precision.
func TestOperations(t *testing.T) {
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			for _, size := range [][3]int{{1, 1, 1}, {3, 2, 5}, {16, 32, 32}, {17, 33, 31}, {65, 70, 67}, {2, 300, 3}, {130, 20, 97}} {
				for _, o := range operations(size[0], size[1], size[2]) {
					t.Run(fmt.Sprintf("%s/%v", o.name, size), func(t *testing.T) {
						d, _ := device(t)
						m := opened(t, d, 1, tinyJob())
						for _, m.multiprocessors = range []int{1, 12, 1 << 20} {
							checkOperation(t, m, o)
						}
						if m.job.Precision = machine.TF32; hasTensorCores(d) {
							for _, m.multiprocessors = range []int{1, 1 << 20} {
								checkOperation(t, m, o)
							}
						}
					})
				}
			}
		})
	}
}

// hasTensorCores says whether a device under test has the kernels for TF32. In the tests of a card it is another function.
var hasTensorCores = func(device) bool { return true }

// checkOperation runs an operation with its derivatives on both machines: by its inputs, and by nodes of these names within it.
func checkOperation(t *testing.T, m *gpu, o operation, within ...string) {
	t.Helper()
	tolerance := 2e-5
	if m.job.Precision == machine.TF32 {
		tolerance = 1e-2 // of factors with 11 bits
	}
	g := gorgonia.NewGraph()
	n := &model.Network{Graph: g, Batch: 1}
	feed := make(map[string]any)
	for i, in := range o.inputs {
		random := philox.New(uint64(i), philox.Latent, 0)
		var node *gorgonia.Node
		if in.shape == nil {
			node = gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName(in.name))
			feed[in.name] = []float32{0.5, 2, -3}[i]
		} else {
			node = gorgonia.NewTensor(g, tensor.Float32, len(in.shape), gorgonia.WithShape(in.shape...), gorgonia.WithName(in.name))
			values := make([]float32, in.shape.TotalSize())
			bound := float32(2)
			if in.name == "w" {
				bound = float32(1 / math.Sqrt(float64(in.shape[1]))) // for outputs of which exp is moderate
			}
			random.Uniform(values, -bound, bound)
			feed[in.name] = values
		}
		n.Inputs = append(n.Inputs, model.Input{Node: node})
		if !in.data {
			n.Parameters = append(n.Parameters, node)
		}
	}
	var nodes gorgonia.Nodes
	for _, in := range n.Inputs {
		nodes = append(nodes, in.Node)
	}
	y := must[*gorgonia.Node](t)(o.build(nodes))
	n.Terms = []model.Reported{{Node: must[*gorgonia.Node](t)(weigh(y))}}
	for _, node := range g.AllNodes() {
		if slices.Contains(within, node.Name()) {
			n.Parameters = append(n.Parameters, node)
		}
	}
	gradients := must[gorgonia.Nodes](t)(n.Gradients())
	n.Parameters, n.Outputs = nil, append(gorgonia.Nodes{y}, gradients...)
	compiled := must[*plan.Plan](t)(plan.Compile(n, nil, m.options(plan.Forward)))
	p := must[*program](t)(m.load(n, compiled))
	for i, in := range n.Inputs {
		values, ok := feed[in.Name()].([]float32)
		if !ok {
			values = []float32{feed[in.Name()].(float32)}
		}
		if err := m.device.Write(p.inputs[i], memory(values)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.run(1); err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, n.Graph, feed)
	for i, node := range n.Outputs {
		got := make([]float32, node.Shape().TotalSize())
		if err := m.device.Read(memory(got), p.outputs[i]); err != nil {
			t.Fatal(err)
		}
		want := []float32{0}
		if node.Dims() == 0 {
			want[0] = float32(graphtest.Scalar(node))
		} else {
			want = graphtest.Floats(node)
		}
		for k := range want {
			if d := math.Abs(float64(got[k] - want[k])); !(d <= tolerance*(1+math.Abs(float64(want[k])))) {
				t.Fatalf("%s, %d multiprocessors: output %d is %v at %d, want %v\n%v", m.job.Precision, m.multiprocessors, i, got[k], k, want[k], compiled)
			}
		}
	}
}

// TestTilesGiveTheSameBits checks that the size of tiles, which follows from the card, does not change a bit of a training.
func TestTilesGiveTheSameBits(t *testing.T) {
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			j := jobs()["wide"]
			var want machine.State
			for i, multiprocessors := range []int{1, 8, 1 << 20} {
				d, _ := device(t)
				m := opened(t, d, multiprocessors, j)
				must[[]machine.Terms](t)(m.Train(counted(j.Train.Len())))
				got := must[machine.State](t)(m.State())
				if i == 0 {
					want = got
				} else if diff := differs(got, want, 0); diff != "" {
					t.Errorf("%d multiprocessors: %s", multiprocessors, diff)
				}
			}
		})
	}
}

// TestInputsAreFilled checks every source of an input, with one and with several rows for each image, in the second step of a stretch,
// in training and in evaluation: the numbers that are drawn are those that the CPU draws, to 1e-6, and all others are exact.
func TestInputsAreFilled(t *testing.T) {
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			j := tinyJob()
			j.Model.Classes = 5
			for _, images := range []*model.Images{j.Train, j.Test} {
				images.Labels = make([]byte, images.Len())
				for i := range images.Labels {
					images.Labels[i] = byte(i * 3 % 5)
				}
			}
			j.State = machine.State{Step: 1<<32 + 7}
			for _, use := range []plan.Use{plan.Train, plan.Evaluate} {
				for _, repeat := range []int{1, 3} {
					d, multiprocessors := device(t)
					checkInputs(t, opened(t, d, multiprocessors, j), use, repeat)
				}
			}
		})
	}
}

func checkInputs(t *testing.T, m *gpu, use plan.Use, repeat int) {
	t.Helper()
	const images = 4 // of the second batch, which is short
	g := gorgonia.NewGraph()
	n := &model.Network{Graph: g, Batch: images}
	for _, in := range []struct {
		name   string
		source model.Source
		width  int
	}{{"x", model.Pixels, 15}, {"y", model.Labels, 5}, {"epsilon", model.Normal, 7}, {"u", model.Uniform, 6}} {
		node := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(images*repeat, in.width), gorgonia.WithName(in.name))
		n.Inputs = append(n.Inputs, model.Input{Node: node, Source: in.source, Stream: 91, TestStream: 92})
		n.Outputs = append(n.Outputs, must[*gorgonia.Node](t)(op.Activate(node, op.Identity)))
	}
	indices := []int{3, 1, 4, 1, 5, 9, 2, 6, 0, 10}
	p := must[*program](t)(m.load(n, must[*plan.Plan](t)(plan.Compile(n, nil, m.options(use)))))
	if err := m.prepare(indices, 2, use == plan.Evaluate); err != nil {
		t.Fatal(err)
	}
	if err := p.run(2); err != nil {
		t.Fatal(err)
	}
	of := m.job.Train
	if use == plan.Evaluate {
		of = m.job.Test
	}
	for i, in := range n.Inputs {
		rows, width := images*repeat, in.Shape()[1]
		want := make([]float32, rows*width)
		for row := range rows {
			image, values := indices[m.job.Settings.Batch:][row/repeat], want[row*width:][:width]
			switch in.Source {
			case model.Pixels:
				of.Fill(values, image)
			case model.Labels:
				values[of.Labels[image]] = 1
			}
		}
		if in.IsDrawn() && use == plan.Train {
			in.Draw(want, m.job.Settings.Seed, in.Stream, m.step+1)
		} else if in.IsDrawn() {
			for k, image := range indices[m.job.Settings.Batch:] {
				in.Draw(want[k*repeat*width:][:repeat*width], m.job.Settings.Seed, in.TestStream, uint64(image))
			}
		}
		got := make([]float32, len(want))
		if err := m.device.Read(memory(got), p.outputs[i]); err != nil {
			t.Fatal(err)
		}
		tolerance := 0.0
		if in.Source == model.Normal {
			tolerance = 1e-6
		}
		for k := range want {
			if d := math.Abs(float64(got[k] - want[k])); !(d <= tolerance*max(1, math.Abs(float64(want[k])))) {
				t.Fatalf("use %d, %d rows an image: %s is %v at %d, want %v", use, repeat, in.Name(), got[k], k, want[k])
			}
		}
	}
}

// TestNormalsOfManySteps checks a hundred thousand draws a step against the CPU's, in steps that were searched for rare words: with this
// seed the second has 2³² − 6 at first in a pair, and the third 1.
func TestNormalsOfManySteps(t *testing.T) {
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			j := tinyJob()
			d, multiprocessors := device(t)
			m := opened(t, d, multiprocessors, j)
			const width = 20_000
			g := gorgonia.NewGraph()
			node := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(6, width), gorgonia.WithName("epsilon"))
			in := model.Input{Node: node, Source: model.Normal, Stream: philox.Epsilon}
			n := &model.Network{Graph: g, Batch: 6, Inputs: []model.Input{in}}
			n.Outputs = gorgonia.Nodes{must[*gorgonia.Node](t)(op.Activate(node, op.Identity))}
			p := must[*program](t)(m.load(n, must[*plan.Plan](t)(plan.Compile(n, nil, m.options(plan.Train)))))
			for _, m.step = range []uint64{0, 197_036_803, 188_552_896} {
				if err := m.prepare(counted(6), 1, false); err != nil {
					t.Fatal(err)
				}
				if err := p.run(1); err != nil {
					t.Fatal(err)
				}
				got, want := make([]float32, 6*width), make([]float32, 6*width)
				if err := m.device.Read(memory(got), p.outputs[0]); err != nil {
					t.Fatal(err)
				}
				in.Draw(want, j.Settings.Seed, in.Stream, m.step)
				for k := range want {
					if d := math.Abs(float64(got[k] - want[k])); !(d <= 1e-6*max(1, math.Abs(float64(want[k])))) {
						t.Fatalf("step %d: [%d] is %v, want %v", m.step, k, got[k], want[k])
					}
				}
			}
		})
	}
}
