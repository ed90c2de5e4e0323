package train

import (
	"errors"
	"fmt"
	"image"
	_ "image/png"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/model"
	"govae/train/checkpoint"
)

func TestRunWritesItsFiles(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)

	got := slices.Sorted(maps.Keys(contents(t, o.Out)))
	want := []string{
		".lock", "best.safetensors", "checkpoint.safetensors", "curves.png", "metrics.csv",
		"reconstructions/epoch-0001.png", "reconstructions/epoch-0002.png",
		"samples/epoch-0001.png", "samples/epoch-0002.png",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}

	// 64 samples in 8 columns; the 19 test images in rows of 16, each row above its reconstructions. All at scale 2.
	for name, size := range map[string]image.Point{
		"samples/epoch-0002.png":         {2 * 8 * width, 2 * 8 * height},
		"reconstructions/epoch-0002.png": {2 * 16 * width, 2 * 4 * height},
	} {
		config, _, err := image.DecodeConfig(strings.NewReader(contents(t, o.Out)[name]))
		if err != nil || (image.Point{X: config.Width, Y: config.Height}) != size {
			t.Errorf("%s is %d×%d (%v), want %v", name, config.Width, config.Height, err, size)
		}
	}

	run := load(t, o, checkpointFile).Run
	if run.Epoch != 2 || run.Step != 2*epochSteps || run.Batch != batch || run.LearningRate != 0.01 || run.Beta != 1 || run.Data.Images != trainImages {
		t.Errorf("checkpoint's run is %+v", run)
	}
	if run.Partial != (checkpoint.Sums{}) {
		t.Errorf("between epochs, the sums of the unfinished one are %+v, want zero", run.Partial)
	}
}

func TestRunPrintsWhatItDoes(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	// 30·7+7 + 2·(7·3+3) + 3·7+7 + 7·30+30 parameters
	for _, want := range []string{
		"50 training and 19 test images of 6×5",
		"vae 30-7-(3+3)-7-30, relu, bernoulli, 533 parameters",
		fmt.Sprintf("cpu, %d cores (this build has no CUDA machine)", runtime.GOMAXPROCS(0)),
		o.Out,
		"\n    1/2 ", "\n    2/2 ", "images/s",
	} {
		if !strings.Contains(printed(o), want) {
			t.Errorf("what is printed lacks %q:\n%s", want, printed(o))
		}
	}
	if strings.ContainsAny(printed(o), "\r\x1b") {
		t.Errorf("control characters where there is no terminal: %q", printed(o))
	}
}

func TestVerboseRunPrintsSteps(t *testing.T) {
	o := testOptions(t)
	o.Verbose = true
	o.Batch = 1 // 50 steps an epoch
	mustRun(t, o)
	if !strings.Contains(printed(o), "step 100,") || !strings.Contains(printed(o), "fingerprint") {
		t.Errorf("a verbose run printed:\n%s", printed(o))
	}
}

