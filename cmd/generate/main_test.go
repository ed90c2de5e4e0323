package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/cmd/internal/trained"
	"govae/internal/idxtest"
	"govae/internal/picture"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

const height, width = 3, 2 // of the images of every model and data set here

// tinyFingerprint is the Fingerprint of the data set that inWorkshop makes:
//
//	python3 -c 'import hashlib
//	def split(images): return b"40\xc3\x973\xc3\x972\xc3\x971 " + b"".join(bytes([i]) * 6 for i in images) + bytes(i % 3 for i in range(40))
//	print(hashlib.sha256(split(range(39, -1, -1)) + split(range(40))).hexdigest()[:16])'
const tinyFingerprint = "b8f2687a1c6ea6af"

// across returns how many pixels so many images take side by side, 2 apart, at a scale.
func across(images, pixels, scale int) int { return images*(pixels*scale+2) - 2 }

// ofSize returns a small model at the start of its run. Its weights are so large that different latents give different pictures.
func ofSize(t *testing.T, latent int, activation op.Activation) *checkpoint.Checkpoint {
	t.Helper()
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: height, Width: width, Channels: 1}
	cfg.Hidden = []int{5, 4}
	cfg.Latent = latent
	cfg.Activation = activation
	image := &model.Images{Shape: cfg.Image, Values: make([]byte, cfg.Image.Pixels())} // something to train on
	state, err := machine.Job{Model: cfg, Settings: machine.DefaultSettings(), Train: image}.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, weight := range state.Weights {
		for i := range weight.Float32s() {
			weight.Float32s()[i] *= 5
		}
	}
	return &checkpoint.Checkpoint{Config: cfg, State: state, Run: &checkpoint.Run{Settings: machine.DefaultSettings()}}
}

// writeCheckpoint saves such a model, as one that was trained on the data set "tiny".
func writeCheckpoint(t *testing.T, path string, latent int) {
	t.Helper()
	c := ofSize(t, latent, op.ReLU)
	c.Run.Data = checkpoint.Data{Name: "tiny", Images: 40, Fingerprint: tinyFingerprint, Source: map[string]string{"data": "tiny"}}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := checkpoint.Save(path, c); err != nil {
		t.Fatal(err)
	}
}

// writeData writes a data set of n test images. Every pixel of image i is i, and its label is i modulo 3. Its training images are others.
func writeData(t *testing.T, dir string, n, height, width int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var images, labels []byte
	for i := range n {
		images = append(images, bytes.Repeat([]byte{byte(i)}, height*width)...)
		labels = append(labels, byte(i%3))
	}
	idxtest.Write(t, dir, "t10k", height, width, images, labels)
	slices.Reverse(images)
	idxtest.Write(t, dir, "train", height, width, images, labels)
}

// inWorkshop runs the test in a new folder that holds a data set "tiny" of 40 test images, another "wide" of another
// shape, and checkpoints of models with latents of 1, 2 and 3 dimensions.
func inWorkshop(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeData(t, "tiny", 40, height, width)
	writeData(t, "wide", 40, height, width+2)
	for latent := 1; latent <= 3; latent++ {
		writeCheckpoint(t, fmt.Sprintf("latent%d.safetensors", latent), latent)
	}
}

