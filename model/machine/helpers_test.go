package machine

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
)

// tinyJob returns a job on a small network with no two sizes alike: 15-7-(2+2)-7-15, 23 training and 11 test images, 6 images a
// step.
func tinyJob() Job {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 3, Width: 5, Channels: 1}, []int{7}, 2
	return Job{
		Model:    cfg,
		Settings: Settings{Seed: 5, Batch: 6, LearningRate: 1e-2, Beta: 0.3},
		Train:    randomImages(cfg.Image, 23, 1),
		Test:     randomImages(cfg.Image, 11, 2),
	}
}

// randomImages returns n images, and different ones for each seed.
func randomImages(shape model.Image, n int, seed uint64) *model.Images {
	images := &model.Images{Shape: shape, Values: make([]byte, n*shape.Pixels())}
	random := philox.New(seed, philox.Latent, 0)
	for i := range images.Values {
		images.Values[i] = byte(random.Uint32())
	}
	return images
}

// counted returns n numbers from 0 on.
func counted(n int) []int {
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return indices
}

func open(t *testing.T, j Job) *CPU {
	t.Helper()
	m, err := NewCPU(j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return m
}

func mustTrain(t *testing.T, m Machine, indices []int) []Terms {
	t.Helper()
	steps, err := m.Train(indices)
	if err != nil {
		t.Fatalf("Train: %v", err)
	}
	return steps
}

func mustEvaluate(t *testing.T, m Machine, indices []int) []Terms {
	t.Helper()
	batches, err := m.Evaluate(indices)
	if err != nil {
		t.Fatalf("Evaluate: %v", err)
	}
	return batches
}

func mustState(t *testing.T, m Machine) State {
	t.Helper()
	s, err := m.State()
	if err != nil {
		t.Fatalf("State: %v", err)
	}
	return s
}

// sameBits says whether two slices have the same bits. NaN is the same as itself, and 0 is not the same as -0.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// differs returns the name of a tensor that differs between two states in any bit, or "".
func differs(a, b State) string {
	sets := b.Sets()
	for i, set := range a.Sets() {
		other := *sets[i].Tensors
		if len(*set.Tensors) != len(other) {
			return set.Name
		}
		for name, value := range *set.Tensors {
			if other[name] == nil || !sameBits(value.Float32s(), other[name].Float32s()) {
				return set.Name + " of " + name
			}
		}
	}
	if a.Step != b.Step {
		return "step"
	}
	return ""
}

// same says whether two lists of terms have the same numbers.
func same(a, b []Terms) bool {
	return slices.EqualFunc(a, b, func(a, b Terms) bool { return slices.Equal(a, b) })
}

// onCores runs a test on 1, 2 and 4 cores.
func onCores(test func(cores int)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cores)
		test(cores)
	}
}

// fedTo returns what the training graph is fed for the images at indices: in training at a step, or in a test.
func fedTo(j Job, indices []int, step uint64, test bool) map[string]any {
	images, _ := j.images(test)
	pixels, latent := j.Model.Image.Pixels(), j.Model.Latent
	var x []float32
	epsilon := make([]float32, len(indices)*latent)
	for row, i := range indices {
		for _, b := range images.Values[i*pixels:][:pixels] {
			x = append(x, float32(float64(b)/255))
		}
		if test {
			philox.New(j.Settings.Seed, philox.TestEpsilon, uint64(i)).Normal(epsilon[row*latent:][:latent])
		}
	}
	if !test {
		philox.New(j.Settings.Seed, philox.Epsilon, step).Normal(epsilon)
	}
	return map[string]any{"x": x, "epsilon": epsilon, "beta": float32(j.Settings.Beta)}
}

// reference runs the training graph over weights, as it is built for just these images, and returns its terms and gradients.
func reference(t *testing.T, j Job, weights model.Tensors, feed map[string]any) (Terms, gorgonia.Nodes) {
	t.Helper()
	batch := len(feed["x"].([]float32)) / j.Model.Image.Pixels()
	network, err := model.New(j.Model, model.Train, batch, weights)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := network.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, network.Graph, feed)
	var terms Terms
	for _, term := range network.Terms {
		terms = append(terms, graphtest.Scalar(term.Node))
	}
	return terms, gradients
}
