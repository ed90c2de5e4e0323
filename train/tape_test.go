package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"govae/internal/graphtest"
	"govae/internal/philox"
	"govae/model"
	"govae/model/op"
)

// tapeConfig is a small network with no two sizes alike.
func tapeConfig() model.Config {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 3, Width: 5, Channels: 1}, []int{7}, 2
	return cfg
}

func newTape(t *testing.T, rate float64) *TapeMachine {
	t.Helper()
	m, err := NewTapeMachine(tapeConfig(), rate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// batchOf draws n images and their ε for a step.
func batchOf(n int, step uint64) Batch {
	b := Batch{X: make([]float32, n*15), Epsilon: make([]float32, n*2), Beta: 0.3}
	philox.New(1, philox.Latent, step).Uniform(b.X, 0, 1)
	philox.New(1, philox.Epsilon, step).Normal(b.Epsilon)
	return b
}

func mustStep(t *testing.T, m Machine, b Batch) Terms {
	t.Helper()
	terms, err := m.Step(b)
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

func mustState(t *testing.T, m Machine) State {
	t.Helper()
	s, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// differs returns the name of a tensor that differs between two states in any bit, or "".
func differs(a, b State) string {
	for part, pair := range map[string][2]model.Tensors{
		"weights": {a.Weights, b.Weights}, "first moment": {a.FirstMoment, b.FirstMoment}, "second moment": {a.SecondMoment, b.SecondMoment},
	} {
		if len(pair[0]) != len(pair[1]) {
			return part
		}
		for name, value := range pair[0] {
			if !slices.Equal(value.Float32s(), pair[1][name].Float32s()) {
				return part + " of " + name
			}
		}
	}
	if a.Step != b.Step {
		return "step"
	}
	return ""
}

// TestFirstStep checks that every weight is updated by its own gradient: Adam's first step is
// w − α·g/(|g| + ε), for the gradient g that the network's graph gives.
func TestFirstStep(t *testing.T) {
	const rate = 0.01
	cfg, b := tapeConfig(), batchOf(6, 0)
	network, err := model.New(cfg, 6)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := network.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, network.Graph, map[*gorgonia.Node]any{network.X: b.X, network.Epsilon: b.Epsilon, network.Beta: b.Beta})

	m := newTape(t, rate)
	terms := mustStep(t, m, b)
	if want := graphtest.Scalar(network.Loss); terms.Loss != want {
		t.Errorf("loss is %v, want %v", terms.Loss, want)
	}
	after, before := mustState(t, m).Weights, model.InitialWeights(cfg)
	for i, p := range cfg.Parameters() {
		for j, g := range graphtest.Floats(gradients[i]) {
			w := float64(before[p.Name].Float32s()[j])
			want := w - rate*float64(g)/(math.Abs(float64(g))+1e-8)
			if got := float64(after[p.Name].Float32s()[j]); math.Abs(got-want) > 1e-6 {
				t.Fatalf("%s[%d] is %v, want %v", p.Name, j, got, want)
			}
		}
	}
}

// TestStateContinues checks that a machine with another's state makes the same steps, to the last bit, each with its batch's β.
func TestStateContinues(t *testing.T) {
	first, second := newTape(t, 1e-2), newTape(t, 1e-2)
	sizes := []int{6, 4, 6, 4, 6} // a short last batch takes its turn
	for i, n := range sizes[:3] {
		mustStep(t, first, batchOf(n, uint64(i)))
	}
	saved := mustState(t, first)
	if err := second.SetState(saved); err != nil {
		t.Fatal(err)
	}
	for i := 3; i < len(sizes); i++ {
		b := batchOf(sizes[i], uint64(i))
		b.Beta = 0.75 // not that of the first machine's steps before
		terms := mustStep(t, first, b)
		if want := terms.Reconstruction + 0.75*terms.KL; math.Abs(terms.Loss-want) > 1e-6*math.Abs(want) {
			t.Errorf("step %d: loss is %v, want %v", i, terms.Loss, want)
		}
		mustStep(t, second, b)
	}
	if d := differs(mustState(t, first), mustState(t, second)); d != "" {
		t.Errorf("%s differs", d)
	}
	now := mustState(t, first)
	for part, pair := range map[string][2]model.Tensors{
		"weights": {now.Weights, saved.Weights}, "first moment": {now.FirstMoment, saved.FirstMoment}, "second moment": {now.SecondMoment, saved.SecondMoment},
	} {
		if slices.Equal(pair[0]["mean.bias"].Float32s(), pair[1]["mean.bias"].Float32s()) {
			t.Errorf("the saved %s changed with the machine, or no step changed it", part)
		}
	}
	if got := mustState(t, first).Step; got != 5 {
		t.Errorf("step is %d, want 5", got)
	}
}

// TestEvaluateChangesNothing checks that an evaluation sees the loss that a step sees, and leaves the state alone.
func TestEvaluateChangesNothing(t *testing.T) {
	m, b := newTape(t, 1e-2), batchOf(6, 0)
	before := mustState(t, m)
	evaluated, err := m.Evaluate(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := differs(before, mustState(t, m)); d != "" {
		t.Errorf("%s differs after an evaluation", d)
	}
	if stepped := mustStep(t, m, b); stepped != evaluated {
		t.Errorf("an evaluation gives %v, a step %v", evaluated, stepped)
	}
}

// TestTraining checks that steps lower the loss.
func TestTraining(t *testing.T) {
	m, b := newTape(t, 1e-2), batchOf(6, 0)
	first := mustStep(t, m, b)
	for range 300 {
		mustStep(t, m, b)
	}
	if last := mustStep(t, m, b); last.Loss > first.Loss-1 {
		t.Errorf("loss goes from %v to %v", first.Loss, last.Loss)
	}
}

// TestNotFiniteLeavesTheState checks that a step with an infinite loss is refused and changes nothing.
func TestNotFiniteLeavesTheState(t *testing.T) {
	m, b := newTape(t, 1e-2), batchOf(6, 0)
	mustStep(t, m, b)
	before := mustState(t, m)
	b.Epsilon[3] = float32(math.Inf(1))
	if _, err := m.Step(b); !errors.Is(err, ErrNotFinite) {
		t.Errorf("error is %v, want %v", err, ErrNotFinite)
	}
	if d := differs(before, mustState(t, m)); d != "" {
		t.Errorf("%s differs after a step that failed", d)
	}
}

// TestNotANumberIsSeen checks that no activation hides a weight that is not a number.
func TestNotANumberIsSeen(t *testing.T) {
	for _, f := range []op.Activation{op.ReLU, op.Tanh, op.Sigmoid} {
		for _, name := range []string{"encoder.0.weight", "logVar.bias", "decoder.0.weight", "decoder.2.bias"} {
			cfg := tapeConfig()
			cfg.Activation = f
			m, err := NewTapeMachine(cfg, 1e-2)
			if err != nil {
				t.Fatal(err)
			}
			m.weights[name].Float32s()[0] = float32(math.NaN())
			if terms, err := m.Step(batchOf(6, 0)); !errors.Is(err, ErrNotFinite) {
				t.Errorf("%s, NaN in %s: terms are %v and the error %v, want %v", f, name, terms, err, ErrNotFinite)
			}
			m.Close()
		}
	}
}

func TestTapeMachineErrors(t *testing.T) {
	m := newTape(t, 1e-2)
	odd, short := batchOf(6, 0), batchOf(6, 0)
	odd.X = odd.X[:16]
	short.Epsilon = short.Epsilon[:11]
	for _, c := range []struct {
		batch Batch
		want  string
	}{
		{odd, "16 values in x"},
		{short, "11 values in ε, want 12"},
		{Batch{}, "0 values in x"},
	} {
		if _, err := m.Step(c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
	}
	s := mustState(t, m)
	delete(s.SecondMoment, "mean.bias")
	if err := m.SetState(s); err == nil || !strings.Contains(err.Error(), "second moments: model: parameter mean.bias is missing") {
		t.Errorf("error is %v, want one that names the moment", err)
	}
	if _, err := NewTapeMachine(model.Config{}, 1); err == nil {
		t.Error("a machine for no model")
	}
}