// command runs it with words split at spaces.
func command(words string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(strings.Fields(words), &out, &err)
	return code, out.String(), err.String()
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

func TestModes(t *testing.T) {
	inWorkshop(t)
	tests := []struct {
		args          string
		file          string
		columns, rows int // of images
		scale         int
	}{
		{"-checkpoint latent3.safetensors", "samples.png", 8, 8, 2},
		{"-checkpoint latent3.safetensors -n 5 -scale 3 -out five.png", "five.png", 3, 2, 3},
		{"-checkpoint latent3.safetensors -mode reconstruct -n 37 -data tiny", "reconstruct.png", 16, 6, 2},
		{"-checkpoint latent3.safetensors -mode reconstruct -n 3 -data tiny -out few.png", "few.png", 3, 2, 2},
		{"-checkpoint latent3.safetensors -mode reconstruct -out all.png", "all.png", 16, 6, 2},
		{"-checkpoint latent3.safetensors -mode interpolate -data tiny -scale 1", "interpolate.png", 11, 8, 1},
		{"-checkpoint latent3.safetensors -mode interpolate -n 2 -steps 4 -data tiny -out walk.png", "walk.png", 4, 2, 2},
		{"-checkpoint latent2.safetensors -mode manifold", "manifold.png", 20, 20, 2},
		{"-checkpoint latent3.safetensors -mode manifold -dims 2,0 -steps 7 -out chosen.PNG", "chosen.PNG", 7, 7, 2},
		{"-checkpoint latent3.safetensors -mode traverse", "traverse.png", 11, 3, 2},
		{"-checkpoint latent1.safetensors -mode traverse -steps 2 -out one.png", "one.png", 2, 1, 2},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			code, stdout, stderr := command(test.args)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d, stderr %q", code, stderr)
			}
			size := image.Pt(across(test.columns, width, test.scale), across(test.rows, height, test.scale))
			if strings.Contains(test.args, "traverse") { // numbers of one digit stand beside the rows, which are as tall as these
				size = image.Pt(4+7+4+size.X, across(test.rows, 13, 1))
			}
			if got := readPNG(t, test.file).Bounds().Size(); got != size {
				t.Errorf("the picture is %v, want %v", got, size)
			}
			wrote := fmt.Sprintf("Wrote %s, %d×%d pixels: ", test.file, size.X, size.Y)
			if !strings.HasPrefix(stdout, wrote) {
				t.Errorf("stdout is %q, want it to begin with %q", stdout, wrote)
			}
			if !strings.Contains(stdout, "Drawn with latent") || !strings.Contains(stdout, ".safetensors, vae 6-5-4-(") {
				t.Errorf("stdout is %q, want it to name checkpoint and model", stdout)
			}
		})
	}
}

// TestModesPassTheirFlagsOn compares each picture with that of a direct call.
func TestModesPassTheirFlagsOn(t *testing.T) {
	inWorkshop(t)
	pick := func(indices []int) (images []float32) { // the images of the data set at these indices
		for _, i := range indices {
			images = append(images, slices.Repeat([]float32{float32(i) / 255}, height*width)...)
		}
		return images
	}
	labels := make([]byte, 40)
	for i := range labels {
		labels[i] = byte(i % 3)
	}
	from, to := pairs(labels, dataset.Order(40, 7, 0), 2)
	tests := []struct {
		args    string
		latent  int
		columns int
		labels  []string
		images  func(g *generate.Generator) ([]float32, error)
	}{
		{"-n 5 -seed 7", 3, 3, nil, func(g *generate.Generator) ([]float32, error) { return g.Sample(5, 7) }},
		{"-mode interpolate -n 2 -steps 4 -seed 7 -data tiny", 3, 4, nil, func(g *generate.Generator) ([]float32, error) {
			return g.Interpolate(pick(from), pick(to), 4)
		}},
		{"-mode manifold -steps 3", 3, 3, nil, func(g *generate.Generator) ([]float32, error) {
			spread, err := g.Spread() // of three dimensions: all but the one that varies least
			if err != nil {
				return nil, err
			}
			first, second := 0, 1
			for d := range spread {
				if spread[d] > spread[first] {
					first = d
				}
			}
			for d := range spread {
				if d != first && (second == first || spread[d] > spread[second]) {
					second = d
				}
			}
			return g.Manifold(3, first, second)
		}},
		{"-mode manifold -steps 3 -dims 2,1", 3, 3, nil, func(g *generate.Generator) ([]float32, error) { return g.Manifold(3, 2, 1) }},
		{"-mode traverse -steps 6", 3, 6, []string{"0", "1", "2"}, func(g *generate.Generator) ([]float32, error) { return g.Traverse(6) }},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			path := fmt.Sprintf("latent%d.safetensors", test.latent)
			g, err := generate.Open(path, device.CPU)
			if err != nil {
				t.Fatal(err)
			}
			images, err := test.images(g)
			if err != nil {
				t.Fatal(err)
			}
			want, err := picture.Grid{Images: images, Shape: picture.Shape{Height: height, Width: width, Channels: 1}, Columns: test.columns, Scale: 1, Labels: test.labels}.Draw()
			if err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := command("-scale 1 -out drawn.png -checkpoint " + path + " " + test.args); code != 0 {
				t.Fatal(stderr)
			}
			if got := readPNG(t, "drawn.png"); !bytes.Equal(got.(*image.Gray).Pix, want.(*image.Gray).Pix) {
				t.Errorf("got levels %v, want %v", got.(*image.Gray).Pix, want.(*image.Gray).Pix)
			}
		})
	}
}

