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
	images := &model.Images{Shape: set.Test.Shape, Values: set.Test.Values[:n*pixels], Labels: set.Test.Labels[:n]}

	paths := []string{*checkpointFlag}
	if *checkpointFlag == "" {
		paths = nil
		for _, kind := range model.Kinds() {
			path := filepath.Join(t.TempDir(), string(kind)+".safetensors")
			saveAfterOneStep(t, path, kind, images)
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		c, err := checkpoint.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		expected := filepath.Join(t.TempDir(), "expected.safetensors")
		writeExpected(t, expected, c, images)
		out, err := exec.Command(python, "torch_check.py", path, expected).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s: %s", c.Config, out)
	}
}

// saveAfterOneStep saves the default network of a kind after one step on all of the images.
func saveAfterOneStep(t *testing.T, path string, kind model.Kind, images *model.Images) {
	t.Helper()
	n, settings := images.Len(), machine.DefaultSettings()
	settings.Batch = n
	j := machine.Job{Model: model.DefaultConfig(), Settings: settings, Train: images}
	j.Model.Kind, j.Model.Classes = kind, 10
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

// matrix is a tensor of a safetensors file, [n, width].
type matrix struct {
	name   string
	width  int
	values []float32
}

// fed returns what the model of a checkpoint takes of images, and what else its training graph does: ε = 0, so that z is the posterior
// mean, and β.
func fed(t *testing.T, c *checkpoint.Checkpoint, images *model.Images) (matrices []matrix, feed map[string]any) {
	t.Helper()
	inputs, err := c.Config.Inputs(model.Train)
	if err != nil {
		t.Fatal(err)
	}
	n, feed := images.Len(), make(map[string]any)
	for _, in := range inputs {
		values := make([]float32, n*in.Width(1))
		switch in.Source {
		case model.Pixels:
			images.Fill(values, 0)
		case model.Labels:
			for i, label := range images.Labels {
				values[i*in.Width(1)+int(label)] = 1
			}
		case model.Setting:
			feed[in.Name()] = float32(1)
			continue
		}
		feed[in.Name()] = values
		if !in.IsDrawn() {
			matrices = append(matrices, matrix{in.Name(), in.Width(1), values})
		}
	}
	return matrices, feed
}

// writeExpected writes what the model of a checkpoint takes of images, and the logits, [n, pixels], or of a classifier [n, classes], as a
// safetensors file.
func writeExpected(t *testing.T, path string, c *checkpoint.Checkpoint, images *model.Images) {
	t.Helper()
	n := images.Len()
	matrices, feed := fed(t, c, images)
	network, err := model.New(c.Config, model.Train, n, c.State.Weights)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, network.Graph, feed)
	last := fmt.Sprintf("decoder.%d", 2*len(c.Config.Hidden)) // of the decoder's layers
	if c.Config.Kind.Can(model.Classify) {
		last = "logits"
	}
	logits := graphtest.Floats(graphtest.Node(t, network.Graph, last))
	matrices = append(matrices, matrix{"logits", len(logits) / n, logits})

	type entry struct {
		Dtype   string `json:"dtype"`
		Shape   [2]int `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	entries, end := make(map[string]entry), 0
	for _, m := range matrices {
		entries[m.name] = entry{"F32", [2]int{n, m.width}, [2]int{end, end + 4*len(m.values)}}
		end += 4 * len(m.values)
	}
	header, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	for _, m := range matrices {
		if file, err = binary.Append(file, binary.LittleEndian, m.values); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
}
