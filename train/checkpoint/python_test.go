package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/model"
)

// python returns an interpreter that has the reference implementation of safetensors, or skips the test.
// The environment variable GOVAE_PYTHON names another interpreter than python3.
func python(t *testing.T) string {
	interpreter := cmp.Or(os.Getenv("GOVAE_PYTHON"), "python3")
	if output, err := exec.Command(interpreter, "-c", "import numpy, safetensors.numpy").CombinedOutput(); err != nil {
		t.Skipf("%s with numpy and safetensors is needed to check against the reference implementation (GOVAE_PYTHON names another interpreter): %v\n%s",
			interpreter, err, output)
	}
	return interpreter
}

// runPython runs a script and returns what it printed.
func runPython(t *testing.T, interpreter, script string, stdin []byte, args ...string) []byte {
	t.Helper()
	command := exec.Command(interpreter, append([]string{"-c", script}, args...)...)
	command.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.String())
	}
	return output
}

func TestPythonReadsWhatSaveWrites(t *testing.T) {
	interpreter := python(t)
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	want := example()
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	output := runPython(t, interpreter, `
import json, sys
import numpy as np
from safetensors import safe_open
with safe_open(sys.argv[1], framework="np") as f:
    tensors = {name: f.get_tensor(name) for name in f.keys()}
    print(json.dumps({
        "config": json.loads(f.metadata()["config"]),
        "run": json.loads(f.metadata()["run"]),
        "tensors": {name: {
            "dtype": str(t.dtype), "shape": t.shape, "bits": t.view(np.uint32).ravel().tolist(),
        } for name, t in tensors.items()},
    }))
`, nil, path)

	var got struct {
		Config  model.Config
		Run     storedRun
		Tensors map[string]struct {
			Dtype string
			Shape tensor.Shape
			Bits  []uint32
		}
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	if stored := (storedRun{want.State.Step, *want.Run}); !reflect.DeepEqual(got.Config, want.Config) || !reflect.DeepEqual(got.Run, stored) {
		t.Errorf("python reads config %+v and run %+v,\nwant %+v and %+v", got.Config, got.Run, want.Config, stored)
	}
	if len(got.Tensors) != 3*len(want.State.Weights) {
		t.Errorf("python reads %d tensors, want %d", len(got.Tensors), 3*len(want.State.Weights))
	}
	for prefix, tensors := range map[string]model.Tensors{
		"": want.State.Weights, "adam.m.": want.State.FirstMoment, "adam.v.": want.State.SecondMoment,
	} {
		for name, w := range tensors {
			g := got.Tensors[prefix+name]
			values := w.Data().([]float32)
			if g.Dtype != "float32" || !g.Shape.Eq(w.Shape()) || len(g.Bits) != len(values) {
				t.Errorf("python reads %s as %s %v of %d values, want float32 %v", prefix+name, g.Dtype, g.Shape, len(g.Bits), w.Shape())
				continue
			}
			for i, v := range values {
				if g.Bits[i] != math.Float32bits(v) {
					t.Errorf("python reads %s[%d] as bits %#x, want %#x", prefix+name, i, g.Bits[i], math.Float32bits(v))
				}
			}
		}
	}
}

func TestLoadReadsWhatPythonWrites(t *testing.T) {
	interpreter := python(t)
	path := filepath.Join(t.TempDir(), "python.safetensors")
	want := example()
	metadata, err := want.metadata()
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for _, p := range want.Config.Parameters() {
		shapes[p.Name] = p.Shape
	}
	stdin, err := json.Marshal(map[string]any{"metadata": metadata, "shapes": shapes})
	if err != nil {
		t.Fatal(err)
	}
	runPython(t, interpreter, `
import json, sys
import numpy as np
from safetensors.numpy import save_file
given = json.load(sys.stdin)
tensors = {}
for prefix, start in (("", -3), ("adam.m.", 0.5), ("adam.v.", 7)):
    for name, shape in given["shapes"].items():
        tensors[prefix + name] = np.arange(start, start + np.prod(shape), dtype=np.float32).reshape(shape)
save_file(tensors, sys.argv[1], metadata=given["metadata"])
`, stdin, path)

	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Config, want.Config) || !reflect.DeepEqual(got.Run, want.Run) || got.State.Step != want.State.Step {
		t.Errorf("config %+v, step %d and run %+v,\nwant %+v, %d and %+v", got.Config, got.State.Step, got.Run, want.Config, want.State.Step, want.Run)
	}
	for _, part := range []struct {
		tensors model.Tensors
		start   float32
	}{{got.State.Weights, -3}, {got.State.FirstMoment, 0.5}, {got.State.SecondMoment, 7}} {
		for name := range shapes {
			for i, v := range part.tensors[name].Data().([]float32) {
				if v != part.start+float32(i) {
					t.Errorf("%s[%d] is %v, want %v", name, i, v, part.start+float32(i))
				}
			}
		}
	}
}

// TestLoadWeightsReadsWhatPythonWrites reads weights under this package's names, which Python has saved as it saves any.
func TestLoadWeightsReadsWhatPythonWrites(t *testing.T) {
	interpreter := python(t)
	for _, metadata := range []string{"null", `{"format": "pt"}`} {
		path := filepath.Join(t.TempDir(), "weights.safetensors")
		runPython(t, interpreter, `
import json, sys
import numpy as np
from safetensors.numpy import save_file
tensors, start = {}, 0
def linear(name, inputs, outputs):
    global start
    tensors[name + ".weight"] = np.arange(start, start + inputs*outputs, dtype=np.float32).reshape(outputs, inputs)
    tensors[name + ".bias"] = np.arange(-start, outputs - start, dtype=np.float32)
    start += 1000
linear("encoder.0", 12, 5)
linear("encoder.2", 5, 4)
linear("mean", 4, 2)
linear("logVar", 4, 2)
linear("decoder.0", 2, 4)
linear("decoder.2", 4, 5)
linear("decoder.4", 5, 12)
save_file(tensors, sys.argv[1], metadata=json.loads(sys.argv[2]))
`, nil, path, metadata)

		got, err := LoadWeights(path, model.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		want := model.DefaultConfig()
		want.Image, want.Hidden, want.Latent = model.Image{Height: 2, Width: 2, Channels: 3}, []int{5, 4}, 2
		if !reflect.DeepEqual(got.Config, want) {
			t.Errorf("metadata %s: config is %+v, want %+v", metadata, got.Config, want)
		}
		for i, layer := range []string{"encoder.0", "encoder.2", "mean", "logVar", "decoder.0", "decoder.2", "decoder.4"} {
			for name, start := range map[string]float32{layer + ".weight": float32(1000 * i), layer + ".bias": float32(-1000 * i)} {
				for k, v := range got.State.Weights[name].Data().([]float32) {
					if v != start+float32(k) {
						t.Errorf("metadata %s: %s[%d] is %v, want %v", metadata, name, k, v, start+float32(k))
					}
				}
			}
		}
	}
}
