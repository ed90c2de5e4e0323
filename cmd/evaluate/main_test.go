package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"codeberg.org/sbinet/npyio/npy"

	"govae/cmd/internal/trained"
	"govae/internal/idxtest"
	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/evaluate"
	"govae/train/generate"
)

const height, width, latent = 3, 2, 4

// plain returns a model whose numbers can be worked out: posterior means are slopes times the mean pixel, all variances are 1, and all
// logits are 1, so that the loss falls with the mean pixel.
func plain(slopes [latent]float32) *checkpoint.Checkpoint {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: height, Width: width, Channels: 1}, []int{1}, latent
	weights := model.InitialWeights(cfg, 1)
	for _, w := range weights {
		clear(w.Float32s())
	}
	copy(weights["encoder.0.weight"].Float32s(), slices.Repeat([]float32{1. / 6}, 6))
	copy(weights["mean.weight"].Float32s(), slopes[:])
	copy(weights["decoder.2.bias"].Float32s(), slices.Repeat([]float32{1}, 6))
	return &checkpoint.Checkpoint{Config: cfg, State: machine.State{Weights: weights}}
}

// levels returns n images, of which each has a level of its own, from first on.
func levels(n, first int) (values []byte) {
	for i := range n {
		values = append(values, slices.Repeat([]byte{byte(first + i)}, height*width)...)
	}
	return values
}

// inWorkshop runs the test in a new folder that holds a checkpoint and two data sets: "usual" has 40 test images of levels 100 to 139 and
// 30 training images, with labels from 0 to 4, and "others.npy" 250 images of all levels without labels and without a test set.
func inWorkshop(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("usual", 0o777); err != nil {
		t.Fatal(err)
	}
	labels := bytes.Repeat([]byte{0, 1, 2, 3, 4}, 8)
	idxtest.Write(t, "usual", "t10k", height, width, levels(40, 100), labels)
	idxtest.Write(t, "usual", "train", height, width, levels(30, 10), labels[:30])
	writeArray(t, "others.npy", levels(250, 0))
	if err := checkpoint.Save("plain.safetensors", plain([latent]float32{0, 10, 1, 0})); err != nil {
		t.Fatal(err)
	}
}

func writeArray(t *testing.T, path string, values []byte) {
	t.Helper()
	rows := make([][height][width]uint8, len(values)/(height*width))
	for i, v := range values {
		rows[i/(height*width)][i/width%height][i%width] = v
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := npy.Write(file, rows); err != nil {
		t.Fatal(err)
	}
}

// command runs it with words split at spaces.
func command(ctx context.Context, words string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, strings.Fields(words), &out, &err)
	return code, out.String(), err.String()
}

// succeed runs it and returns what it prints.
func succeed(t *testing.T, args string) string {
	t.Helper()
	code, stdout, stderr := command(context.Background(), args)
	if code != 0 || stderr != "" {
		t.Fatalf("%s: exit code %d, stderr %q", args, code, stderr)
	}
	return stdout
}

// read reads the images that a path means, as the command does.
func read(t *testing.T, path string) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	set.TakeAll() // the models of these tests were trained on none of it
	return set
}

// TestReport checks all that is printed of a model that is known. Of level v, with p = v/255, a pixel has −log p(x|z) = log(1 + e) − p, and
// the KL is ½(10p)² + ½p² nats. The levels are 100 to 139: their variance is 40·41/12, in units of 255².
func TestReport(t *testing.T) {
	inWorkshop(t)
	var losses, reconstructions, kls []float64
	for v := 100; v < 140; v++ {
		p := float64(v) / 255
		reconstructions = append(reconstructions, 6*(math.Log1p(math.E)-p))
		kls = append(kls, 101*p*p/2)
		losses = append(losses, reconstructions[v-100]+kls[v-100])
	}
	row := func(title string, values []float64) string {
		mean, squares := 0.0, 0.0
		for _, v := range values {
			mean += v / 40
		}
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		return fmt.Sprintf("  %-20s%12.3f%12.3f\n", title, mean, math.Sqrt(squares/39/40))
	}
	variance := 40. * 41 / 12 / 255 / 255
	want := "model    vae 6-1-(4+4)-1-6, relu, bernoulli, 40 parameters\n" +
		"weights  plain.safetensors\n" +
		"device   " + deviceWords(t) + "\n" +
		"\nusual, 40 test images of 3×2×1\n\n" +
		"                              mean  std. error  nats per image, loss = reconstruction + KL\n" +
		row("Loss", losses) + row("Reconstruction term", reconstructions) + row("KL", kls) +
		"  Active units              1 of 4  the variance of their posterior mean is above 0.01\n"
	if got := succeed(t, "-checkpoint plain.safetensors -data usual -device cpu"); got != want {
		t.Errorf("printed\n%s, want\n%s", got, want)
	}
	want += "\n  Latent dimension        variance\n" +
		"  0                              0  not active\n" +
		fmt.Sprintf("  1                   %12.3g\n", 100*variance) +
		fmt.Sprintf("  2                   %12.3g  not active\n", variance) +
		"  3                              0  not active\n"
	if got := succeed(t, "-checkpoint plain.safetensors -data usual -device cpu -v"); got != want {
		t.Errorf("printed\n%s, want\n%s", got, want)
	}
}

