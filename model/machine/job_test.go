package machine

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model"
)

// mentions reports an error that does not say what it should.
func mentions(t *testing.T, err error, want string) {
	t.Helper()
	if !strings.Contains(fmt.Sprint(err), want) || err == nil {
		t.Errorf("error is %v, want one that says %q", err, want)
	}
}

func TestJobErrors(t *testing.T) {
	for want, change := range map[string]func(*Job){
		"model: latent is 0":                func(j *Job) { j.Model.Latent = 0 },
		"settings: batch is 0":              func(j *Job) { j.Settings.Batch = 0 },
		"settings: beta is given, but it is the weight of the KL in the loss, and a model of kind ae has none": func(j *Job) {
			j.Model.Kind = model.AE
		},
		"machine: training images: they have no labels, and the model takes them": func(j *Job) {
			j.Model.Kind, j.Model.Classes = model.CVAE, 3
		},
		"machine: training images: model: ": func(j *Job) { j.Train = new(model.Images) },
		"machine: test images: model: images.values has 16 bytes": func(j *Job) {
			j.Test = &model.Images{Shape: j.Model.Image, Values: make([]byte, 16)}
		},
		"machine: training images: they are 5×3×1, and the model takes 3×5×1": func(j *Job) {
			j.Train = randomImages(model.Image{Height: 5, Width: 3, Channels: 1}, 4, 1) // as many pixels
		},
		"machine: test images: the label of image 8 is 3, and the model knows 3 classes": func(j *Job) {
			j.Model.Classes = 3
			j.Test.Labels = []byte{0, 1, 2, 0, 1, 2, 0, 1, 3, 0, 1}
		},
	} {
		j := tinyJob()
		change(&j)
		m, err := NewCPU(j)
		mentions(t, err, want)
		if m != nil {
			t.Errorf("%s: a machine all the same", want)
		}
	}
	if _, err := NewCPU(Job{}); err == nil {
		t.Error("a machine for no job")
	}
}

// TestLabels checks that labels are not asked of images that a model takes without, nor checked where it knows no classes, and
// that they are asked where its graph takes them.
func TestLabels(t *testing.T) {
	j := tinyJob()
	j.Train.Labels = []byte("any numbers at all, 23.")
	if err := j.Validate(); err != nil {
		t.Errorf("labels of unknown classes: %v", err)
	}
	j.Model.Classes = 3
	if err := fits(j.Test, j.Model, nil); err != nil {
		t.Errorf("no labels, and none taken: %v", err)
	}
	mentions(t, fits(j.Test, j.Model, []model.Input{{Source: model.Pixels}, {Source: model.Labels}}), "they have no labels, and the model takes them")
}

func TestIndexErrors(t *testing.T) {
	m := open(t, tinyJob())
	for _, c := range []struct {
		call    func([]int) ([]Terms, error)
		indices []int
		want    string
	}{
		{m.Train, []int{0, 1, 23}, "index 2 of the training images is 23, want 0 to 22"},
		{m.Train, []int{-1}, "index 0 of the training images is -1, want 0 to 22"},
		{m.Evaluate, []int{0, 11}, "index 1 of the test images is 11, want 0 to 10"},
	} {
		terms, err := c.call(c.indices)
		if mentions(t, err, c.want); terms != nil {
			t.Errorf("%s: terms are %v, want none", c.want, terms)
		}
	}
	if s := mustState(t, m); s.Step != 0 {
		t.Errorf("%d steps of indices that do not fit", s.Step)
	}
	if terms := mustTrain(t, m, nil); len(terms) != 0 {
		t.Errorf("terms of no images are %v", terms)
	}
}

// TestPrecision checks that the CPU takes float32 alone, and says so.
func TestPrecision(t *testing.T) {
	j := tinyJob()
	for precision, want := range map[Precision]string{"": "", Float32: "", TF32: "the CPU has float32 alone, and tf32 is asked for"} {
		j.Precision = precision
		_, err := NewCPU(j)
		if (err == nil) != (want == "") || errors.Is(err, ErrPrecision) != (want != "") {
			t.Errorf("%q: error is %v, want %q", precision, err, want)
		}
		if err != nil {
			mentions(t, err, want)
		}
	}
	j.Precision = "fp16"
	if err := j.Validate(); errors.Is(err, ErrPrecision) {
		t.Errorf("of a precision that there is not, the error is %v", err)
	} else {
		mentions(t, err, `machine: precision is "fp16", want float32, tf32`)
	}
}

// TestWithoutImages checks that a machine without images does what needs none.
func TestWithoutImages(t *testing.T) {
	j := tinyJob()
	j.Train, j.Test = nil, nil
	m := open(t, j)
	_, err := m.Train([]int{0})
	mentions(t, err, "opened without training images")
	_, err = m.Evaluate([]int{0})
	mentions(t, err, "opened without test images")
	if out, err := m.Forward(model.Decode, []float32{1, 2}); err != nil || len(out[0]) != 15 {
		t.Errorf("Forward returns %v, %v", out, err)
	}
}

