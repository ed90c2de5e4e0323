package machine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"govae/internal/graphtest"
	"govae/model"
	"govae/model/op"
)

// TestFirstStep checks that every weight is updated by its own gradient: Adam's first step is
// w − α·g/(|g| + ε), for the gradient g that the network's graph gives.
func TestFirstStep(t *testing.T) {
	j, indices := tinyJob(), []int{4, 0, 22, 7, 7, 1}
	before := model.InitialWeights(j.Model, j.Settings.Seed)
	terms, gradients := reference(t, j, before, fedTo(j, indices, 0, false))

	m := open(t, j)
	if steps := mustTrain(t, m, indices); !same(steps, []Terms{terms}) {
		t.Errorf("terms are %v, want %v", steps, terms)
	}
	after := mustState(t, m).Weights
	for i, p := range j.Model.Parameters() {
		for k, g := range graphtest.Floats(gradients[i]) {
			w := float64(before[p.Name].Float32s()[k])
			want := w - j.Settings.LearningRate*float64(g)/(math.Abs(float64(g))+1e-8)
			if got := float64(after[p.Name].Float32s()[k]); math.Abs(got-want) > 1e-6 {
				t.Fatalf("%s[%d] is %v, want %v", p.Name, k, got, want)
			}
		}
	}
}

// TestEachStep checks that each step, also of a machine that goes on from another's state and with another β, has the loss of
// its own images, its own ε and the run's β, over the weights as they are.
func TestEachStep(t *testing.T) {
	j := tinyJob()
	indices := []int{4, 0, 22, 7, 7, 1, 3, 2, 21, 5, 9, 8, 11, 12, 13} // the last batch is short
	for _, beta := range []float64{0.3, 0, 4} {
		j.Settings.Beta = beta
		m := open(t, j)
		for b := range slices.Chunk(indices, j.Settings.Batch) {
			s := mustState(t, m)
			want, _ := reference(t, j, s.Weights, fedTo(j, b, s.Step, false))
			got := mustTrain(t, m, b)
			if !same(got, []Terms{want}) {
				t.Errorf("β %v, step %d: terms are %v, want %v", beta, s.Step, got, want)
			}
			if loss := want[1] + beta*want[2]; math.Abs(want[0]-loss) > 1e-6*loss || want[2] <= 0 {
				t.Errorf("β %v, step %d: the loss is %v of the terms %v, want %v", beta, s.Step, want[0], want, loss)
			}
		}
		j.State = mustState(t, m)
	}
	if j.State.Step != 9 {
		t.Errorf("step is %d, want 9", j.State.Step)
	}
}

// TestStateContinues checks that a machine with another's state makes the same steps, to the last bit.
func TestStateContinues(t *testing.T) {
	j := tinyJob()
	first := open(t, j)
	mustTrain(t, first, counted(23)) // a short last batch takes its turn
	j.State = mustState(t, first)
	second := open(t, j)
	if got, want := mustTrain(t, second, counted(23)), mustTrain(t, first, counted(23)); !same(got, want) {
		t.Errorf("terms are %v, want %v", got, want)
	}
	now := mustState(t, first)
	if d := differs(mustState(t, second), now); d != "" {
		t.Errorf("%s differs", d)
	}
	was := j.State.Sets()
	for i, set := range now.Sets() {
		for name, value := range *set.Tensors {
			if sameBits(value.Float32s(), (*was[i].Tensors)[name].Float32s()) {
				t.Errorf("no step changed the %s of %s", set.Name, name)
			}
		}
	}
	if now.Step != 8 {
		t.Errorf("step is %d, want 8", now.Step)
	}
}

// TestSameBits checks that neither the division of steps between calls nor the number of cores changes a bit of them, or of an
// evaluation, of a network whose operations are divided between cores.
func TestSameBits(t *testing.T) {
	for _, kind := range model.Kinds() {
		t.Run(string(kind), func(t *testing.T) { checkSameBits(t, kind) })
	}
}

func checkSameBits(t *testing.T, kind model.Kind) {
	j := tinyJob()
	j.Model.Kind, j.Model.Classes = kind, 5
	j.Model.Image, j.Model.Hidden, j.Model.Latent = model.Image{Height: 20, Width: 18, Channels: 1}, []int{70}, 24
	j.Train, j.Test = randomImages(j.Model.Image, 180, 1), randomImages(j.Model.Image, 90, 2)
	for _, images := range []*model.Images{j.Train, j.Test} {
		for i := range images.Len() {
			images.Labels = append(images.Labels, byte(i%5))
		}
	}
	j.Settings.Batch, j.Settings.Beta = 48, 1
	indices := make([]int, 7*48+31) // 8 steps, the last of them short
	for i := range indices {
		indices[i] = i * 37 % 180
	}
	var want []Terms
	var wantTest []Terms
	var wantState State
	onCores(func(cores int) {
		for _, calls := range [][]int{{8}, {1, 1, 1, 1, 1, 1, 1, 1}, {1, 2, 4, 1}, {3, 5}} {
			m := open(t, j)
			var steps []Terms
			for left := indices; len(left) > 0; {
				n := min(len(left), calls[0]*j.Settings.Batch)
				steps = append(steps, mustTrain(t, m, left[:n])...)
				left, calls = left[n:], calls[1:]
			}
			test, state := mustEvaluate(t, m, counted(90)), mustState(t, m)
			if want == nil {
				want, wantTest, wantState = steps, test, state
			}
			if len(steps) != 8 || !same(steps, want) || !same(test, wantTest) {
				t.Errorf("%d cores: the terms are %v and %v, want %v and %v", cores, steps, test, want, wantTest)
			}
			if d := differs(state, wantState); d != "" {
				t.Errorf("%d cores: %s differs", cores, d)
			}
		}
	})
}

