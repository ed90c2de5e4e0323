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
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/rundir"
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
		"samples/epoch-0002.png":         {8*(2*width+2) - 2, 8*(2*height+2) - 2}, // images are 2 pixels apart
		"reconstructions/epoch-0002.png": {16*(2*width+2) - 2, 4*(2*height+2) - 2},
	} {
		config, _, err := image.DecodeConfig(strings.NewReader(contents(t, o.Out)[name]))
		if err != nil || (image.Point{X: config.Width, Y: config.Height}) != size {
			t.Errorf("%s is %d×%d (%v), want %v", name, config.Width, config.Height, err, size)
		}
	}

	c := load(t, o, rundir.Checkpoint)
	if c.Run.Epoch != 2 || c.State.Step != 2*epochSteps || c.Run.Settings != o.Settings || c.Run.Data.Images != trainImages {
		t.Errorf("checkpoint is at step %d of %+v", c.State.Step, c.Run)
	}
	if c.Config.Classes != 2 || c.Config.Image.String() != "6×5×1" {
		t.Errorf("the model is one of %d classes and of images of %v, want 2 and 6×5×1", c.Config.Classes, c.Config.Image)
	}
	if p := c.Run.Partial; p.Images != 0 || p.Terms != nil || p.Seconds != 0 {
		t.Errorf("between epochs, the sums of the unfinished one are %+v, want zero", p)
	}
}

func TestRunPrintsWhatItDoes(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	// 30·7+7 + 2·(7·3+3) + 3·7+7 + 7·30+30 parameters
	for _, want := range []string{
		"50 training and 19 test images of 6×5",
		"vae 30-7-(3+3)-7-30, relu, bernoulli, 533 parameters",
		fmt.Sprintf("cpu, %d cores (no CUDA machine", runtime.GOMAXPROCS(0)),
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
	o.Settings.Batch = 1 // 50 steps an epoch
	mustRun(t, o)
	if !strings.Contains(printed(o), "step 100,") || !strings.Contains(printed(o), "fingerprint") {
		t.Errorf("a verbose run printed:\n%s", printed(o))
	}
}

func TestEveryImageCountsOnce(t *testing.T) {
	o := testOptions(t)
	o.Settings.Beta = 0.5
	var trained, tested, batches []int
	sum, testSum := make(machine.Terms, 3), make(machine.Terms, 3) // over the last epoch
	note := func(sum, terms machine.Terms, images int) {
		for i, v := range terms {
			sum[i] += float64(images) * v
		}
	}
	mustRun(t, spied(o, func(indices []int, terms machine.Terms) error {
		if len(batches) == epochSteps {
			clear(sum)
		}
		batches = append(batches, len(indices))
		trained = append(trained, indices...)
		note(sum, terms, len(indices))
		return nil
	}, func(indices []int, terms machine.Terms) {
		if len(tested) == testImages {
			clear(testSum)
		}
		tested = append(tested, indices...)
		note(testSum, terms, len(indices))
	}))

	if want := []int{8, 8, 8, 8, 8, 8, 2, 8, 8, 8, 8, 8, 8, 2}; !slices.Equal(batches, want) {
		t.Errorf("batches of %v images, want %v", batches, want)
	}
	if inOrder := dataset.Sequence(testImages); !slices.Equal(tested, append(inOrder, inOrder...)) {
		t.Errorf("evaluation takes the test images %v, want them in their order", tested)
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

	rows := metricsRows(t, o)
	for i := range 3 {
		for _, c := range []struct {
			column int
			want   float64
		}{{2 + i, sum[i] / trainImages}, {5 + i, testSum[i] / testImages}} {
			if got := number(t, rows[2][c.column]); math.Abs(got-c.want) > 1e-5 {
				t.Errorf("%s is %v, want %v", rows[0][c.column], got, c.want)
			}
		}
	}
	if loss, want := sum[0], sum[1]+0.5*sum[2]; math.Abs(loss-want) > 1e-5*want {
		t.Errorf("the sum of the losses is %v, want that of reconstruction + β·KL, %v", loss, want)
	}
}

func TestSameBitsForAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want *checkpoint.Checkpoint
	for _, cores := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cores)
		o := testOptions(t)
		o.Model.Hidden = []int{130, 70} // large enough to be split
		o.Settings.Batch = 40
		mustRun(t, o)
		got := load(t, o, rundir.Checkpoint)
		if want == nil {
			want = got
		}
		sameTensors(t, got, want)
	}
}

