package bench

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"govae/internal/graphtest"
	"govae/model"
	"govae/model/machine"
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
	pixels := set.Test.Shape.Pixels()
	images := &model.Images{Shape: set.Test.Shape, Values: set.Test.Values[:n*pixels]}
	x := make([]float32, n*pixels)
	images.Fill(x, 0)

	path := *checkpointFlag
	if path == "" {
		path = filepath.Join(t.TempDir(), "checkpoint.safetensors")
		saveAfterOneStep(t, path, images)
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

// saveAfterOneStep saves the default network after one step on all of the images.
func saveAfterOneStep(t *testing.T, path string, images *model.Images) {
	t.Helper()
	n, settings := images.Len(), machine.DefaultSettings()
	settings.Batch = n
	j := machine.Job{Model: model.DefaultConfig(), Settings: settings, Train: images}
	m, err := machine.NewCPU(j)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Train(dataset.Sequence(n)); err != nil {
		t.Fatal(err)
	}
	s, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	err = checkpoint.Save(path, &checkpoint.Checkpoint{
		Config: j.Model, State: s,
		Run: &checkpoint.Run{Settings: settings, Data: checkpoint.Data{Name: "MNIST", Images: n}, Epoch: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// logitsOf returns the logits, [n, pixels], for z = the posterior mean, which is what ε = 0 gives.
func logitsOf(t *testing.T, c *checkpoint.Checkpoint, n int, x []float32) []float32 {
	t.Helper()
	network, err := model.New(c.Config, model.Train, n, c.State.Weights)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, network.Graph, map[string]any{
		"x": x, "epsilon": make([]float32, n*c.Config.Latent), "beta": float32(1),
	})
	last := fmt.Sprintf("decoder.%d", 2*len(c.Config.Hidden)) // of the decoder's layers
	return graphtest.Floats(graphtest.Node(t, network.Graph, last))
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
