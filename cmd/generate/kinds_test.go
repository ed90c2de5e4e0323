package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"govae/cmd/internal/trained"
	"govae/internal/idxtest"
	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// writeKind saves a small model of a kind whose data has three classes, as one that was trained on the data set "tiny".
func writeKind(t *testing.T, kind model.Kind) *generate.Generator {
	t.Helper()
	c := ofSize(t, 3, "tanh")
	c.Config.Kind, c.Config.Classes = kind, 3
	image := &model.Images{Shape: c.Config.Image, Values: make([]byte, c.Config.Image.Pixels()), Labels: []byte{0}}
	state, err := machine.Job{Model: c.Config, Settings: machine.DefaultSettings(), Train: image}.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, weight := range state.Weights {
		for i := range weight.Float32s() {
			weight.Float32s()[i] *= 3
		}
	}
	c.State = state
	c.Run.Data = checkpoint.Data{Name: "tiny", Images: 40, Fingerprint: tinyFingerprint, Source: map[string]string{"data": "tiny"}}
	if err := checkpoint.Save(string(kind)+".safetensors", c); err != nil {
		t.Fatal(err)
	}
	g, err := generate.New(c, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// drawn parses args, draws with g and the run's data, and returns the drawing.
func drawn(t *testing.T, g *generate.Generator, args string) drawing {
	t.Helper()
	o, err := parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	w := &work{options: o, g: g, images: func(context.Context) (*dataset.Set, error) { return dataset.Open("tiny") }}
	if err := w.checkKind(); err != nil {
		t.Fatal(err)
	}
	d, err := o.mode.draw(w)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// got returns the values of a call that has no error.
func got(t *testing.T) func([]float32, error) []float32 {
	return func(values []float32, err error) []float32 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
}

// TestModesOfAModelThatIsToldClasses compares what each mode draws with calls of the generator, in which the classes are written down.
func TestModesOfAModelThatIsToldClasses(t *testing.T) {
	inWorkshop(t)
	g := writeKind(t, model.CVAE)
	set, err := dataset.Open("tiny")
	if err != nil {
		t.Fatal(err)
	}
	of := got(t)
	wantGrid := func(args string, columns int, labels []string, want, below []float32) {
		t.Helper()
		d := drawn(t, g, args)
		if !slices.Equal(d.grid.Images, want) || !slices.Equal(d.grid.Below, below) || d.grid.Columns != columns || !slices.Equal(d.grid.Labels, labels) {
			t.Errorf("%s: %d columns, labels %v, or other images; want %d and %v", args, d.grid.Columns, d.grid.Labels, columns, labels)
		}
	}
	var each []float32
	for class := range byte(3) {
		each = append(each, of(g.OfClasses(class).Sample(10, 5))...)
	}
	wantGrid("-seed 5", 10, []string{"0", "1", "2"}, each, nil)
	wantGrid("-seed 5 -class 2 -n 10", 4, nil, each[2*10*6:], nil)
	wantGrid("-mode manifold -class 1 -steps 3 -dims 0,2", 3, nil, of(g.OfClasses(1).Manifold(3, 0, 2)), nil)
	wantGrid("-mode traverse -class 1 -steps 3", 3, []string{"0", "1", "2"}, of(g.OfClasses(1).Traverse(3)), nil)

	// The label of test image i is i modulo 3.
	taken := dataset.Order(40, 7, 0)[:4]
	inputs := pick(&set.Test, taken)
	var labels []byte
	var numbers []string
	for _, i := range taken {
		labels = append(labels, byte(i%3))
		numbers = append(numbers, string(rune('0'+i%3)))
	}
	wantGrid("-mode reconstruct -n 4 -seed 7", 4, nil, inputs, of(g.OfClasses(labels...).Reconstruct(inputs)))
	analogies := of(g.OfClasses(labels...).Analogies(inputs))
	var rows []float32
	for i := range taken {
		rows = append(append(rows, inputs[i*6:][:6]...), analogies[i*18:][:18]...)
	}
	wantGrid("-mode analogy -n 4 -seed 7", 4, numbers, rows, nil)
	from, to := pairs(set.Test.Labels, dataset.Order(40, 7, 0), 2)
	ends := g.OfClasses(byte(from[0]%3), byte(from[1]%3), byte(to[0]%3), byte(to[1]%3))
	wantGrid("-mode interpolate -n 2 -steps 3 -seed 7", 3, nil, of(ends.Interpolate(pick(&set.Test, from), pick(&set.Test, to), 3)), nil)

	for _, args := range []string{"", "-class 0", "-mode analogy", "-mode reconstruct", "-mode interpolate", "-mode manifold -class 2", "-mode traverse -class 2 -dir each"} {
		code, stdout, stderr := command("-checkpoint cvae.safetensors " + args)
		if code != 0 || !strings.Contains(stdout, "Wrote ") || strings.Contains(args, "-class") && !strings.Contains(stdout, ", of class "+args[strings.Index(args, "-class ")+7:][:1]) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

// TestModesOfAnAutoencoder draws what needs no prior, and compares the traversal with moments that gonum computes of all codes.
func TestModesOfAnAutoencoder(t *testing.T) {
	inWorkshop(t)
	g := writeKind(t, model.AE)
	set, err := dataset.Open("tiny")
	if err != nil {
		t.Fatal(err)
	}
	mean, _, err := g.Encode(pick(&set.Test, dataset.Sequence(40)))
	if err != nil {
		t.Fatal(err)
	}
	var centre, deviation []float32
	for d := range 3 {
		var codes []float64
		for i := d; i < len(mean); i += 3 {
			codes = append(codes, float64(mean[i]))
		}
		m, s := stat.PopMeanStdDev(codes, nil)
		centre, deviation = append(centre, float32(m)), append(deviation, float32(s))
	}
	want := got(t)(g.TraverseAround(centre, deviation, 4))
	d := drawn(t, g, "-mode traverse -steps 4")
	for i, v := range d.grid.Images { // the order of the sum is another
		if diff := v - want[i]; len(want) != len(d.grid.Images) || diff > 1e-5 || diff < -1e-5 {
			t.Fatalf("value %d is %v, want %v", i, v, want[i])
		}
	}
	if !strings.Contains(d.title, "standard deviations of the codes of 40 test images of tiny, around their mean") {
		t.Errorf("the title is %q", d.title)
	}
	for _, mode := range []string{"reconstruct", "interpolate", "traverse"} {
		if code, stdout, stderr := command("-checkpoint ae.safetensors -mode " + mode); code != 0 || !strings.Contains(stdout, "ae 6-5-4-3-4-5-6") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", mode, code, stdout, stderr)
		}
	}
}

// TestKindsThatDoNotFit checks what is refused of modes, kinds and classes, and that nothing is drawn then.
func TestKindsThatDoNotFit(t *testing.T) {
	inWorkshop(t)
	writeKind(t, model.AE)
	writeKind(t, model.CVAE)
	noClasses := "a model of kind vae is not told classes"
	for _, test := range []struct{ args, want string }{
		{"-checkpoint ae.safetensors", "-mode samples draws latents from a prior, and a model of kind ae has none: want samples with -sampler gmm, reconstruct, interpolate, traverse"},
		{"-checkpoint ae.safetensors -mode manifold", "-mode manifold draws latents from a prior, and a model of kind ae has none"},
		{"-checkpoint ae.safetensors -mode analogy", "-mode analogy draws images of every class, and a model of kind ae is not told classes: want samples with -sampler gmm, reconstruct, interpolate, traverse"},
		{"-checkpoint latent3.safetensors -mode analogy", noClasses + ": want samples, reconstruct, interpolate, manifold, traverse"},
		{"-checkpoint latent3.safetensors -class 0", "-class is given, and " + noClasses + ": leave it out"},
		{"-checkpoint cvae.safetensors -class 3", "-class is 3, want 0 to 2, which this model knows"},
		{"-checkpoint cvae.safetensors -class -1", "-class is -1, want 0 to 255"},
		{"-checkpoint cvae.safetensors -class 256", "-class is 256, want 0 to 255"},
		{"-checkpoint cvae.safetensors -mode manifold", "-mode manifold of a model that is told classes shows one of them: say which with -class, 0 to 2"},
		{"-checkpoint cvae.safetensors -mode traverse", "-mode traverse of a model that is told classes shows one of them"},
		{"-checkpoint cvae.safetensors -mode reconstruct -class 1", "-class does not apply to -mode reconstruct"},
		{"-checkpoint latent3.safetensors -mode traverse -data tiny", "-data does not apply to -mode traverse, which takes no images"},
		{"-checkpoint cvae.safetensors -mode analogy -class 1", "-class does not apply to -mode analogy"},
	} {
		wantFailure(t, test.args, trained.ExitUsage, test.want)
	}

	writeKind(t, model.Classifier)
	for _, flags := range []string{"", " -sampler gmm", " -mode reconstruct", " -mode traverse -class 1", " -mode analogy"} {
		wantFailure(t, "-checkpoint classifier.safetensors"+flags, trained.ExitFailure, "a model of kind classifier makes no images: name another with -checkpoint FILE")
	}

	for _, data := range []string{"bare", "more"} {
		writeData(t, data, 4, height, width)
	}
	idxtest.Write(t, "more", "t10k", height, width, make([]byte, 3*height*width), []byte{0, 2, 3})
	for _, split := range []string{"train", "t10k"} {
		if err := os.Remove(filepath.Join("bare", split+"-labels-idx1-ubyte.gz")); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []string{"reconstruct", "interpolate", "analogy"} {
		wantFailure(t, "-checkpoint cvae.safetensors -n 1 -data bare -mode "+mode, trained.ExitFailure, "bare has no labels, and a model of kind cvae is told the class of each image: name images")
		wantFailure(t, "-checkpoint cvae.safetensors -n 1 -data more -mode "+mode, trained.ExitFailure, "the label of test image 2 of more is 3, and the model knows 0 to 2: name images")
	}
	if found, _ := filepath.Glob("*.png"); len(found) > 0 {
		t.Errorf("failures left %v", found)
	}
}