// TestStateErrors checks that each set of a State is compared with the model.
func TestStateErrors(t *testing.T) {
	vector := func(n int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n)) }
	for _, c := range []struct {
		want   string
		change func(model.Tensors)
	}{
		{"parameter mean.bias is missing", func(s model.Tensors) { delete(s, "mean.bias") }},
		{"parameter mean.bias is missing", func(s model.Tensors) { s["mean.bias"] = nil }},
		{"parameter mean.bias has shape (3), want (2)", func(s model.Tensors) { s["mean.bias"] = vector(3) }},
		{"parameter mean.bias has type float64", func(s model.Tensors) {
			s["mean.bias"] = tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2))
		}},
		{"unknown parameter code.bias", func(s model.Tensors) { s["code.bias"] = vector(2) }},
	} {
		for i, name := range []string{"first moments", "second moments", "weights"} {
			j := tinyJob()
			j.State = mustState(t, open(t, j))
			c.change(*j.State.Sets()[i].Tensors)
			_, err := NewCPU(j)
			mentions(t, err, name+": model: "+c.want)
		}
	}
}

// TestStateInParts checks that what a State lacks is what the first step has.
func TestStateInParts(t *testing.T) {
	j := tinyJob()
	want := mustState(t, open(t, j))
	for name, w := range model.InitialWeights(j.Model, j.Settings.Seed) {
		if !sameBits(want.Weights[name].Float32s(), w.Float32s()) {
			t.Errorf("the initial %s is not that of the seed", name)
		}
		for _, moment := range []model.Tensors{want.FirstMoment, want.SecondMoment} {
			if !sameBits(moment[name].Float32s(), make([]float32, w.Shape().TotalSize())) || !moment[name].Shape().Eq(w.Shape()) {
				t.Errorf("an initial moment of %s is %v", name, moment[name])
			}
		}
	}
	// As generate.New opens a machine: with weights alone, here with a name too many that has no tensor.
	j.State = State{Weights: mustState(t, open(t, j)).Weights, Step: 7}
	j.State.Weights["nothing"] = nil
	want.Step = 7
	if d := differs(mustState(t, open(t, j)), want); d != "" {
		t.Errorf("%s differs", d)
	}
}

// TestNothingToTrainOnNeedsNoMoments checks that a machine without training images, as a service has it, holds the weights alone.
func TestNothingToTrainOnNeedsNoMoments(t *testing.T) {
	j := tinyJob()
	j.Train = nil
	m := open(t, j)
	if _, err := m.Evaluate(counted(6)); err != nil {
		t.Fatal(err)
	}
	if s := mustState(t, m); s.FirstMoment != nil || s.SecondMoment != nil || len(s.Weights) == 0 {
		t.Errorf("it holds %d weights and moments of %d and %d", len(s.Weights), len(s.FirstMoment), len(s.SecondMoment))
	}
}

// TestStateIsCopied checks that a machine shares no number with the State that it was opened with, nor with one that it has
// returned.
func TestStateIsCopied(t *testing.T) {
	spoil := func(s State) {
		for _, set := range s.Sets() {
			for name, value := range *set.Tensors {
				value.Float32s()[0] = float32(math.NaN())
				delete(*set.Tensors, name)
			}
		}
	}
	j := tinyJob()
	first := open(t, j)
	mustTrain(t, first, counted(6))
	j.State = mustState(t, first)
	given := j.State.Clone()
	second := open(t, j)
	mustTrain(t, first, counted(12))
	mustTrain(t, second, counted(6))
	if d := differs(j.State, given); d != "" {
		t.Errorf("a machine changed %s of the State it was opened with", d)
	}
	spoil(j.State)
	spoil(mustState(t, second))
	mustTrain(t, second, []int{6, 7, 8, 9, 10, 11})
	if d := differs(mustState(t, first), mustState(t, second)); d != "" {
		t.Errorf("%s differs from that of a machine whose States nobody has changed", d)
	}
}

func TestEpochs(t *testing.T) {
	for _, c := range []struct{ images, batch, want int }{{1, 1, 1}, {12, 6, 2}, {13, 6, 3}, {17, 6, 3}, {5, 6, 1}} {
		if got := Steps(c.images, c.batch); got != c.want {
			t.Errorf("%d images make %d steps of %d, want %d", c.images, got, c.batch, c.want)
		}
	}
	j := tinyJob() // of 4 steps an epoch
	for step, want := range map[uint64]float64{0: 0, 1: 0.25, 4: 1, 7: 1.75} {
		if got := j.Epoch(step); got != want {
			t.Errorf("step %d is epoch %v, want %v", step, got, want)
		}
	}
	if j.Train = nil; j.Epoch(7) != 0 {
		t.Error("epochs without images")
	}
}

func TestTermsFinite(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		terms Terms
		want  bool
	}{{Terms{1, 2}, true}, {Terms{0}, true}, {Terms{inf, 1}, false}, {Terms{-inf, 1}, false}, {Terms{math.NaN(), 1}, false}} {
		if got := c.terms.Finite(); got != c.want {
			t.Errorf("%v: %v", c.terms, got)
		}
	}
}

// TestInputThatNothingFeeds checks that an input without a source is an error with its name.
func TestInputThatNothingFeeds(t *testing.T) {
	g := gorgonia.NewGraph()
	scalar := func(name string) model.Input {
		return model.Input{Node: gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName(name)), Source: model.Setting}
	}
	given := scalar("z")
	given.Source = model.Given
	for want, in := range map[string]model.Input{
		"<nil>":                                  scalar("beta"),
		"input temperature: no setting feeds it": scalar("temperature"),
		"input z: nothing feeds it in training":  given,
	} {
		if err := tinyJob().Feeds(in); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: error is %v, want %s", in.Name(), err, want)
		}
	}
}
