package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/cmd/internal/trained"
	"govae/internal/picture"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// TestFoldersAreMade checks that both kinds of places are, with the mode that any new folder has.
func TestFoldersAreMade(t *testing.T) {
	inWorkshop(t)
	if err := os.Mkdir("ordinary", 0o777); err != nil {
		t.Fatal(err)
	}
	ordinary, err := os.Stat("ordinary")
	if err != nil {
		t.Fatal(err)
	}
	for args, file := range map[string]string{
		"-n 1 -out for/one/one.png":                        "for/one/one.png",
		"-n 1 -dir each/one":                               "each/one/sample-0001.png",
		"-n 1 -out both/one/one.png -dir both/one/samples": "both/one/samples/sample-0001.png",
	} {
		if code, _, stderr := command("-checkpoint latent2.safetensors " + args); code != 0 {
			t.Fatalf("%s: %s", args, stderr)
		}
		readPNG(t, file)
		for folder := filepath.Dir(file); folder != "."; folder = filepath.Dir(folder) {
			if info, err := os.Stat(folder); err != nil || info.Mode() != ordinary.Mode() {
				t.Errorf("%s: %v has mode %v, a new folder %v", args, folder, info.Mode(), ordinary.Mode())
			}
		}
	}
}

// TestLinksInTheWay: a link to nothing is replaced where a file goes, and named where a folder is wanted.
func TestLinksInTheWay(t *testing.T) {
	inWorkshop(t)
	for _, link := range []string{"link", "link.png"} {
		if err := os.Symlink("nothing", link); err != nil {
			t.Skip(err) // not everybody may, on Windows
		}
	}
	for _, args := range []string{"-out link/x.png", "-dir link", "-out link/deep/x.png", "-dir link/deep"} {
		wantFailure(t, "-checkpoint latent2.safetensors "+args, trained.ExitFailure, ": link is a link to nothing, which does not exist: want a folder")
	}
	if code, _, stderr := command("-checkpoint latent2.safetensors -out link.png"); code != 0 {
		t.Error(stderr)
	}
	if info, err := os.Lstat("link.png"); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		t.Errorf("link.png is %v (%v), want the picture", info.Mode(), err)
	}
}

// TestDefaultScaleFits checks that a scale which nobody asked for does not make a picture too large.
func TestDefaultScaleFits(t *testing.T) {
	t.Chdir(t.TempDir())
	shape := model.Image{Height: height, Width: width, Channels: 1}
	d := drawing{title: "an image", grid: picture.Grid{Images: make([]float32, height*width), Columns: 1}}
	o := options{out: "x.png", scale: 1 << 20}
	var stdout strings.Builder
	if err := d.write(shape, o, &stdout); err != nil || stdout.String() != "Wrote x.png, 2×3 pixels: an image.\n" {
		t.Errorf("got error %v, printed %q, want a picture at scale 1", err, stdout.String())
	}
	o.scaleGiven = true
	if err := d.write(shape, o, &stdout); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("got error %v, want ErrTooLarge of the scale that is asked for", err)
	}
}

// dialled is a decoder of which pixel d is z[d] times a weight, clamped to what a pixel may be. It notes the latents.
type dialled struct {
	weights []float32
	z       *[]float32
}

func (f dialled) Forward(_ model.Part, rows ...[]float32) ([][]float32, error) {
	*f.z = slices.Clone(rows[0])
	images := make([]float32, len(rows[0]))
	for i, z := range rows[0] {
		images[i] = 0.5 + z*f.weights[i%len(f.weights)]
	}
	return [][]float32{images}, nil
}

// TestManifoldOfTheWidest checks which dimensions are shown, and said to be: those of the largest spread, of equal ones the lower.
func TestManifoldOfTheWidest(t *testing.T) {
	tests := []struct {
		weights       []float32
		args          string
		first, second int
	}{
		{[]float32{0.01, 0.05, 0.02, 0.04}, "", 1, 3},
		{[]float32{0.01, 0.05, -0.09, 0.04}, "", 2, 1},
		{[]float32{0.02, 0.02, 0.02, 0.02}, "", 0, 1},
		{[]float32{0, 0, 0, 0}, "", 0, 1},
		{[]float32{0, 0, 0.02, 0}, "", 2, 0},
		{[]float32{0, 0.02, 0.03, 0.02}, "", 2, 1},
		{[]float32{0.01, 0.05, 0.02, 0.04}, " -dims 0,2", 0, 2},
		{[]float32{0.01, 0.05, 0.02, 0.04}, " -dims 0,1", 0, 1},
		{[]float32{float32(math.NaN()), 0.05, 0.02, 0.04}, "", 0, 1}, // of which nothing can be known
	}
	for _, test := range tests {
		cfg := model.DefaultConfig()
		cfg.Latent = len(test.weights)
		cfg.Image = model.Image{Height: 1, Width: cfg.Latent, Channels: 1}
		o, err := parse(strings.Fields("-mode manifold -steps 2" + test.args))
		if err != nil {
			t.Fatal(err)
		}
		var z []float32
		d, err := manifold(&work{options: o, g: generate.On(dialled{test.weights, &z}, cfg)})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("2×2 quantiles of latent dimensions %d (across) and %d (upwards)", test.first, test.second)
		if test.args == "" {
			want += ", along which the images vary most"
		}
		if d.title != want {
			t.Errorf("%v%s: got %q, want %q", test.weights, test.args, d.title, want)
		}
		for i := range z {
			if moved := i%cfg.Latent == test.first || i%cfg.Latent == test.second; (z[i] != 0) != moved {
				t.Errorf("%v%s: the latents are %v, want dimensions %d and %d to move alone", test.weights, test.args, z, test.first, test.second)
				break
			}
		}
	}
}