func deviceWords(t *testing.T) string {
	t.Helper()
	g, err := generate.Open("plain.safetensors", device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	return g.Device()
}

// TestOtherKinds evaluates a model whose code is a point, of which nothing is active, and one that is told classes, which needs labels.
func TestOtherKinds(t *testing.T) {
	inWorkshop(t)
	for _, kind := range []model.Kind{model.AE, model.CVAE} {
		c := plain([latent]float32{})
		c.Config.Kind, c.Config.Classes = kind, 5
		c.State.Weights = model.InitialWeights(c.Config, 1)
		if err := checkpoint.Save(string(kind)+".safetensors", c); err != nil {
			t.Fatal(err)
		}
	}
	if got := succeed(t, "-checkpoint ae.safetensors -data usual -v"); strings.Contains(strings.ToLower(got), "active") || strings.Contains(got, "KL") || !strings.Contains(got, "\n  3         ") {
		t.Errorf("printed\n%s", got)
	}
	if got := succeed(t, "-checkpoint cvae.safetensors -data usual -against usual"); !strings.Contains(got, "  KL") || !strings.Contains(got, "AUROC 0.5000") {
		t.Errorf("printed\n%s", got)
	}
	code, _, stderr := command(context.Background(), "-checkpoint cvae.safetensors -data usual -against others.npy")
	if want := "others.npy has no labels, and a model of kind cvae is told the class of each image: name images with other labels with -against PATH\n"; code != trained.ExitFailure || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

// TestOneImage prints no error where there is none.
func TestOneImage(t *testing.T) {
	inWorkshop(t)
	writeArray(t, "two.npy", levels(2, 7))
	got := succeed(t, "-checkpoint plain.safetensors -data two.npy -holdout 0.5 -v")
	if !strings.Contains(got, "1 test image of") || strings.Contains(got, "NaN") || strings.Contains(got, "Active") {
		t.Errorf("printed\n%s", got)
	}
}

// TestRunsTestLoss trains a run and finds its test loss and its terms again, by its checkpoint alone and with its seed.
func TestRunsTestLoss(t *testing.T) {
	inWorkshop(t)
	o := train.DefaultOptions()
	o.Data.Path, o.Epochs, o.Device, o.Output = "usual", 2, device.CPU, io.Discard
	o.Model.Hidden, o.Model.Latent = []int{5}, 2
	o.Settings.Batch, o.Settings.LearningRate, o.Settings.Seed = 8, 0.02, 77
	if err := train.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("runs/vae/metrics.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column, lowest := slices.Index(rows[0], "test_loss"), rows[1]
	for _, row := range rows[1:] { // best.safetensors is of the lowest test loss
		if number(t, row[column]) < number(t, lowest[column]) {
			lowest = row
		}
	}
	got := succeed(t, "-device cpu")
	if !strings.Contains(got, "best.safetensors\n") {
		t.Errorf("printed\n%s, want the newest run's best", got)
	}
	for column, title := range map[string]string{"test_loss": "Loss", "test_reconstruction": "Reconstruction term", "test_kl": "KL"} {
		want := number(t, lowest[slices.Index(rows[0], column)])
		if line := fmt.Sprintf("\n  %-20s%12.3f", title, want); !strings.Contains(got, line) {
			t.Errorf("printed\n%s, want %q", got, line)
		}
	}
	if succeed(t, "-device cpu -seed 77") != got || succeed(t, "-device cpu -seed 1") == got {
		t.Error("the run's seed is not the default")
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTables compares the files with what a Generator says of the same images.
func TestTables(t *testing.T) {
	inWorkshop(t)
	g, err := generate.Open("plain.safetensors", device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, test := range []struct {
		args   string
		images model.Images
	}{
		{"-data usual", read(t, "usual").Test},
		{"-data usual -split train", read(t, "usual").Train},
		{"-data others.npy -against usual", read(t, "others.npy").Test},
	} {
		n := test.images.Len()
		x := make([]float32, n*height*width)
		for i := range n {
			test.images.Fill(x[i*height*width:][:height*width], i)
		}
		scores, err := g.Score(x, 6)
		if err != nil {
			t.Fatal(err)
		}
		means, _, err := g.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		rows := "index,label,loss,reconstruction,kl\n"
		for i, s := range scores {
			label := ""
			if len(test.images.Labels) > 0 {
				label = fmt.Sprint(test.images.Labels[i])
			}
			rows += fmt.Sprintf("%d,%s,%v,%v,%v\n", i, label, float32(s[0]), float32(s[1]), float32(s[2]))
		}
		printed := succeed(t, "-checkpoint plain.safetensors -device cpu -seed 6 -csv new/terms.csv -latents codes.NPY "+test.args)
		want := fmt.Sprintf("\nWrote new/terms.csv: the terms of %d images.\nWrote codes.NPY: the codes of %d images.\n", n, n)
		if !strings.Contains(filepath.ToSlash(printed), want) {
			t.Errorf("%s: printed %q, want %q", test.args, printed, want)
		}
		if got, err := os.ReadFile("new/terms.csv"); err != nil || string(got) != rows {
			t.Errorf("%s: wrote\n%s (%v), want\n%s", test.args, got, err, rows)
		}
		wantArray(t, "codes.NPY", []int{n, latent}, means)
	}
}

func wantArray(t *testing.T, path string, shape []int, want []float32) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := npy.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	if err := r.Read(&got); err != nil || strings.Trim(r.Header.Descr.Type, "'") != "<f4" || r.Header.Descr.Fortran || !slices.Equal(r.Header.Descr.Shape, shape) || !slices.Equal(got, want) {
		t.Errorf("%s holds %+v (%v) with\n%v, want %v with\n%v", path, r.Header.Descr, err, got, shape, want)
	}
}

// TestAgainst: with a loss that falls with the level, all that counts is which levels are lower.
func TestAgainst(t *testing.T) {
	inWorkshop(t)
	if err := checkpoint.Save("falling.safetensors", plain([latent]float32{})); err != nil {
		t.Fatal(err)
	}
	levelsOf := func(set *dataset.Set) (levels []byte) {
		for i := range set.Test.Len() {
			levels = append(levels, set.Test.Values[i*height*width])
		}
		return levels
	}
	usual, others, lower := levelsOf(read(t, "usual")), levelsOf(read(t, "others.npy")), 0.0
	for _, u := range usual {
		for _, o := range others {
			switch {
			case o < u:
				lower++
			case o == u:
				lower += 0.5
			}
		}
	}
	got := succeed(t, "-checkpoint falling.safetensors -data usual -against others.npy")
	want := fmt.Sprintf("\nAUROC %.4f: the probability that the loss is higher for an image of others.npy than for one of usual.\n", lower/float64(len(usual)*len(others)))
	if !strings.HasSuffix(got, want) || !strings.Contains(got, "\nothers.npy, 250 test images of 3×2×1\n") {
		t.Errorf("printed\n%s, want at the end %q", got, want)
	}
	if got := succeed(t, "-checkpoint falling.safetensors -data usual -against usual"); !strings.Contains(got, "\nAUROC 0.5000: ") {
		t.Errorf("against itself:\n%s", got)
	}
}

// TestClusters finds again what tells the images apart: the labels of one set are which of two levels an image has, and of another they
// have nothing to do with them.
func TestClusters(t *testing.T) {
	inWorkshop(t)
	for name, test := range map[string]struct {
		label func(i int) byte
		want  string
	}{
		"levels": {func(i int) byte { return byte(7 + i%2) }, "accuracy 1.0000, NMI 1.0000, ARI 1.0000"},
		"random": {func(i int) byte { return byte(i / 2 % 2) }, "accuracy 0.5000, NMI 0.0000, ARI -0.0263"},
	} {
		if err := os.Mkdir(name, 0o777); err != nil {
			t.Fatal(err)
		}
		var images, labels []byte
		for i := range 40 {
			images = append(images, bytes.Repeat([]byte{byte(50 + i%2*150 + i%5)}, height*width)...)
			labels = append(labels, test.label(i))
		}
		for _, split := range []string{"t10k", "train"} {
			idxtest.Write(t, name, split, height, width, images, labels)
		}
		// In the second, each of the four pairs of cluster and label has 10 images: of 780 pairs 4·45 are together in both and 2·190 in each,
		// so ARI is (180 − 380²/780) / (380 − 380²/780) = −1/38.
		want := "\n2 clusters of the codes, beside the labels: " + test.want + ".\n"
		if got := succeed(t, "-checkpoint plain.safetensors -clusters 2 -data "+name); !strings.HasSuffix(got, want) {
			t.Errorf("printed\n%s, want at the end %q", got, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o, s := options{clusters: 2}, &measured{images: &model.Images{}, Result: &evaluate.Result{Variance: make([]float64, 50)}, codes: make([]float32, 50*10000)}
	if err := o.cluster(ctx, s, io.Discard); !errors.Is(err, trained.ErrInterrupted) {
		t.Errorf("interrupted, it returns %v", err)
	}
}
