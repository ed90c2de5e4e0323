package bench

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gorgonia.org/gorgonia"

	"govae/internal/graphtest"
	"govae/model"
	"govae/train"
	"govae/train/checkpoint"
	"govae/train/dataset"
)

var checkpointFlag = flag.String("checkpoint", "", "trained checkpoint to rebuild in Python; without one, a network after one step")

// TestLogitsInPython rebuilds a network in PyTorch, or in numpy, from its checkpoint alone, and compares the logits of 100
// test images. It needs a Python with safetensors, which GOVAE_PYTHON may name, and is skipped where there is none.
func TestLogitsInPython(t *testing.T) {
	python := os.Getenv("GOVAE_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import safetensors.numpy").CombinedOutput(); err != nil {
		t.Skipf("%s has no safetensors and numpy (%v): install them, or name another Python in GOVAE_PYTHON\n%s", python, err, out)
	}
	set, err := dataset.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	x := make([]float32, n*set.Test.Shape.Pixels())
	set.Test.Fill(x, 0)

	path := *checkpointFlag
	if path == "" {
		path = filepath.Join(t.TempDir(), "checkpoint.safetensors")
		saveAfterOneStep(t, path, x)
	}
	c, err := checkpoint.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	expected := filepath.Join(t.TempDir(), "expected.safetensors")
	writeExpected(t, expected, n, x, logitsOf(t, c, n, x))
	out, err := exec.Command(python, "torch_check.py", path, expected).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// saveAfterOneStep saves the default network after one step on x.
func saveAfterOneStep(t *testing.T, path string, x []float32) {
	t.Helper()
	cfg := model.DefaultConfig()
	m, err := train.NewTapeMachine(cfg, 1e-3)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n := len(x) / cfg.Image.Pixels()
	if _, err := m.Step(train.Batch{X: x, Epsilon: make([]float32, n*cfg.Latent), Beta: 1}); err != nil {
		t.Fatal(err)
	}
	s, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	err = checkpoint.Save(path, &checkpoint.Checkpoint{
		Config: cfg, Weights: s.Weights, FirstMoment: s.FirstMoment, SecondMoment: s.SecondMoment,
		Run: checkpoint.Run{Batch: n, LearningRate: 1e-3, Beta: 1, Data: checkpoint.Data{Name: "MNIST", Images: n}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// logitsOf returns the logits, [n, pixels], for z = the posterior mean, which is what ε = 0 gives.
func logitsOf(t *testing.T, c *checkpoint.Checkpoint, n int, x []float32) []float32 {
	t.Helper()
	network, err := model.NewWithWeights(c.Config, n, c.Weights)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, network.Graph, map[*gorgonia.Node]any{
		network.X: x, network.Epsilon: make([]float32, n*c.Config.Latent), network.Beta: float32(1),
	})
	return graphtest.Floats(network.Logits)
}

// writeExpected writes the tensors x and logits, both [n, pixels], as a safetensors file.
func writeExpected(t *testing.T, path string, n int, x, logits []float32) {
	t.Helper()
	type entry struct {
		Dtype   string `json:"dtype"`
		Shape   [2]int `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	shape := [2]int{n, len(x) / n}
	header, err := json.Marshal(map[string]entry{
		"x":      {"F32", shape, [2]int{0, 4 * len(x)}},
		"logits": {"F32", shape, [2]int{4 * len(x), 4 * (len(x) + len(logits))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	for _, values := range [][]float32{x, logits} {
		if file, err = binary.Append(file, binary.LittleEndian, values); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
}
