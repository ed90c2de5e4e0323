package vec

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
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

// TestAdamFlushesSubnormals checks that moments end at 0 where no gradients come, and that no larger number, and no NaN, is lost.
func TestAdamFlushesSubnormals(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		const least = 0x1p-126
		start := []float32{3e-45, -3e-45, 1e-39, -1e-39, least, -least, 2 * least, -2 * least, 1e-30, float32(nan)}
		zero := make([]float32, len(start))
		w, m, v := slices.Clone(zero), slices.Clone(start), slices.Clone(start)
		Adam(w, m, v, zero, 0.75, 0.75, 0, 1, 1)
		for i, s := range start {
			want := 0.75 * s // exact where it is not subnormal
			if math.Abs(float64(s)) <= least {
				want = 0
			}
			for name, got := range map[string]float32{"m": m[i], "v": v[i]} {
				if got != want && !(got != got && want != want) {
					t.Errorf("%s of %g becomes %g, want %g", name, s, got, want)
				}
			}
		}
	})
}

// tiny is a variable, so that it is the processor that adds it.
var tiny = float32(subnormal)

// TestAdamLeavesTheProcessorAsItWas checks that elsewhere, subnormal numbers are still numbers. The setting is the
// thread's, so the test keeps to one.
func TestAdamLeavesTheProcessorAsItWas(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var x [4][9]float32
		Adam(x[0][:], x[1][:], x[2][:], x[3][:], 0.75, 0.75, 0, 1, 1)
		if tiny+tiny == 0 {
			t.Error("after Adam, the sum of two subnormal numbers is 0")
		}
	})
}

// TestAdam checks an update against float64, of weights that have moved before and of fresh ones, and that its bits
// depend on no place.
func TestAdam(t *testing.T) {
	const beta1, beta2, rate, correction, epsilon = 0.9, 0.999, 0.01, 1.25, 1e-8
	update := func(s [4][]float32) { Adam(s[0], s[1], s[2], s[3], beta1, beta2, rate, correction, epsilon) }
	forEachKernel(t, func(t *testing.T) {
		start := [4][]float32{numbers(gauss, 1), numbers(gauss, 2), numbers(unit, 3), numbers(gauss, 4)}
		for i := 0; i < count; i += 3 {
			start[1][i], start[2][i] = 0, 0
		}
		var got [4][]float32
		for k, s := range start {
			got[k] = slices.Clone(s)
		}
		update(got)
		for i := range count {
			w, m, v, g := float64(start[0][i]), float64(start[1][i]), float64(start[2][i]), float64(start[3][i])
			b1, b2 := float64(float32(beta1)), float64(float32(beta2))
			m1 := b1*m + (1-b1)*g
			v1 := b2*v + (1-b2)*g*g
			step := float64(float32(rate)) * m1 / (math.Sqrt(v1)*correction + float64(float32(epsilon)))
			mError := 2 * ulp * (math.Abs(m) + math.Abs(g))
			if math.IsInf(w, 0) || math.IsInf(m, 0) || math.IsInf(g, 0) || m1 == 0 {
				continue
			}
			for _, c := range []struct {
				name        string
				got         float32
				want, bound float64
			}{
				{"m", got[1][i], m1, mError},
				{"v", got[2][i], v1, 3 * ulp * v1},
				{"w", got[0][i], w - step, ulp/2*math.Abs(w) + 8*ulp*math.Abs(step) + math.Abs(step/m1)*mError},
			} {
				if !isClose(c.got, c.want, 0, c.bound) {
					t.Fatalf("w, m, v, g = %v, %v, %v, %v: %s becomes %v, want %v", w, m, v, g, c.name, c.got, c.want)
				}
			}
		}
		each(func(from, n int) {
			var all, part [4][]float32
			for k := range all {
				all[k] = slices.Clone(start[k][:from+n+16])
				part[k] = all[k][from : from+n]
			}
			update(part)
			for k, s := range start {
				want := slices.Concat(s[:from], got[k][from:from+n], s[from+n:from+n+16])
				if i := firstDifference(all[k], want); i >= 0 {
					t.Fatalf("%d from %d on: slice %d has %v at %d, want %v", n, from, k, all[k][i], i, want[i])
				}
			}
		})
	})
}

// adamElement is an element of Adam's slices.
type adamElement struct{ w, m, v, g float32 }