func TestBestIsTheLowestTestLoss(t *testing.T) {
	o := testOptions(t)
	losses := []float64{5, 3, 4, 3}
	for _, o.Epochs = range []int{3, 4} { // the fourth after a resume
		evaluated := 0
		first := 0
		if o.Resume {
			first = 3
		}
		mustRun(t, spied(o, nil, func(indices []int, terms machine.Terms) {
			terms[0] = losses[first+evaluated/testImages]
			evaluated += len(indices)
		}))
		best := load(t, o, rundir.Best)
		if run := best.Run; run.BestEpoch != 2 || run.BestLoss != 3 || best.State.Step != 2*epochSteps {
			t.Errorf("after %d epochs, the best is at step %d, %+v, want that of epoch 2", o.Epochs, best.State.Step, run)
		}
		if line := "\nlowest test loss 3.00, after epoch 2: " + filepath.Join(o.Out, rundir.Best) + "\n"; !strings.HasSuffix(printed(o), line) {
			t.Errorf("printed:\n%s, want at its end %q", printed(o), line)
		}
		if run := load(t, o, rundir.Checkpoint).Run; run.Epoch != o.Epochs || run.BestEpoch != 2 {
			t.Errorf("the last is %+v", run)
		}
		o.Resume = true
	}
}

// TestSeedFixesEverything checks that another seed gives other weights, another order and other losses, and the same seed the same.
// The first loss depends on weights, order and ε, and TestLossesAreOfTheirImagesAndTheirNoise tells which they are.
func TestSeedFixesEverything(t *testing.T) {
	type drawn struct{ weights, order, losses string }
	draw := func(seed uint64) (d drawn) {
		o := testOptions(t)
		o.Epochs, o.Settings.Seed = 1, seed
		mustRun(t, spied(o, func(indices []int, terms machine.Terms) error {
			d.order += fmt.Sprint(indices)
			d.losses += fmt.Sprint(terms)
			return nil
		}, nil))
		d.weights = fmt.Sprint(load(t, o, rundir.Checkpoint).State.Weights["mean.weight"].Float32s())
		return d
	}
	first, again, other := draw(5), draw(5), draw(6)
	if first != again {
		t.Error("the same seed draws other numbers")
	}
	if first.weights == other.weights || first.order == other.order || first.losses == other.losses {
		t.Errorf("another seed draws the same: weights %t, order %t, losses %t",
			first.weights == other.weights, first.order == other.order, first.losses == other.losses)
	}
}

// frozen is a machine that learns nothing.
type frozen struct{ machine.Machine }

func (f frozen) Train(indices []int) ([]machine.Terms, error) {
	return slices.Repeat([]machine.Terms{{2, 1, 1}}, machine.Steps(len(indices), batch)), nil
}

// TestPicturesShowTheSameEveryEpoch checks that only learning changes the pictures: latents and test images stay the same.
func TestPicturesShowTheSameEveryEpoch(t *testing.T) {
	o := testOptions(t)
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		m, words, err := device.Open(name, j)
		return frozen{m}, words, err
	}
	mustRun(t, o)
	files := contents(t, o.Out)
	for _, folder := range []string{rundir.Samples, rundir.Reconstructions} {
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
	inTraining := spied(o, func([]int, machine.Terms) error {
		if steps++; steps == 3 {
			return machine.ErrNotFinite
		}
		return nil
	}, nil)
	inEvaluation := spied(o, nil, func(_ []int, terms machine.Terms) { terms[0] = math.NaN() })
	for _, test := range []struct {
		options Options
		step    int
	}{
		{inTraining, epochSteps + 3},
		{inEvaluation, 2 * epochSteps},
	} {
		err := Run(t.Context(), test.options)
		if !errors.Is(err, machine.ErrNotFinite) {
			t.Fatalf("error is %v, want ErrNotFinite", err)
		}
		for _, want := range []string{fmt.Sprintf("step %d,", test.step), "learning rate 0.01, β 1:"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q lacks %q", err, want)
			}
		}
		if !maps.Equal(contents(t, o.Out), before) {
			t.Error("a file has changed")
		}
	}
}

