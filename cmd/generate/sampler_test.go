package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"govae/cmd/internal/trained"
	"govae/internal/idxtest"
	"govae/model"
	"govae/model/gmm"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// codeOf is the code of an image whose pixels have this value, and the logit of each pixel of the image of such a latent, for the models
// of writeOpen.
func codeOf(value byte) float64 { return 10*float64(value)/255 - 5 }

// writeOpen saves a model in whose images the latent can be read: its one number is z = 10·x − 5 of the first pixel x, by the encoder,
// and the logit of each pixel, by the decoder.
func writeOpen(t *testing.T, path string, kind model.Kind, data string) {
	t.Helper()
	cfg := model.DefaultConfig()
	cfg.Kind, cfg.Classes = kind, 3
	cfg.Image = model.Image{Height: height, Width: width, Channels: 1}
	cfg.Hidden, cfg.Latent = []int{2}, 1
	image := &model.Images{Shape: cfg.Image, Values: make([]byte, cfg.Image.Pixels()), Labels: []byte{0}}
	state, err := machine.Job{Model: cfg, Settings: machine.DefaultSettings(), Train: image}.Start()
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) []float32 {
		values := state.Weights[name].Float32s()
		clear(values)
		return values
	}
	of("encoder.0.weight")[0] = 1
	of("encoder.0.bias")
	code := "mean"
	if kind == model.AE {
		code = "encoder.2"
	}
	of(code + ".weight")[0], of(code + ".bias")[0] = 10, -5
	inputs := of("decoder.0.weight") // [2, latent and classes]
	inputs[0], inputs[len(inputs)/2] = 1, -1
	of("decoder.0.bias")
	for i, logit := 0, of("decoder.2.weight"); i < len(logit); i += 2 { // max(z, 0) − max(−z, 0)
		logit[i], logit[i+1] = 1, -1
	}
	of("decoder.2.bias")
	set, err := dataset.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	run := checkpoint.Run{Settings: machine.DefaultSettings(), Data: checkpoint.Data{Name: data, Images: set.Train.Len(),
		Fingerprint: set.Fingerprint(), Source: map[string]string{"data": data}}}
	if err := checkpoint.Save(path, &checkpoint.Checkpoint{Config: cfg, State: state, Run: &run}); err != nil {
		t.Fatal(err)
	}
}

// clusters are the values of 300 training images, a third of them dark.
func clusters() (values []byte) {
	for i := range byte(100) {
		values = append(values, 51+i%7, 204+i%5, 204+i%5)
	}
	return values
}

// inTwoClusters runs the test in a new folder with a data set "two" of clusters, of which each third image has the same label of three,
// and open models on it: vae.safetensors, ae.safetensors and cvae.safetensors.
func inTwoClusters(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeValues(t, "two", clusters())
	for _, kind := range model.Kinds() {
		if kind.Can(model.Decode) {
			writeOpen(t, string(kind)+".safetensors", kind, "two")
		}
	}
}

// writeValues writes a data set whose training images each have one value in all pixels. Its test images are black.
func writeValues(t *testing.T, dir string, values []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var images, labels []byte
	for i, v := range values {
		images, labels = append(images, bytes.Repeat([]byte{v}, height*width)...), append(labels, byte(i%3))
	}
	idxtest.Write(t, dir, "train", height, width, images, labels)
	idxtest.Write(t, dir, "t10k", height, width, make([]byte, height*width), []byte{0})
}

