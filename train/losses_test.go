package train

import (
	"math"
	"path/filepath"
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// termsOf returns the sums of the two terms of the loss over some images, in float64 from what a generator makes of them: the
// posterior of the images x, [n, pixels], and the pixels of z = mean + σ·ε, with ε as it is given, [n, latent].
func termsOf(t *testing.T, g *generate.Generator, x, epsilon []float32) (reconstruction, kl float64) {
	t.Helper()
	mean, logVar, err := g.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, len(epsilon))
	for i := range z {
		m, v := float64(mean[i]), float64(logVar[i])
		z[i] = float32(m + math.Exp(v/2)*float64(epsilon[i]))
		kl -= (1 + v - m*m - math.Exp(v)) / 2
	}
	pixels, err := g.Decode(z)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		p := float64(pixels[i])
		reconstruction -= float64(x[i])*math.Log(p) + (1-float64(x[i]))*math.Log(1-p)
	}
	return reconstruction, kl
}

// TestLossesAreOfTheirImagesAndTheirNoise computes the rows of the metrics anew, from the data set, the weights in the
// checkpoint, and the streams of random numbers: each step takes the next images of the epoch's order with ε of stream Epsilon,
// whose step is the number of steps before it in the run, and the test image at place i has ε of stream TestEpsilon, whose step
// is i.
//
// The learning rate is so small that the weights stay what they were.
func TestLossesAreOfTheirImagesAndTheirNoise(t *testing.T) {
	const seed, beta, latent, pixels = 5, 0.5, 3, height * width
	o := testOptions(t)
	o.Settings.Seed, o.Settings.Beta, o.Settings.LearningRate = seed, beta, 1e-30
	mustRun(t, o)

	set, err := dataset.Open(o.Data.Path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := generate.Open(filepath.Join(o.Out, "checkpoint.safetensors"), device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	rows := metricsRows(t, o)
	for epoch := 1; epoch <= 2; epoch++ {
		var x, epsilon []float32
		for place, i := range dataset.Order(trainImages, seed, epoch) {
			x = appendImage(x, &set.Train, i)
			if place%batch == 0 {
				step := (epoch-1)*epochSteps + place/batch
				drawn := make([]float32, min(batch, trainImages-place)*latent)
				philox.New(seed, philox.Epsilon, uint64(step)).Normal(drawn)
				epsilon = append(epsilon, drawn...)
			}
		}
		trainReconstruction, trainKL := termsOf(t, g, x, epsilon)

		x, epsilon = nil, make([]float32, testImages*latent)
		for i := range testImages {
			x = appendImage(x, &set.Test, i)
			philox.New(seed, philox.TestEpsilon, uint64(i)).Normal(epsilon[i*latent:][:latent])
		}
		testReconstruction, testKL := termsOf(t, g, x, epsilon)

		for i, want := range []float64{
			(trainReconstruction + beta*trainKL) / trainImages, trainReconstruction / trainImages, trainKL / trainImages,
			(testReconstruction + beta*testKL) / testImages, testReconstruction / testImages, testKL / testImages,
		} {
			if got := number(t, rows[epoch][2+i]); math.Abs(got-want) > 1e-4 {
				t.Errorf("epoch %d: %s is %v, want %v", epoch, rows[0][2+i], got, want)
			}
		}
	}
}

// appendImage appends the values of one image to x.
func appendImage(x []float32, split *model.Images, i int) []float32 {
	for _, level := range split.Values[i*height*width:][:height*width] {
		x = append(x, float32(level)/255)
	}
	return x
}