func TestEveryImageCountsOnce(t *testing.T) {
	o := testOptions(t)
	o.Beta = 0.5
	var trained, tested []int // the images, by their places, which the data set has as first pixels
	var batches []int
	var epsilon []float32
	var sum, testSum Terms // over the last epoch
	note := func(places *[]int, sum *Terms, b Batch, terms Terms) {
		for x := b.X; len(x) > 0; x = x[height*width:] {
			*places = append(*places, int(math.Round(float64(x[0])*255)))
			sum.Reconstruction += terms.Reconstruction
			sum.KL += terms.KL
		}
		if b.Beta != 0.5 {
			t.Errorf("β is %v", b.Beta)
		}
	}
	mustRun(t, spied(o, func(b Batch, terms Terms) error {
		if len(batches) == epochSteps {
			sum = Terms{}
		}
		batches = append(batches, len(b.X)/(height*width))
		note(&trained, &sum, b, terms)
		return nil
	}, func(b Batch, terms *Terms) {
		if len(tested) == testImages {
			testSum = Terms{}
		}
		note(&tested, &testSum, b, *terms)
		epsilon = append(epsilon, b.Epsilon...)
	}))

	if want := []int{8, 8, 8, 8, 8, 8, 2, 8, 8, 8, 8, 8, 8, 2}; !slices.Equal(batches, want) {
		t.Errorf("batches of %v images, want %v", batches, want)
	}
	first, second := slices.Clone(trained[:trainImages]), slices.Clone(trained[trainImages:])
	if slices.Equal(first, second) {
		t.Error("both epochs have the same order")
	}
	for _, places := range [][]int{first, second, tested[:testImages], tested[testImages:]} {
		slices.Sort(places)
		for i, place := range places {
			if place != i {
				t.Fatalf("images %v, want each once", places)
			}
		}
	}
	if perEpoch := testImages * 3; !slices.Equal(epsilon[:perEpoch], epsilon[perEpoch:]) {
		t.Error("the evaluation's ε differ from epoch to epoch")
	}

	last := metricsRows(t, o)[2]
	for i, want := range []float64{
		(sum.Reconstruction + 0.5*sum.KL) / trainImages, sum.Reconstruction / trainImages, sum.KL / trainImages,
		(testSum.Reconstruction + 0.5*testSum.KL) / testImages, testSum.Reconstruction / testImages, testSum.KL / testImages,
	} {
		if got := number(t, last[2+i]); math.Abs(got-want) > 1e-5 {
			t.Errorf("%s is %v, want %v", metricsHeader[2+i], got, want)
		}
	}
}

func TestEvaluationNoiseIsTheSameForEveryBatchSize(t *testing.T) {
	var drawn [2][]float32
	for i, size := range []int{3, 16} {
		o := testOptions(t)
		o.Epochs = 1
		o.Batch = size
		mustRun(t, spied(o, nil, func(b Batch, _ *Terms) { drawn[i] = append(drawn[i], b.Epsilon...) }))
	}
	if len(drawn[0]) != testImages*3 || !slices.Equal(drawn[0], drawn[1]) {
		t.Error("the ε of an evaluation depend on the batch size")
	}
}

func TestTrainingNoiseDiffersFromStepToStep(t *testing.T) {
	seen := make(map[float32]bool)
	mustRun(t, spied(testOptions(t), func(b Batch, _ Terms) error {
		seen[b.Epsilon[0]] = true
		return nil
	}, nil))
	if len(seen) != 2*epochSteps {
		t.Errorf("%d different ε in %d steps", len(seen), 2*epochSteps)
	}
}

func TestSameBitsForAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want *checkpoint.Checkpoint
	for _, cores := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cores)
		o := testOptions(t)
		o.Model.Hidden = []int{130, 70} // large enough to be split
		o.Batch = 40
		mustRun(t, o)
		got := load(t, o, checkpointFile)
		if want == nil {
			want = got
		}
		sameTensors(t, got, want)
	}
}

func TestBestIsTheLowestTestLoss(t *testing.T) {
	o := testOptions(t)
	terms := []Terms{{Reconstruction: 5}, {Reconstruction: 3}, {Reconstruction: 4}, {Reconstruction: 3}}
	for _, o.Epochs = range []int{3, 4} { // the fourth after a resume
		evaluated := 0
		first := 0
		if o.Resume {
			first = 3
		}
		mustRun(t, spied(o, nil, func(b Batch, t *Terms) {
			*t = terms[first+evaluated/testImages]
			evaluated += len(b.X) / (height * width)
		}))
		if run := load(t, o, bestFile).Run; run.BestEpoch != 2 || run.BestLoss != 3 || run.Step != 2*epochSteps {
			t.Errorf("after %d epochs, the best is %+v, want that of epoch 2", o.Epochs, run)
		}
		if run := load(t, o, checkpointFile).Run; run.Epoch != o.Epochs || run.BestEpoch != 2 {
			t.Errorf("the last is %+v", run)
		}
		o.Resume = true
	}
}

