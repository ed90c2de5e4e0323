package train

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// weight is a gorgonia.ValueGrad with a name.
type weight struct {
	name            string
	value, gradient *tensor.Dense
}

func (w weight) Name() string                  { return w.name }
func (w weight) Value() gorgonia.Value         { return w.value }
func (w weight) Grad() (gorgonia.Value, error) { return w.gradient, nil }

// TestAdam checks every step against the update as the paper writes it, in float64, for two parameters.
func TestAdam(t *testing.T) {
	const alpha, beta1, beta2, epsilon = 3e-3, 0.9, 0.999, 1e-8
	random := rand.New(rand.NewPCG(1, 2))
	adam := NewAdam(alpha)
	weights := []gorgonia.ValueGrad{
		weight{"a", vector(40000), vector(40000)}, // more than one core's share
		weight{"b", vector(3), vector(3)},
	}
	type reference struct{ theta, m, v float64 }
	want := make([][]reference, len(weights))
	for i, w := range weights {
		values := w.Value().Data().([]float32)
		want[i] = make([]reference, len(values))
		for j := range values {
			values[j] = float32(random.NormFloat64())
			want[i][j].theta = float64(values[j])
		}
	}
	for step := 1; step <= 50; step++ {
		for i, w := range weights {
			g, _ := w.Grad()
			for j := range want[i] {
				gradient := float32(random.NormFloat64() * math.Pow(10, float64(j%7-4)))
				g.Data().([]float32)[j] = gradient
				r, g := &want[i][j], float64(gradient)
				r.m = beta1*r.m + (1-beta1)*g
				r.v = beta2*r.v + (1-beta2)*g*g
				mHat := r.m / (1 - math.Pow(beta1, float64(step)))
				vHat := r.v / (1 - math.Pow(beta2, float64(step)))
				r.theta -= alpha * mHat / (math.Sqrt(vHat) + epsilon)
			}
		}
		if err := adam.Step(weights); err != nil {
			t.Fatal(err)
		}
		for i, w := range weights {
			got := w.Value().Data().([]float32)
			for j, r := range want[i] {
				if math.Abs(float64(got[j])-r.theta) > 2e-6*(1+math.Abs(r.theta)) {
					t.Fatalf("step %d: weight %s[%d] is %v, want %v", step, w.(weight).name, j, got[j], r.theta)
				}
			}
		}
	}
	if adam.Steps != 50 {
		t.Errorf("Steps is %d, want 50", adam.Steps)
	}
}

// TestAdamErrors checks that what is no named float32 tensor is refused with its name, and that no weight before it is updated.
func TestAdamErrors(t *testing.T) {
	float64s := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{1, 2, 3}))
	for _, c := range []struct {
		weight gorgonia.ValueGrad
		want   string
	}{
		{weight{"w", vector(3), vector(4)}, "gradient of w has shape (4), want (3)"},
		{weight{"w", float64s, vector(3)}, "weight w"},
		{weight{"w", vector(3), float64s}, "gradient of w"},
		{struct{ gorgonia.ValueGrad }{weight{"w", vector(3), vector(3)}}, "no name"},
	} {
		good := weight{"good", vector(2), vector(2)}
		copy(good.value.Float32s(), []float32{1, 2})
		copy(good.gradient.Float32s(), []float32{3, 4})
		adam := NewAdam(1)
		err := adam.Step([]gorgonia.ValueGrad{good, c.weight})
		if !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("error is %v, want one that says %q", err, c.want)
		}
		if got := good.value.Float32s(); !slices.Equal(got, []float32{1, 2}) || adam.Steps != 0 {
			t.Errorf("%s: the weight before it is %v after %d steps, want [1 2] after none", c.want, got, adam.Steps)
		}
	}
}

// TestAdamReportsAnUpdateThatIsNotFinite checks that a gradient too large for the second moment is an error wherever it is, at that
// step alone if the moment is mended, and that the step is taken.
func TestAdamReportsAnUpdateThatIsNotFinite(t *testing.T) {
	const n = 40000
	a, b := weight{"a", vector(n), vector(n)}, weight{"b", vector(3), vector(3)}
	weights := []gorgonia.ValueGrad{a, b}
	adam := NewAdam(1e-3)
	for _, c := range []struct {
		of    weight
		place int
	}{{a, 0}, {a, n / 2}, {a, n - 1}, {b, 2}} {
		gradient := c.of.gradient.Float32s()
		gradient[c.place] = 1e30
		if err := adam.Step(weights); !errors.Is(err, ErrNotFinite) {
			t.Errorf("gradient %d of %s is 1e30: error is %v, want %v", c.place, c.of.name, err, ErrNotFinite)
		}
		gradient[c.place] = 1
		if err := adam.Step(weights); !errors.Is(err, ErrNotFinite) {
			t.Errorf("second moment %d of %s is infinite: error is %v, want %v", c.place, c.of.name, err, ErrNotFinite)
		}
		adam.First[c.of.name].Float32s()[c.place], adam.Second[c.of.name].Float32s()[c.place] = 0, 0
		if err := adam.Step(weights); err != nil {
			t.Errorf("all is finite again: error is %v", err)
		}
		if got := c.of.value.Float32s()[c.place]; got >= 0 {
			t.Errorf("weight %d of %s is %v, want it to have moved", c.place, c.of.name, got)
		}
	}
	if adam.Steps != 12 {
		t.Errorf("Steps is %d, want 12", adam.Steps)
	}
}

func vector(n int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n)) }