// TestEvaluate checks that an evaluation has the terms of each batch's images, with ε that depend on the image alone, after
// every step the same, and that it leaves the state alone.
func TestEvaluate(t *testing.T) {
	j, indices := tinyJob(), []int{4, 0, 10, 7, 7, 1, 3, 2}
	m := open(t, j)
	mustEvaluate(t, m, indices)
	for key := range m.programs {
		if key.backward {
			t.Errorf("an evaluation of %d images differentiates", key.batch)
		}
	}
	for range 2 {
		before := mustState(t, m)
		var want []Terms
		for b := range slices.Chunk(indices, j.Settings.Batch) {
			terms, _ := reference(t, j, before.Weights, fedTo(j, b, before.Step, true))
			want = append(want, terms)
		}
		if got := mustEvaluate(t, m, indices); !same(got, want) {
			t.Errorf("terms are %v, want %v", got, want)
		}
		if d := differs(before, mustState(t, m)); d != "" {
			t.Errorf("%s differs after an evaluation", d)
		}
		mustTrain(t, m, counted(12))
	}
}

// TestEvaluateByBatches checks that the terms per image do not depend on the batch size.
func TestEvaluateByBatches(t *testing.T) {
	j := tinyJob()
	var want Terms
	for _, batch := range []int{11, 1, 4, 6, 10, 100} {
		j.Settings.Batch = batch
		sums, images := make(Terms, 3), 0
		for i, terms := range mustEvaluate(t, open(t, j), counted(11)) {
			n := min(batch, 11-i*batch)
			images += n
			for k, v := range terms {
				sums[k] += float64(n) * v / 11
			}
		}
		if want == nil {
			want = sums
		}
		for k := range want {
			if math.Abs(sums[k]-want[k]) > 1e-6*math.Abs(want[k]) || images != 11 {
				t.Errorf("batches of %d: the terms of %d images are %v, want %v", batch, images, sums, want)
			}
		}
	}
}

// TestTraining checks that steps lower the loss.
func TestTraining(t *testing.T) {
	m := open(t, tinyJob())
	steps := mustTrain(t, m, slices.Repeat(counted(6), 300))
	if first, last := steps[0][0], steps[299][0]; last > first-1 {
		t.Errorf("loss goes from %v to %v", first, last)
	}
}

// TestNotFiniteLeavesTheState checks that a step with a loss that is not finite is refused and changes nothing, and that those
// before it stay. Of this learning rate the first step makes weights so large that the second has no loss.
func TestNotFiniteLeavesTheState(t *testing.T) {
	j := tinyJob()
	j.Settings.LearningRate = 1e30
	one, all := open(t, j), open(t, j)
	first := mustTrain(t, one, counted(6))
	steps, err := all.Train(counted(23))
	if !errors.Is(err, ErrNotFinite) {
		t.Errorf("error is %v, want %v", err, ErrNotFinite)
	}
	if len(steps) != 2 || !same(steps[:1], first) || !steps[0].Finite() || steps[1].Finite() {
		t.Fatalf("terms are %v, want %v and those of a step without a loss", steps, first)
	}
	if d := differs(mustState(t, all), mustState(t, one)); d != "" {
		t.Errorf("%s differs after a step that failed", d)
	}
	if again, err := all.Train(counted(6)); !errors.Is(err, ErrNotFinite) || len(again) != 1 {
		t.Errorf("another call returns %v, %v", again, err)
	}
}

// TestNotANumberIsSeen checks that no activation hides a weight that is not finite: NaN makes the loss so, and infinity, which
// tanh and sigmoid make 1, then the update.
func TestNotANumberIsSeen(t *testing.T) {
	for _, f := range []op.Activation{op.ReLU, op.Tanh, op.Sigmoid} {
		for _, name := range []string{"encoder.0.weight", "encoder.0.bias", "mean.weight", "logVar.bias", "decoder.0.weight", "decoder.2.bias"} {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				j := tinyJob()
				j.Model.Activation = f
				j.State = State{Step: 3, Weights: model.InitialWeights(j.Model, 1)}
				j.State.Weights[name].Float32s()[0] = float32(bad)
				m := open(t, j)
				before := mustState(t, m)
				what := fmt.Sprintf("%s, %v in %s", f, bad, name)
				steps, err := m.Train(counted(12))
				if !errors.Is(err, ErrNotFinite) || len(steps) != 1 {
					t.Errorf("%s: terms are %v and the error %v, want one step and %v", what, steps, err, ErrNotFinite)
					continue
				}
				if steps[0].Finite() {
					if math.IsNaN(bad) || name == "logVar.bias" || name == "decoder.2.bias" {
						t.Errorf("%s: the loss is %v", what, steps[0][0])
					}
					continue
				}
				if d := differs(mustState(t, m), before); d != "" {
					t.Errorf("%s: %s differs", what, d)
				}
			}
		}
	}
}

// TestOverflow checks that an update is seen that overflows, at the very step, though the loss is finite: the weights whose
// second moment is infinite would not move any more, and the loss would stay finite.
func TestOverflow(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"β": func(j *Job) { j.Settings.Beta = 1e22 },
		"log σ²": func(j *Job) {
			j.State.Weights = model.InitialWeights(j.Model, 1)
			j.State.Weights["logVar.bias"].Float32s()[1] = 50
		},
	} {
		j := tinyJob()
		change(&j)
		steps, err := open(t, j).Train(counted(23))
		if !errors.Is(err, ErrNotFinite) || len(steps) != 1 || !steps[0].Finite() {
			t.Errorf("large %s: terms are %v and the error %v, want one finite step and %v", name, steps, err, ErrNotFinite)
		}
	}
}
