//go:build cuda

package cuda

import (
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/cuda/driver"
	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/dataset"
)

// The machine is tested on a card, too: on the first that there is, or what stands in for one. Where there is none, its tests are
// skipped, unless GOVAE_CUDA is required.
func init() {
	devices["card"] = func(t *testing.T) (device, int) {
		t.Helper()
		d := openCard(t)
		return card{d}, d.Multiprocessors
	}
	hasTensorCores = func(d device) bool {
		c, ok := d.(card)
		return !ok || c.Capability >= tensorCores
	}
}

func openCard(t testing.TB) *driver.Device {
	t.Helper()
	d, err := driver.Open(0)
	if errors.Is(err, driver.ErrUnavailable) && os.Getenv("GOVAE_CUDA") != "required" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	image, err := kernels.Image(d.Capability)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(image); err != nil {
		t.Fatal(err)
	}
	return d
}

// mnist returns a job on the first images of MNIST.
func mnist(t *testing.T, train, test int) machine.Job {
	t.Helper()
	set, err := dataset.Open("")
	if err != nil {
		t.Fatal(err)
	}
	first := func(images model.Images, n int) *model.Images {
		images.Values, images.Labels = images.Values[:n*images.Shape.Pixels()], nil
		return &images
	}
	j := machine.Job{Model: model.DefaultConfig(), Settings: machine.DefaultSettings(), Train: first(set.Train, train), Test: first(set.Test, test)}
	j.Model.Hidden, j.Model.Latent, j.Settings.Batch = []int{24}, 4, 32
	return j
}

// TestMNIST checks that a training on real images follows the CPU's over 200 steps, loss for loss, and comes to its test loss.
func TestMNIST(t *testing.T) {
	j := mnist(t, 320, 300)
	m, err := open(openCard(t), j)
	if err != nil {
		t.Fatal(err)
	}
	cpu := onCPU(t, j)
	for epoch := range 20 {
		got, want := must[[]machine.Terms](t)(m.Train(counted(320))), must[[]machine.Terms](t)(cpu.Train(counted(320)))
		for i := range want {
			if d := math.Abs(got[i][0] - want[i][0]); !(d <= 1e-4*want[i][0]) {
				t.Fatalf("step %d: the loss is %v, want %v", 10*epoch+i, got[i][0], want[i][0])
			}
		}
	}
	near(t, "test", must[[]machine.Terms](t)(m.Evaluate(counted(300))), must[[]machine.Terms](t)(cpu.Evaluate(counted(300))))
}

// TestShapesOfTheDocs checks two steps, the second of them short, of the first two networks whose speed is measured.
func TestShapesOfTheDocs(t *testing.T) {
	for _, c := range []struct {
		hidden        []int
		latent, batch int
		activation    op.Activation
	}{{[]int{400}, 20, 128, op.ReLU}, {[]int{200, 200}, 50, 20, op.Tanh}} {
		j := mnist(t, c.batch+c.batch/3, 1)
		j.Model.Hidden, j.Model.Latent, j.Model.Activation, j.Settings.Batch = c.hidden, c.latent, c.activation, c.batch
		d := openCard(t)
		m := opened(t, card{d}, d.Multiprocessors, j)
		order := counted(j.Train.Len())
		near(t, j.Model.String(), must[[]machine.Terms](t)(m.Train(order)), must[[]machine.Terms](t)(onCPU(t, j).Train(order)))
	}
}

// TestTensorCores checks that a training in TF32 comes near to one in float32, and that it is another.
func TestTensorCores(t *testing.T) {
	j := mnist(t, 320, 300)
	j.Precision = machine.TF32
	d := openCard(t)
	if d.Capability < tensorCores {
		if m, err := open(d, j); m != nil || !errors.Is(err, machine.ErrPrecision) {
			t.Errorf("without tensor cores the error is %v, want %v", err, machine.ErrPrecision)
		}
		return
	}
	var losses [3]float64
	for i, multiprocessors := range []int{1, 1 << 20, 1} {
		if i == 2 {
			j.Precision = machine.Float32
		}
		d := openCard(t)
		m := opened(t, card{d}, multiprocessors, j)
		for range 5 {
			must[[]machine.Terms](t)(m.Train(counted(320)))
		}
		losses[i] = must[[]machine.Terms](t)(m.Evaluate(counted(32)))[0][0]
	}
	if losses[0] != losses[1] {
		t.Errorf("with large tiles the loss is %v, and with small ones %v", losses[0], losses[1])
	}
	if d := math.Abs(losses[0] - losses[2]); !(d < 0.01*losses[2]) || d == 0 {
		t.Errorf("the loss is %v, and in float32 %v", losses[0], losses[2])
	}
}

// TestOrderOfSums checks to the bit in which order a product adds up its terms, and that it rounds each once: what product.cuh says.
// Of 2²⁴ + 1 − 2²⁴ the 1 is left unless it comes second.
func TestOrderOfSums(t *testing.T) {
	const depth, big = 200, 1 << 24
	for name, c := range map[string]struct {
		x, w map[int]float32 // those that are not 1 and 0
		want float32
	}{
		"k ascending":          {nil, map[int]float32{0: big, 1: 1, 2: -big}, 0},
		"a group's slices":     {nil, map[int]float32{0: big, 64: 1, 128: -big}, 0},
		"slices of 16":         {nil, map[int]float32{15: big, 16: -big, 64: 1}, 0},
		"groups in order":      {nil, map[int]float32{0: big, 16: 1, 32: -big}, 0},
		"the last group":       {nil, map[int]float32{32: big, 48: -big, 63: 1}, 1},
		"rounded once, as fma": {map[int]float32{1: 1 + 0x1p-12}, map[int]float32{0: -1 - 0x1p-11, 1: 1 + 0x1p-12}, 0x1p-24},
	} {
		t.Run(name, func(t *testing.T) {
			m := opened(t, card{openCard(t)}, 1, tinyJob())
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, depth), gorgonia.WithName("x"))
			w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, depth), gorgonia.WithName("w"))
			b := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(1), gorgonia.WithName("b"))
			n := &model.Network{Graph: g, Batch: 1, Inputs: []model.Input{{Node: x}, {Node: w}, {Node: b}}}
			n.Outputs = gorgonia.Nodes{must[*gorgonia.Node](t)(op.Dense(x, w, b, op.Identity))}
			values := [][]float32{slices.Repeat([]float32{1}, depth), make([]float32, depth), {0}}
			for i, changes := range []map[int]float32{c.x, c.w} {
				for k, v := range changes {
					values[i][k] = v
				}
			}
			for _, multiprocessors := range []int{1, 1 << 20} {
				m.multiprocessors = multiprocessors
				p := must[*program](t)(m.load(n, must[*plan.Plan](t)(plan.Compile(n, nil, m.options(plan.Forward)))))
				for i, v := range values {
					if err := m.device.Write(p.inputs[i], memory(v)); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.run(1); err != nil {
					t.Fatal(err)
				}
				y := make([]float32, 1)
				if err := m.device.Read(memory(y), p.outputs[0]); err != nil {
					t.Fatal(err)
				}
				if y[0] != c.want {
					t.Errorf("%d multiprocessors: the sum is %v, want %v", multiprocessors, y[0], c.want)
				}
			}
		})
	}
}