// TestAdamTellsWhetherAllIsFinite puts each kind of element at each kind of place among ordinary ones, with NaN around the slices.
func TestAdamTellsWhetherAllIsFinite(t *testing.T) {
	const largest, least = math.MaxFloat32, subnormal
	ordinary := adamElement{1, 0.5, 0.25, -0.125}
	inf, nan := float32(inf), float32(nan)
	cases := []struct {
		name    string
		element adamElement
		rate    float32
		epsilon float32
		want    bool
	}{
		{"ordinary", ordinary, 0.01, 1e-8, true},
		{"zero", adamElement{}, 0.01, 1e-8, true},
		{"ordinary, without ε", ordinary, 0.01, 0, true}, // the kernel computes 0/0 beyond the end
		{"subnormal", adamElement{least, -least, least, -least}, 0.01, 1e-8, true},
		{"nearly subnormal", adamElement{-0x1p-126, 0x1p-126, 0x1p-126, 0x1p-126}, 0.01, 1e-8, true},
		{"largest weight", adamElement{largest, -0.5, 0.25, -0.125}, 0.01, 1e-8, true},
		{"lowest weight", adamElement{-largest, 0.5, 0.25, 0.125}, 0.01, 1e-8, true},
		{"largest moments", adamElement{1, -largest, largest, 0}, 0.01, 1e-8, true},
		{"large gradient", adamElement{1, 0.5, 0.25, 5e20}, 0.01, 1e-8, true},
		{"large step", ordinary, 1e38, 1e-8, true},

		{"gradient whose square overflows", adamElement{1, 0.5, 0.25, 1e30}, 0.01, 1e-8, false},
		{"gradient too much for a large v", adamElement{1, 0.5, largest, -3e19}, 0.01, 1e-8, false},
		{"gradient NaN", adamElement{1, 0.5, 0.25, nan}, 0.01, 1e-8, false},
		{"gradient +∞", adamElement{1, 0.5, 0.25, inf}, 0.01, 1e-8, false},
		{"gradient −∞", adamElement{1, 0.5, 0.25, -inf}, 0.01, 1e-8, false},
		{"infinite step", adamElement{1, 1e3, 0.25, -0.125}, 1e38, 1e-8, false},
		{"finite step to an infinite weight", adamElement{largest, -0.5, 0.25, -0.125}, 1e38, 1e-8, false},
		{"zero, without ε", adamElement{}, 0.01, 0, false},
		{"weight ∞", adamElement{inf, 0.5, 0.25, -0.125}, 0.01, 1e-8, false},
		{"weight NaN", adamElement{nan, 0.5, 0.25, -0.125}, 0.01, 1e-8, false},
		{"m −∞", adamElement{1, -inf, 0.25, -0.125}, 0.01, 1e-8, false},
		{"m NaN", adamElement{1, nan, 0.25, -0.125}, 0.01, 1e-8, false},
		{"m ∞ at rate 0", adamElement{1, inf, 0.25, -0.125}, 0, 1e-8, false},
		{"v ∞", adamElement{1, 0.5, inf, -0.125}, 0.01, 1e-8, false},
		{"v NaN", adamElement{1, 0.5, nan, -0.125}, 0.01, 1e-8, false},
		{"v negative", adamElement{1, 0.5, -1, -0.125}, 0.01, 1e-8, false},
	}
	lengths := []int{1000, 1<<14 + 3}
	for n := range 41 {
		lengths = append(lengths, n)
	}
	forEachKernel(t, func(t *testing.T) {
		for _, n := range lengths {
			const around = 9
			var s [4][]float32
			for k := range s {
				s[k] = slices.Repeat([]float32{nan}, n+2*around)[around : around+n]
			}
			put := func(i int, e adamElement) { s[0][i], s[1][i], s[2][i], s[3][i] = e.w, e.m, e.v, e.g }
			if n == 0 && !Adam(s[0], s[1], s[2], s[3], nan, nan, nan, nan, nan) {
				t.Error("not finite without elements")
			}
			for _, c := range cases {
				for _, place := range []int{0, 3, n / 2, n&^7 - 1, n &^ 7, n - 1} {
					if place < 0 || place >= n {
						continue
					}
					for i := range n {
						put(i, ordinary)
					}
					put(place, c.element)
					got := Adam(s[0], s[1], s[2], s[3], 0.9, 0.999, c.rate, 1.25, c.epsilon)
					if got != c.want {
						t.Fatalf("%s, number %d of %d: finite is %v, want %v", c.name, place, n, got, c.want)
					}
					if all := isFinite(s[0]) && isFinite(s[1]) && isFinite(s[2]); all != c.want {
						t.Fatalf("%s, number %d of %d: that all is finite is %v, want %v", c.name, place, n, all, c.want)
					}
				}
			}
		}
	})
}

// TestAdamTellsTheSameAsThePlainLoop checks numbers of all sizes, one at a time and several.
func TestAdamTellsTheSameAsThePlainLoop(t *testing.T) {
	start := [4][]float32{numbers(anything, 1), numbers(anything, 2), numbers(unit, 3), numbers(anything, 4)}
	var told [2]int
	for _, n := range []int{1, 13} {
		for from := 0; from+n <= count; from += n {
			var finite [2]bool
			for j, k := range []*kernels{best, &plain} {
				var s [4][]float32
				for i := range s {
					s[i] = slices.Clone(start[i][from : from+n])
				}
				finite[j] = k.adam(s[0], s[1], s[2], s[3], 0.9, 0.999, 0.01, 1.25, 1e-8) == 0
				if want := isFinite(s[0]) && isFinite(s[1]) && isFinite(s[2]); finite[j] != want {
					t.Fatalf("kernel %d, %d from %d on: finite is %v of %v", j, n, from, finite[j], s[:3])
				}
			}
			if finite[0] != finite[1] {
				t.Fatalf("%d from %d on: finite is %v, in the plain loop %v", n, from, finite[0], finite[1])
			}
			if finite[0] {
				told[0]++
			} else {
				told[1]++
			}
		}
	}
	if told[0] == 0 || told[1] < 20 {
		t.Errorf("%d were finite and %d not: a test of nothing", told[0], told[1])
	}
}

func isFinite(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}

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