// TestColour draws with a model of RGB images in every mode. Each value of a picture is compared with that of the image it shows.
func TestColour(t *testing.T) {
	const pixels = height * width
	t.Chdir(t.TempDir())
	c := colourful(t)
	if err := checkpoint.Save("colour.safetensors", c); err != nil {
		t.Fatal(err)
	}
	g, err := generate.New(c, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	set := &dataset.Set{Name: "flags", Test: model.Images{Shape: c.Config.Image, Values: make([]byte, 5*3*pixels), Labels: []byte{0, 1, 0, 1, 0}}}
	for i := range set.Test.Values {
		set.Test.Values[i] = byte(37 * i)
	}
	const scale = 3
	for _, m := range modes {
		if m.classes { // which this model is not told
			continue
		}
		o, err := parse([]string{"-mode", m.name, "-scale", fmt.Sprint(scale)})
		if err != nil {
			t.Fatal(err)
		}
		w := &work{options: o, g: g}
		draw := m.draw
		switch m.name {
		case "reconstruct":
			draw = func(w *work) (drawing, error) { return reconstruct(w, set) }
		case "interpolate":
			draw = func(w *work) (drawing, error) { return interpolate(w, set) }
		}
		d, err := draw(w)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.write(c.Config.Image, o, new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
		img := readPNG(t, m.name+".png")
		left, row := 0, height*scale // where a row's images begin, and its height
		if d.grid.Labels != nil {
			left, row = 4+7+4, 13
		}
		lists := [][]float32{d.grid.Images}
		if m.name == "reconstruct" {
			want, err := g.Reconstruct(d.grid.Images)
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, want)
		}
		for k, images := range lists {
			for i := range images {
				image, channel, y, x := i/(3*pixels), i/pixels%3, i/width%height, i%width
				atX := left + image%d.grid.Columns*(width*scale+2) + x*scale + scale - 1
				atY := (image/d.grid.Columns*len(lists)+k)*(row+2) + (row-height*scale)/2 + y*scale + scale - 1
				got := color.RGBAModel.Convert(img.At(atX, atY)).(color.RGBA)
				if level := [3]uint8{got.R, got.G, got.B}[channel]; math.Abs(float64(level)-255*float64(images[i])) > 0.51 {
					t.Fatalf("%s: image %d, channel %d, pixel (%d, %d) is %d, want %.1f", m.name, image, channel, x, y, level, 255*images[i])
				}
			}
		}
		if len(lists) > 1 || m.name == "interpolate" { // of images that are in no file
			continue
		}
		code, _, stderr := command("-checkpoint colour.safetensors -scale 3 -out command.png -mode " + m.name)
		if got := readPNG(t, "command.png"); code != 0 || got.Bounds() != img.Bounds() || !sameColours(got, img) {
			t.Errorf("%s: exit code %d, stderr %q, want the same picture by the command", m.name, code, stderr)
		}
	}
}

// colourful returns a model of RGB images. Its weights are so large that different latents give different pictures.
func colourful(t *testing.T) *checkpoint.Checkpoint {
	t.Helper()
	c := ofSize(t, 3, op.Tanh)
	c.Config.Image.Channels = 3
	c.State = machine.State{Weights: model.InitialWeights(c.Config, 1)}
	for _, weight := range c.State.Weights {
		for i := range weight.Float32s() {
			weight.Float32s()[i] *= 5
		}
	}
	return c.Weights()
}

func sameColours(a, b image.Image) bool {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if color.RGBAModel.Convert(a.At(x, y)) != color.RGBAModel.Convert(b.At(x, y)) {
				return false
			}
		}
	}
	return true
}
