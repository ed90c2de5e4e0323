package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

// forEachKernel runs a test on every kind of kernel that this machine has.
func forEachKernel(t *testing.T, test func(t *testing.T)) {
	fastest := best
	defer func() { best = fastest }()
	for name, k := range map[string]*kernels{"fastest": fastest, "plain": &plain} {
		best = k
		t.Run(name, test)
	}
}

// kind says which numbers a source gets.
type kind int

const (
	anything kind = iota // of all sizes and both signs, and the special ones
	unit                 // in [0, 1], and NaN
	gauss                // from N(0, 1), and NaN and infinities
)

const count = 20000

// numbers returns count numbers of a kind, in an order that mixes them.
func numbers(k kind, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	special := []float64{0, math.Copysign(0, -1), 1, nan}
	if k == gauss {
		special = []float64{0, nan, inf, -inf}
	}
	if k == anything {
		special = append(special, inf, -inf, 1e-45, -1e-45, 1e-39, -1e-39, 1e-10, -1e-10, 100, -100, 1e4, -1e4, 3e38, -3e38,
			87, -87, 88, 88.7, 90, -87.33, -87.34, -88, -103, -103.9, -104, -105)
	}
	x := make([]float32, count)
	for i := range x {
		switch {
		case i < len(special):
			x[i] = float32(special[i])
		case k == unit:
			x[i] = random.Float32()
		case k == gauss || i%3 == 0:
			x[i] = float32(random.NormFloat64())
		case i%3 == 1:
			x[i] = float32(math.Ldexp(random.NormFloat64(), -random.IntN(40)))
		default:
			x[i] = 88 * (2*random.Float32() - 1)
		}
	}
	random.Shuffle(count, func(i, j int) { x[i], x[j] = x[j], x[i] })
	return x
}

// isClose tells whether got is within the bounds of want. Of a want beyond float32 it takes the infinity.
func isClose(got float32, want, relative, absolute float64) bool {
	switch g := float64(got); {
	case math.IsNaN(want):
		return math.IsNaN(g)
	case math.IsInf(float64(float32(want)), 0):
		return g == float64(float32(want))
	default:
		return math.Abs(g-want) <= absolute+relative*math.Abs(want)
	}
}

const (
	ulp       = 0x1p-23 // the distance from 1 to the next number
	subnormal = 0x1p-149
	expOf87   = 1.7e-38
)

// elementwise are the functions that compute dst from other slices, each with its reference and its bounds.
var elementwise = []struct {
	name               string
	sources            []kind
	compute            func(dst []float32, in [][]float32)
	reference          func(in []float64) float64
	relative, absolute float64
	terms              func(in []float64) float64 // numbers that cancel; relative is held against their size too
}{
	{"Add", []kind{anything, anything}, func(dst []float32, in [][]float32) { copy(dst, in[0]); Add(dst, in[1]) },
		func(in []float64) float64 { return in[0] + in[1] }, ulp / 2, 0, nil},
	{"Scale", []kind{anything}, func(dst []float32, in [][]float32) { Scale(dst, in[0], -1.7) },
		func(in []float64) float64 { return in[0] * float64(float32(-1.7)) }, ulp / 2, subnormal, nil},
	{"Sigmoid", []kind{anything}, func(dst []float32, in [][]float32) { Sigmoid(dst, in[0]) },
		func(in []float64) float64 { return logistic(in[0]) }, 1.5 * ulp, expOf87, nil},
	{"Tanh", []kind{anything}, func(dst []float32, in [][]float32) { Tanh(dst, in[0]) },
		func(in []float64) float64 { return math.Tanh(in[0]) }, 2 * ulp, subnormal, nil},
	{"ReLU", []kind{anything}, func(dst []float32, in [][]float32) { ReLU(dst, in[0]) },
		func(in []float64) float64 { return max(in[0], 0) }, 0, 0, nil},
	{"SigmoidGradient", []kind{unit, anything}, func(dst []float32, in [][]float32) { SigmoidGradient(dst, in[0], in[1]) },
		func(in []float64) float64 { y := in[0]; return in[1] * y * (1 - y) }, 2 * ulp, 2 * subnormal, nil},
	{"TanhGradient", []kind{unit, anything}, func(dst []float32, in [][]float32) { TanhGradient(dst, in[0], in[1]) },
		func(in []float64) float64 { return in[1] * (1 - in[0]*in[0]) }, 1.5 * ulp, 2 * subnormal,
		func(in []float64) float64 { return in[1] * in[0] * in[0] }},
	{"ReLUGradient", []kind{anything, anything}, func(dst []float32, in [][]float32) { ReLUGradient(dst, in[0], in[1]) },
		func(in []float64) float64 {
			if in[0] > 0 {
				return in[1]
			}
			return 0
		}, 0, 0, nil},
	{"BernoulliLogLikelihoodGradient", []kind{anything, unit},
		func(dst []float32, in [][]float32) { BernoulliLogLikelihoodGradient(dst, in[0], in[1], 1.5) },
		func(in []float64) float64 { return 1.5 * (in[1] - logistic(in[0])) }, 1.5 * ulp, 1.5 * expOf87,
		func(in []float64) float64 { return 1.5 * logistic(in[0]) }},
	{"StandardNormalKLGradient", []kind{anything}, func(dst []float32, in [][]float32) { StandardNormalKLGradient(dst, in[0], 1.5) },
		func(in []float64) float64 { return 1.5 * 0.5 * (math.Exp(in[0]) - 1) }, 2 * ulp, ulp, nil},
	{"Reparameterize", []kind{gauss, anything, gauss}, func(dst []float32, in [][]float32) { Reparameterize(dst, in[0], in[1], in[2]) },
		func(in []float64) float64 { return in[0] + math.Exp(0.5*in[1])*in[2] }, 2 * ulp, 0,
		func(in []float64) float64 { return math.Exp(0.5*in[1]) * in[2] }},
	{"ReparameterizeGradient", []kind{anything, gauss, gauss},
		func(dst []float32, in [][]float32) { ReparameterizeGradient(dst, in[0], in[1], in[2]) },
		func(in []float64) float64 { return in[2] * 0.5 * math.Exp(0.5*in[0]) * in[1] }, 3 * ulp, 0, nil},
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func sourcesOf(kinds []kind) [][]float32 {
	var in [][]float32
	for i, k := range kinds {
		in = append(in, numbers(k, uint64(i)))
	}
	return in
}

// TestElementwise checks each function against float64.
func TestElementwise(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for _, f := range elementwise {
			in := sourcesOf(f.sources)
			dst := make([]float32, count)
			f.compute(dst, in)
			x := make([]float64, len(in))
			for i, got := range dst {
				for j, source := range in {
					x[j] = float64(source[i])
				}
				want, absolute := f.reference(x), f.absolute
				if f.terms != nil && !math.IsInf(f.terms(x), 0) {
					absolute += f.relative * math.Abs(f.terms(x))
				}
				if !isClose(got, want, f.relative, absolute) {
					t.Errorf("%s of %v is %v, want %v", f.name, x, got, want)
					break
				}
			}
		}
	})
}