// TestReconstructShowsInputsAbove relies on image i of the data set being all of level i.
func TestReconstructShowsInputsAbove(t *testing.T) {
	inWorkshop(t)
	const n, columns = 20, 16
	if code, _, stderr := command(fmt.Sprintf("-checkpoint latent2.safetensors -mode reconstruct -data tiny -n %d -seed 9 -scale 1", n)); code != 0 {
		t.Fatal(stderr)
	}
	img := readPNG(t, "reconstruct.png").(*image.Gray)
	order := dataset.Order(40, 9, 0)[:n]
	var inputs []float32
	for _, i := range order {
		inputs = append(inputs, slices.Repeat([]float32{float32(i) / 255}, height*width)...)
	}
	g, err := generate.Open("latent2.safetensors", device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := g.Reconstruct(inputs)
	if err != nil {
		t.Fatal(err)
	}
	for at := range inputs {
		i, y, x := at/(height*width), at/width%height, at%width
		left, top := i%columns*(width+2)+x, i/columns*2*(height+2)+y
		if got, want := img.GrayAt(left, top).Y, inputs[at]*255; math.Abs(float64(got)-float64(want)) > 0.51 {
			t.Fatalf("pixel (%d, %d) of input %d has level %d, want %v", x, y, i, got, want)
		}
		if got, want := img.GrayAt(left, top+height+2).Y, outputs[at]*255; math.Abs(float64(got)-float64(want)) > 0.51 {
			t.Fatalf("pixel (%d, %d) of reconstruction %d has level %d, want %v", x, y, i, got, want)
		}
	}
}

func TestDirWritesOneFileForEachImage(t *testing.T) {
	inWorkshop(t)
	tests := []struct {
		args  string
		n     int
		names string
	}{
		{"-n 3 -dir new/samples", 3, "new/samples/sample-%04d.png"},
		{"-mode reconstruct -n 2 -data tiny -dir reconstructions", 2, "reconstructions/reconstruction-%04d.png"},
		{"-mode interpolate -n 2 -steps 3 -data tiny -dir walks", 6, "walks/interpolation-%04d.png"},
		{"-mode manifold -steps 2 -dims 0,1 -dir grid", 4, "grid/manifold-%04d.png"},
		{"-mode traverse -steps 3 -dir lines", 9, "lines/traversal-%04d.png"},
		{"-n 2 -scale 5 -dir large", 2, "large/sample-%04d.png"},
	}
	for _, test := range tests {
		t.Run(test.names, func(t *testing.T) {
			code, stdout, stderr := command("-checkpoint latent3.safetensors " + test.args)
			if code != 0 {
				t.Fatal(stderr)
			}
			first, last := filepath.FromSlash(fmt.Sprintf(test.names, 1)), filepath.FromSlash(fmt.Sprintf(test.names, test.n))
			for _, path := range []string{first, last} {
				scale := 2
				if strings.Contains(test.args, "-scale 5") {
					scale = 5
				}
				if got, want := readPNG(t, path).Bounds().Size(), image.Pt(width*scale, height*scale); got != want {
					t.Errorf("%s is %v, want %v", path, got, want)
				}
				if !strings.Contains(stdout, filepath.Base(path)) {
					t.Errorf("stdout is %q, want it to name %s", stdout, path)
				}
			}
			files, err := os.ReadDir(filepath.Dir(first))
			if err != nil || len(files) != test.n {
				t.Errorf("found %d files (%v), want %d", len(files), err, test.n)
			}
		})
	}
	if found, _ := filepath.Glob("*.png"); found != nil {
		t.Errorf("-dir without -out also wrote %v", found)
	}
}

// TestDevice checks that what is drawn on a device that is not simply the CPU is said to be.
func TestDevice(t *testing.T) {
	inWorkshop(t)
	for flags, want := range map[string]bool{" -device cpu": false, " -device auto": true, "": true} {
		_, stdout, stderr := command("-checkpoint latent3.safetensors" + flags)
		if got := strings.Contains(stdout, "\nComputed on "); got != want || stderr != "" {
			t.Errorf("%q: stdout is %q, stderr %q; want it to name the device: %t", flags, stdout, stderr, want)
		}
	}
	failed := fmt.Errorf("generate: decode: %w: a card: an illegal address", device.ErrFailed)
	if got, want := trained.Advised(failed).Error(), failed.Error()+": -device cpu does without it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFileName(t *testing.T) {
	for n, want := range map[int]string{1: "sample-0007.png", 9999: "sample-0007.png", 10000: "sample-00007.png"} {
		if got := fileName("sample", 6, n); got != want {
			t.Errorf("the seventh of %d is %s, want %s", n, got, want)
		}
	}
}

func TestDirAndOut(t *testing.T) {
	inWorkshop(t)
	if code, _, stderr := command("-checkpoint latent3.safetensors -n 4 -dir each -out all.png"); code != 0 {
		t.Fatal(stderr)
	}
	all, second := readPNG(t, "all.png").(*image.Gray), readPNG(t, "each/sample-0002.png").(*image.Gray)
	left := 2*width + 2 // where the second image begins, at scale 2
	for y := range 2 * height {
		for x := range 2 * width {
			if got, want := second.GrayAt(x, y), all.GrayAt(left+x, y); got != want {
				t.Fatalf("pixel (%d, %d) is %v, and in the picture %v", x, y, got, want)
			}
		}
	}
}

// TestDirTakesWhatIsDrawn checks that the files of reconstruct hold the reconstructions, which the picture has below.
func TestDirTakesWhatIsDrawn(t *testing.T) {
	inWorkshop(t)
	if code, _, stderr := command("-checkpoint latent3.safetensors -mode reconstruct -n 4 -scale 1 -dir each -out all.png"); code != 0 {
		t.Fatal(stderr)
	}
	all, second := readPNG(t, "all.png").(*image.Gray), readPNG(t, "each/reconstruction-0002.png").(*image.Gray)
	for y := range height {
		for x := range width {
			if got, want := second.GrayAt(x, y), all.GrayAt(width+2+x, height+2+y); got != want {
				t.Fatalf("pixel (%d, %d) is %v, and in the picture %v", x, y, got, want)
			}
		}
	}
}

func TestPairsHaveDifferentLabels(t *testing.T) {
	labels := []byte{5, 5, 5, 7, 7, 5}
	tests := []struct {
		labels   []byte
		order    []int
		n        int
		from, to []int
	}{
		{labels, []int{0, 1, 2, 3, 4, 5}, 2, []int{0, 1}, []int{3, 4}},
		{labels, []int{3, 4, 0, 1, 2, 5}, 2, []int{3, 4}, []int{0, 1}},
		{labels, []int{0, 1, 2, 3, 4, 5}, 3, []int{0, 1, 2}, []int{3, 4, 5}}, // only one label is left for the last
		{nil, []int{3, 4, 0, 1, 2, 5}, 3, []int{3, 0, 2}, []int{4, 1, 5}},
	}
	for _, test := range tests {
		order := slices.Clone(test.order)
		from, to := pairs(test.labels, test.order, test.n)
		if !slices.Equal(from, test.from) || !slices.Equal(to, test.to) {
			t.Errorf("order %v gives %v to %v, want %v to %v", order, from, to, test.from, test.to)
		}
		if !slices.Equal(order, test.order) {
			t.Errorf("order %v became %v", order, test.order)
		}
	}
}