// TestSeedFixesEverything checks that another seed gives other weights, another order and other ε, and the same seed the same.
func TestSeedFixesEverything(t *testing.T) {
	type drawn struct{ weights, order, epsilon string }
	draw := func(seed uint64) (d drawn) {
		o := testOptions(t)
		o.Epochs, o.Model.Seed = 1, seed
		d.weights = fmt.Sprint(model.InitialWeights(o.Model)["mean.weight"].Float32s())
		mustRun(t, spied(o, func(b Batch, _ Terms) error {
			for x := b.X; len(x) > 0; x = x[height*width:] {
				d.order += fmt.Sprint(x[0], " ")
			}
			d.epsilon += fmt.Sprint(b.Epsilon)
			return nil
		}, nil))
		return d
	}
	first, again, other := draw(5), draw(5), draw(6)
	if first != again {
		t.Error("the same seed draws other numbers")
	}
	if first.weights == other.weights || first.order == other.order || first.epsilon == other.epsilon {
		t.Errorf("another seed draws the same: weights %t, order %t, ε %t",
			first.weights == other.weights, first.order == other.order, first.epsilon == other.epsilon)
	}
}

// frozen is a machine that learns nothing.
type frozen struct{ *TapeMachine }

func (f frozen) Step(b Batch) (Terms, error) { return f.Evaluate(b) }

// TestPicturesShowTheSameEveryEpoch checks that only learning changes the pictures: latents and test images stay the same.
func TestPicturesShowTheSameEveryEpoch(t *testing.T) {
	o := testOptions(t)
	o.newMachine = func(cfg model.Config, learningRate float64) (Machine, error) {
		m, err := NewTapeMachine(cfg, learningRate)
		return frozen{m}, err
	}
	mustRun(t, o)
	files := contents(t, o.Out)
	for _, folder := range []string{samplesDir, reconstructionsDir} {
		if files[folder+"/epoch-0001.png"] != files[folder+"/epoch-0002.png"] {
			t.Errorf("the pictures in %s differ", folder)
		}
	}
}

func TestLossThatIsNotFiniteStopsTheRun(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Epochs = 3
	o.Resume = true

	steps := 0
	inTraining := spied(o, func(Batch, Terms) error {
		if steps++; steps == 3 {
			return ErrNotFinite
		}
		return nil
	}, nil)
	inEvaluation := spied(o, nil, func(_ Batch, terms *Terms) { terms.KL = math.NaN() })
	for _, test := range []struct {
		options Options
		step    int
	}{
		{inTraining, epochSteps + 3},
		{inEvaluation, 2 * epochSteps},
	} {
		err := Run(t.Context(), test.options)
		if !errors.Is(err, ErrNotFinite) {
			t.Fatalf("error is %v, want ErrNotFinite", err)
		}
		for _, want := range []string{fmt.Sprintf("step %d,", test.step), "learning rate 0.01", "-lr"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q lacks %q", err, want)
			}
		}
		if !maps.Equal(contents(t, o.Out), before) {
			t.Error("a file has changed")
		}
	}
}

func TestHugeLearningRateIsReported(t *testing.T) {
	o := testOptions(t)
	o.LearningRate = 1e30
	if err := Run(t.Context(), o); !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "learning rate 1e+30") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
}

func TestDevice(t *testing.T) {
	o := testOptions(t)
	o.Device = CUDA
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "-device cuda") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("the out folder was made")
	}
	o.Device = CPU
	mustRun(t, o)
	if strings.Contains(printed(o), "CUDA") {
		t.Errorf("with -device cpu, printed:\n%s", printed(o))
	}
}

func TestMissingData(t *testing.T) {
	o := testOptions(t)
	o.Data = filepath.Join(t.TempDir(), "none")
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.Data) {
		t.Errorf("error is %v", err)
	}
}