// TestPlaces checks that an element's bits depend neither on its place nor on the length, that nothing around dst is
// written, and that dst may be a source.
func TestPlaces(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for _, f := range elementwise {
			in := sourcesOf(f.sources)
			want := make([]float32, count)
			f.compute(want, in)
			check := func(what string, dst []float32, from, n int) {
				t.Helper()
				for i, v := range dst {
					expected := float32(guard)
					if i >= from && i < from+n {
						expected = want[i]
					}
					if math.Float32bits(v) != math.Float32bits(expected) {
						t.Fatalf("%s %s, %d elements from %d on: number %d is %v, want %v", f.name, what, n, from, i, v, expected)
					}
				}
			}
			each(func(from, n int) {
				dst := guarded(from + n + 16)
				part := make([][]float32, len(in))
				for j := range in {
					part[j] = in[j][from : from+n]
				}
				f.compute(dst[from:from+n], part)
				check("into another slice", dst, from, n)
				for j := range in {
					if f.name == "Add" && j > 0 {
						continue // its dst is the first source
					}
					dst := guarded(from + n + 16)
					copy(dst[from:from+n], in[j][from:])
					original := part[j]
					part[j] = dst[from : from+n]
					f.compute(part[j], part)
					part[j] = original
					check("in place", dst, from, n)
				}
			})
		}
	})
}

const guard = -123.25

func guarded(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = guard
	}
	return x
}

// each calls f with every length up to 100, at different alignments.
func each(f func(from, n int)) {
	for n := range 101 {
		for _, from := range []int{0, 1, 7, 30} {
			f(from, n)
		}
	}
}

// tiny is a variable, so that it is the processor that adds it.
var tiny = float32(subnormal)

// adamElement is an element of Adam's slices.
type adamElement struct{ w, m, v, g float32 }

// firstDifference returns the first place at which the bits differ, or −1.
func firstDifference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// TestBytes checks every byte at every place of a vector, and that nothing around is written.
func TestBytes(t *testing.T) {
	b := make([]byte, 400)
	for i := range b {
		b[i] = byte(i)
	}
	forEachKernel(t, func(t *testing.T) {
		check := func(from, n int) {
			dst := guarded(from + n + 16)
			Bytes(dst[from:from+n], b[from:])
			for i, v := range dst {
				want := float32(guard)
				if i >= from && i < from+n {
					want = float32(b[i]) / 255
				}
				if v != want {
					t.Fatalf("%d bytes from %d on: number %d is %v, want %v", n, from, i, v, want)
				}
			}
		}
		each(check)
		for from := range 9 {
			check(from, 300)
		}
	})
}

// TestTooShort checks that a source that ends early is not read beyond its end.
func TestTooShort(t *testing.T) {
	long, short := make([]float32, 9), make([]float32, 8)
	for name, call := range map[string]func(){
		"Add":                    func() { Add(long, short) },
		"ReLUGradient":           func() { ReLUGradient(long, long, short) },
		"BernoulliLogLikelihood": func() { BernoulliLogLikelihood(long, short) },
		"Reparameterize":         func() { Reparameterize(long, long, long, short) },
		"Adam":                   func() { Adam(long, long, short, long, 0, 0, 0, 0, 0) },
		"Bytes":                  func() { Bytes(long, make([]byte, 8)) },
		"BoxMuller":              func() { BoxMuller(long, make([]uint32, 9)) },
		"SumRows":                func() { SumRows(short[:4], long, 6, 2) },
		"SumRows of one":         func() { SumRows(long, short, 0, 1) },
		"SumRows upwards":        func() { SumRows(short, long, -1, 2) },
		"SumRows around":         func() { SumRows(short[:4], long, math.MaxInt/2+1, 5) }, // 4 strides wrap around to 0
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}