// TestUpdateThatOverflowsStopsTheRun checks that a loss which is finite, with a gradient whose square is not, ends the run at
// once, in the same words, and leaves the last checkpoint.
func TestUpdateThatOverflowsStopsTheRun(t *testing.T) {
	o := testOptions(t)
	o.Epochs = 1
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Epochs, o.Resume = 3, true
	o.Settings.Beta, o.Given = 1e22, []string{"beta"}
	err := Run(t.Context(), o)
	if !errors.Is(err, machine.ErrNotFinite) || !strings.Contains(err.Error(), fmt.Sprintf("epoch 2, step %d, learning rate 0.01, β 1e+22: ", epochSteps+1)) {
		t.Errorf("error is %v", err)
	}
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("a file has changed")
	}
}

// closing is a machine that tells when it is closed.
type closing struct {
	machine.Machine
	tell func()
}

func (c closing) Close() error {
	c.tell()
	return c.Machine.Close()
}

// TestRunClosesItsMachine checks that a run lets go of the device, whether it comes to its end or fails.
func TestRunClosesItsMachine(t *testing.T) {
	for _, test := range []struct {
		name string
		rate float64
		want error
	}{
		{"to its end", 0.01, nil},
		{"to a loss that is not finite", 1e30, machine.ErrNotFinite},
	} {
		o := testOptions(t)
		o.Settings.LearningRate = test.rate
		closed := 0
		o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
			m, words, err := device.Open(name, j)
			return closing{m, func() { closed++ }}, words, err
		}
		if err := Run(t.Context(), o); !errors.Is(err, test.want) {
			t.Errorf("%s: error is %v, want %v", test.name, err, test.want)
		}
		if closed != 1 {
			t.Errorf("%s: the machine was closed %d times, want once", test.name, closed)
		}
	}
}

// undrawable is a machine for a model that cannot be drawn from.
type undrawable struct{ machine.Machine }

func (undrawable) Forward(model.Part, ...[]float32) ([][]float32, error) {
	return nil, fmt.Errorf("%w: it takes labels", model.ErrCannot)
}

// TestModelThatCannotBeDrawnIsTrained checks that no epoch is lost for want of its pictures.
func TestModelThatCannotBeDrawnIsTrained(t *testing.T) {
	o := testOptions(t)
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		m, words, err := device.Open(name, j)
		return undrawable{m}, words, err
	}
	mustRun(t, o)
	if c := load(t, o, rundir.Best); c.Run.Epoch == 0 || len(metricsRows(t, o)) != 3 {
		t.Errorf("the best is of %+v", c.Run)
	}
	if n := strings.Count(printed(o), "note     not all pictures are drawn: "); n != 1 || !strings.Contains(printed(o), "it takes labels") {
		t.Errorf("told %d times:\n%s", n, printed(o))
	}
}

func TestHugeLearningRateIsReported(t *testing.T) {
	o := testOptions(t)
	o.Settings.LearningRate = 1e30
	if err := Run(t.Context(), o); !errors.Is(err, machine.ErrNotFinite) || !strings.Contains(err.Error(), "learning rate 1e+30") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
}

func TestDevice(t *testing.T) {
	o := testOptions(t)
	o.Device.Name = "cuda:99" // a card that no machine has
	if err := Run(t.Context(), o); !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "no CUDA machine") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("the out folder was made")
	}
	o.Device = device.CPU
	mustRun(t, o)
	if strings.Contains(printed(o), "CUDA") {
		t.Errorf("with -device cpu, printed:\n%s", printed(o))
	}
}

func TestMissingData(t *testing.T) {
	o := testOptions(t)
	o.Data.Path = filepath.Join(t.TempDir(), "none")
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.Data.Path) {
		t.Errorf("error is %v", err)
	}
}
