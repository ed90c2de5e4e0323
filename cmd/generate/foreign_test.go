package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/cmd/internal/trained"
	"govae/internal/picture"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/generate"
)

// TestWeightsAlone draws with a file that holds no run.
func TestWeightsAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := checkpoint.Save("weights.safetensors", ofSize(t, 3, op.Tanh).Weights()); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command("-checkpoint weights.safetensors -n 4 -device cpu")
	want := fmt.Sprintf("Wrote samples.png, %d×%d pixels: 4 samples of seed 1.\n"+
		"Drawn with weights.safetensors, vae 6-5-4-(3+3)-4-5-6, tanh, bernoulli.\n", across(2, width, 2), across(2, height, 2))
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q, want stdout %q", code, stdout, stderr, want)
	}
	if code, _, stderr := command("-checkpoint weights.safetensors -activation tanh"); code != trained.ExitUsage || !strings.Contains(stderr, "weights.safetensors says itself") {
		t.Errorf("exit code %d, stderr %q, want -activation to be refused", code, stderr)
	}
}

// writeForeign saves weights as another program would: with other metadata, or where that is nil without any.
func writeForeign(t *testing.T, path string, c *checkpoint.Checkpoint, metadata map[string]string) {
	t.Helper()
	var file bytes.Buffer
	if err := checkpoint.Write(&file, c.Weights()); err != nil {
		t.Fatal(err)
	}
	length := binary.LittleEndian.Uint64(file.Next(8))
	var header map[string]any
	if err := json.Unmarshal(file.Next(int(length)), &header); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	if metadata != nil {
		header["__metadata__"] = metadata
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	foreign := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	foreign = append(append(foreign, text...), file.Bytes()...)
	if err := os.WriteFile(path, foreign, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestForeignWeightsOfAnotherSize checks that square images need no -image, whatever their size.
func TestForeignWeightsOfAnotherSize(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 4, Width: 4, Channels: 1}, []int{5}, 2
	state := machine.State{Weights: model.InitialWeights(cfg, 1)}
	writeForeign(t, "square.safetensors", &checkpoint.Checkpoint{Config: cfg, State: state}, nil)
	code, stdout, stderr := command("-n 4 -checkpoint square.safetensors")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "of images of 4×4×1; ") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestForeignWeights compares what is drawn with them with what a model that is known to be the right one decodes.
func TestForeignWeights(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, metadata := range map[string]map[string]string{"pt": {"format": "pt"}, "bare": nil} {
		t.Run(name, func(t *testing.T) {
			path := name + ".safetensors"
			weights := ofSize(t, 3, op.Tanh)
			writeForeign(t, path, weights, metadata)
			for _, activation := range []op.Activation{op.Tanh, op.ReLU} {
				weights.Config.Activation = activation
				g, err := generate.New(weights, device.CPU)
				if err != nil {
					t.Fatal(err)
				}
				images, err := g.Sample(4, 1)
				if err != nil {
					t.Fatal(err)
				}
				want, err := picture.Grid{Images: images, Shape: picture.Shape{Height: height, Width: width, Channels: 1}, Columns: 2, Scale: 2}.Draw()
				if err != nil {
					t.Fatal(err)
				}
				args := "-n 4 -device cpu -image 3x2 -checkpoint " + path
				if activation != op.ReLU { // the default
					args += " -activation " + string(activation)
				}
				code, stdout, stderr := command(args)
				if code != 0 || stderr != "" {
					t.Fatalf("exit code %d, stderr %q", code, stderr)
				}
				lines := []string{
					fmt.Sprintf("%s does not say what model it holds. Taken for vae 6-5-4-(3+3)-4-5-6, %s, bernoulli, of images of 3×2×1; "+
						"-model, -likelihood, -activation, -image say otherwise.", path, activation),
					fmt.Sprintf("Wrote samples.png, %d×%d pixels: 4 samples of seed 1.", across(2, width, 2), across(2, height, 2)),
					fmt.Sprintf("Drawn with %s, vae 6-5-4-(3+3)-4-5-6, %s, bernoulli.", path, activation),
				}
				if want := strings.Join(lines, "\n") + "\n"; stdout != want {
					t.Errorf("stdout is %q, want %q", stdout, want)
				}
				if got := readPNG(t, "samples.png"); !bytes.Equal(got.(*image.Gray).Pix, want.(*image.Gray).Pix) {
					t.Errorf("%s: got levels %v, want %v", activation, got.(*image.Gray).Pix, want.(*image.Gray).Pix)
				}
			}
		})
	}
}

func TestForeignErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	writeForeign(t, "oblong.safetensors", ofSize(t, 3, op.ReLU), nil)

	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 4, Width: 4, Channels: 1}
	square := &checkpoint.Checkpoint{Config: cfg, State: machine.State{Weights: model.InitialWeights(cfg, 1)}}
	writeForeign(t, "square.safetensors", square, nil)

	file, err := os.ReadFile("square.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.Replace(file, []byte(`"logVar.bias"`), []byte(`"logvar.bias"`), 1)
	if err := os.WriteFile("renamed.safetensors", renamed, 0o666); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		args string
		code int
		want string
	}{
		{"-checkpoint oblong.safetensors", trained.ExitFailure, "oblong.safetensors: model: images of 6 values are neither 28×28×1 nor square"},
		{"-checkpoint oblong.safetensors", trained.ExitFailure, "(of another program's weights, -model, -likelihood, -activation, -image say what their shapes do not)"},
		{"-checkpoint oblong.safetensors -image 2x2", trained.ExitFailure, "neither 2×2×1 nor square"},
		{"-checkpoint square.safetensors -image 3x3", trained.ExitUsage, "-image is 3×3×1, and square.safetensors is of images of 16 values"},
		{"-checkpoint renamed.safetensors", trained.ExitFailure, "renamed.safetensors: model: parameter logVar.bias is missing"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) { wantFailure(t, test.args, test.code, test.want) })
	}
	if found, _ := filepath.Glob("*.png*"); found != nil {
		t.Errorf("failures left %v", found)
	}
}
