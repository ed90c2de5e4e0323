package vec

import (
	"math"
	"testing"
)

// grid returns n+1 evenly spaced numbers from low to high, a length that leaves a rest for every vector width.
func grid(low, high float64, n int) []float32 {
	x := make([]float32, n+1)
	for i := range x {
		x[i] = float32(low + (high-low)*float64(i)/float64(n))
	}
	return x
}

// TestFunctions checks each function against float64, far beyond where exp overflows.
func TestFunctions(t *testing.T) {
	for _, f := range []struct {
		name      string
		compute   func(dst, x []float32)
		reference func(x float64) float64
		low, high float64
		absolute  float64
		relative  float64
	}{
		{"Exp", Exp, math.Exp, -86, 88, 0, 5e-6},
		{"LogisticTail", LogisticTail, func(x float64) float64 { return math.Log1p(math.Exp(-math.Abs(x))) }, -300, 300, 2e-7, 0},
		{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -300, 300, 2e-7, 0},
		{"Tanh", Tanh, math.Tanh, -300, 300, 3e-7, 0},
		{"ReLU", ReLU, func(x float64) float64 { return math.Max(x, 0) }, -300, 300, 0, 0},
	} {
		for _, reach := range []float64{1, 0.05} { // the whole range, and around zero
			x := grid(f.low*reach, f.high*reach, 10006)
			y := make([]float32, len(x))
			f.compute(y, x)
			for i := range x {
				want := f.reference(float64(x[i]))
				if !(math.Abs(float64(y[i])-want) <= f.absolute+f.relative*math.Abs(want)) {
					t.Errorf("%s(%v) is %v, want %v", f.name, x[i], y[i], want)
					break
				}
			}
			f.compute(x, x)
			for i := range x {
				if x[i] != y[i] {
					t.Errorf("%s in place gives %v at %d, want %v", f.name, x[i], i, y[i])
					break
				}
			}
		}
	}
}

// TestExpBeyond checks that Exp stays finite, positive and in order where float32 ends.
func TestExpBeyond(t *testing.T) {
	x := []float32{float32(math.Inf(-1)), -1e30, -104, -100, -87.5, 88, 88.7, 89, 1e30, float32(math.Inf(1))}
	y := make([]float32, len(x))
	Exp(y, x)
	for i, v := range y {
		small := x[i] < 0
		if small && !(v > 0 && v < 2e-38) || !small && !(v > 1e38 && v <= math.MaxFloat32) {
			t.Errorf("Exp(%v) is %v", x[i], v)
		}
	}
}

func TestGradients(t *testing.T) {
	y := []float32{0, 0.5, 0, 0.25, 1e-30, 1, 0.75, 0.125, 0.5}
	dy := []float32{3, -4, -5, 6, 7, 8, float32(math.Inf(1)), -9, 10}
	for _, f := range []struct {
		name      string
		compute   func(dst, y, dy []float32)
		reference func(y, dy float64) float64
	}{
		{"ReLUGradient", ReLUGradient, func(y, dy float64) float64 {
			if y > 0 {
				return dy
			}
			return 0
		}},
		{"TanhGradient", TanhGradient, func(y, dy float64) float64 { return dy * (1 - y*y) }},
		{"SigmoidGradient", SigmoidGradient, func(y, dy float64) float64 { return dy * y * (1 - y) }},
	} {
		dst := make([]float32, len(y))
		f.compute(dst, y, dy)
		for i := range y {
			if want := float32(f.reference(float64(y[i]), float64(dy[i]))); dst[i] != want {
				t.Errorf("%s(%v, %v) is %v, want %v", f.name, y[i], dy[i], dst[i], want)
			}
		}
	}
}

func TestArithmetic(t *testing.T) {
	x, y := grid(-3, 5, 36), grid(2, -7, 36)
	sum, dot := 0.0, 0.0
	added, scaled := append([]float32(nil), x...), make([]float32, len(x))
	Add(added, y)
	Scale(scaled, x, 1.5)
	for i := range x {
		sum += float64(x[i])
		dot += float64(x[i]) * float64(y[i])
		if added[i] != x[i]+y[i] || scaled[i] != x[i]*1.5 {
			t.Fatalf("at %d, x = %v and y = %v: x+y is %v, 1.5x %v", i, x[i], y[i], added[i], scaled[i])
		}
	}
	if got := Sum(x); math.Abs(float64(got)-sum) > 1e-4 {
		t.Errorf("Sum is %v, want %v", got, sum)
	}
	if got := Dot(x, y); math.Abs(float64(got)-dot) > 1e-3 {
		t.Errorf("Dot is %v, want %v", got, dot)
	}
}