// sampled returns the latents of the images that the flags draw, which their pixels reveal, and what is printed before.
func sampled(t *testing.T, args string) (z []float64, printed string) {
	t.Helper()
	o, err := parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	var stdout strings.Builder
	m, err := o.Open(&stdout, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := &work{options: o, g: m.Generator, images: m.Images}
	if err := w.checkKind(); err != nil {
		t.Fatal(err)
	}
	if err := w.useSampler(&fitting{Model: m, mixture: o.mixture, stdout: &stdout, stderr: io.Discard}); err != nil {
		t.Fatal(err)
	}
	d, err := o.mode.draw(w)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(d.grid.Images); i += height * width {
		p := float64(d.grid.Images[i])
		z = append(z, math.Log(p/(1-p)))
	}
	return z, stdout.String()
}

// TestSamplesOfTwoClusters checks that samples from a mixture of two Gaussians fall into both clusters of the training images' codes, as
// often as these, and with their moments, which are computed by hand. Those of the prior lie between.
func TestSamplesOfTwoClusters(t *testing.T) {
	inTwoClusters(t)
	var of [2][]float64
	for _, v := range clusters() {
		of[v/128] = append(of[v/128], codeOf(v))
	}
	const n = 5000
	for _, kind := range []model.Kind{model.VAE, model.AE} {
		z, printed := sampled(t, "-n 5000 -sampler gmm -components 2 -checkpoint "+string(kind)+".safetensors")
		if want := "Fitted 2 full Gaussians to the codes of 300 training images of two: "; !strings.HasPrefix(printed, want) {
			t.Errorf("%s: %q is printed, want %q", kind, printed, want)
		}
		var got [2][]float64
		for _, v := range z {
			cluster := 0
			if v > 0 {
				cluster = 1
			}
			got[cluster] = append(got[cluster], v)
		}
		for cluster, codes := range of {
			p := float64(len(codes)) / 300
			if share := float64(len(got[cluster])) / n; math.Abs(share-p) > 4*math.Sqrt(p*(1-p)/n) {
				t.Errorf("%s: a share of %v is in cluster %d, want %v", kind, share, cluster, p)
			}
			mean, deviation := stat.PopMeanStdDev(codes, nil)
			gotMean, gotDeviation := stat.PopMeanStdDev(got[cluster], nil)
			if math.Abs(gotMean-mean) > 4*deviation/math.Sqrt(n*p) || math.Abs(gotDeviation/deviation-1) > 4/math.Sqrt(2*n*p) {
				t.Errorf("%s: cluster %d is at %v ± %v, want %v ± %v", kind, cluster, gotMean, gotDeviation, mean, deviation)
			}
		}
	}
	z, printed := sampled(t, "-n 5000 -sampler normal -checkpoint vae.safetensors")
	if mean, deviation := stat.MeanStdDev(z, nil); math.Abs(mean) > 0.06 || math.Abs(deviation-1) > 0.04 || printed != "" {
		t.Errorf("without a mixture latents are %v ± %v, want 0 ± 1; %q is printed", mean, deviation, printed)
	}
}

// TestSampleDependsOnItsPlace checks that image i is the same of few and of many, and that another seed gives others of the same mixture.
func TestSampleDependsOnItsPlace(t *testing.T) {
	inTwoClusters(t)
	of := func(args string) []float64 {
		z, _ := sampled(t, "-sampler gmm -components 2 -checkpoint ae.safetensors "+args)
		return z
	}
	many, others := of("-n 100 -seed 7"), of("-n 100 -seed 8")
	if few := of("-n 3 -seed 7"); !slices.Equal(few, many[:3]) {
		t.Errorf("the first of 3 are %v, of 100 %v", few, many[:3])
	}
	if slices.Contains(others, many[0]) {
		t.Error("another seed draws the same")
	}
}

// TestSamplesAreThoseOfTheMixture compares what is drawn with a mixture that is fitted here, of whatever kind of covariance, and of a
// model that is told classes in each class: its codes are those of all classes.
func TestSamplesAreThoseOfTheMixture(t *testing.T) {
	inTwoClusters(t)
	codes := mat.NewDense(300, 1, nil)
	set, err := dataset.Open("two")
	if err != nil {
		t.Fatal(err)
	}
	for row, i := range dataset.Order(300, 1, 0) {
		codes.Set(row, 0, codeOf(set.Train.Values[i*height*width]))
	}
	for _, covariance := range gmm.Covariances() {
		o := gmm.DefaultOptions()
		o.Components, o.Covariance, o.Starts = 3, covariance, 2
		m, err := gmm.Fit(codes, o)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Repeat(m.Sample(4, 9).RawMatrix().Data, 3)
		for args, want := range map[string][]float64{"": want, "-class 1": want[:4]} {
			got, _ := sampled(t, "-seed 9 -n 4 -sampler gmm -components 3 -starts 2 -checkpoint cvae.safetensors -covariance "+string(covariance)+" "+args)
			if len(got) != len(want) || floats.Distance(got, want, math.Inf(1)) > 1e-4 {
				t.Errorf("%s: %q gives %v, want %v", covariance, args, got, want)
			}
		}
	}
}

// TestMixtureFlags checks what is refused, and that nothing is drawn or fitted then.
func TestMixtureFlags(t *testing.T) {
	inTwoClusters(t)
	writeValues(t, "few", clusters()[:9])
	unasked := " is of the mixture that -sampler gmm fits, and none is asked for: leave it out, or give -mode samples -sampler gmm"
	for _, test := range []struct{ args, want string }{
		{"-sampler uniform", `-sampler is "uniform", want gmm, normal`},
		{"-sampler gmm -mode manifold", "-sampler does not apply to -mode manifold, only to samples"},
		{"-sampler normal -mode reconstruct", "-sampler does not apply to -mode reconstruct, only to samples"},
		{"-components 5", "-components" + unasked},
		{"-covariance full -sampler normal", "-covariance" + unasked},
		{"-iterations 5 -mode traverse", "-iterations" + unasked},
		{"-sampler gmm -components 0", "-components is 0, want 1 to 65536"},
		{"-sampler gmm -covariance round", `-covariance is "round", want diagonal, full, spherical, tied`},
		{"-sampler gmm -regularization NaN", "-regularization is NaN, want a number from 0 on"},
		{"-data two", "-data does not apply to -mode samples, which takes no images without -sampler gmm"},
		{"-sampler normal -grey", "-grey does not apply to -mode samples, which takes no images without -sampler gmm"},
		{"-sampler gmm -steps 4", "-steps does not apply to -mode samples"},
		{"-sampler gmm -class 1 -checkpoint vae.safetensors", "-class is given, and a model of kind vae is not told classes"},
		{"-sampler gmm -data few -checkpoint vae.safetensors", "-components is 10, and few has 9 training images: want one at least for each"},
		{"-checkpoint ae.safetensors", "want samples with -sampler gmm, reconstruct, interpolate, traverse"},
	} {
		wantFailure(t, test.args, trained.ExitUsage, test.want)
	}
	if err := os.Rename("two", "gone"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want string }{
		{"-checkpoint ae.safetensors", "ae.safetensors was trained on two, which cannot be read: "},
		{"-checkpoint ae.safetensors -data few -components 1 -covariance tied -regularization 0 -size 2x2", "the images of few are 2×2×1 and the model takes 3×2×1"},
		{"-checkpoint ae.safetensors -data few -components 9 -regularization 0", "mixture of the codes of few: start 0: covariance of component "},
	} {
		wantFailure(t, "-sampler gmm "+test.args, trained.ExitFailure, test.want)
	}
	left, _ := filepath.Glob("*mixture*")
	if pictures, _ := filepath.Glob("*.png"); len(left)+len(pictures) > 0 {
		t.Errorf("failures left %v %v", left, pictures)
	}
}

// TestNotConverged checks that where EM has not come to an end, that is said.
func TestNotConverged(t *testing.T) {
	inTwoClusters(t)
	_, printed := sampled(t, "-sampler gmm -iterations 0 -tolerance 0 -checkpoint vae.safetensors")
	if want := "after 0 iterations.\nNote: the last iteration raised that by more than the tolerance: with more -iterations it may rise further.\n"; !strings.Contains(printed, want) {
		t.Errorf("%q is printed, want %q", printed, want)
	}
}

// TestEncodeInParts checks that codes of more images than are encoded at a time are those of each image by itself, in the order asked for.
func TestEncodeInParts(t *testing.T) {
	inTwoClusters(t)
	g, err := generate.Open("cvae.safetensors", device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	set, err := dataset.Open("two")
	if err != nil {
		t.Fatal(err)
	}
	order := dataset.Order(300, 3, 0)
	var told []int
	codes, err := encode(t.Context(), g, &set.Train, order, func(done int) { told = append(told, done) })
	if err != nil {
		t.Fatal(err)
	}
	for row, i := range order {
		if want := codeOf(set.Train.Values[i*height*width]); math.Abs(codes.At(row, 0)-want) > 1e-5 {
			t.Fatalf("row %d is %v, want %v", row, codes.At(row, 0), want)
		}
	}
	if !slices.Equal(told, []int{256, 300}) {
		t.Errorf("%v images are done, want 256 and 300", told)
	}
}
