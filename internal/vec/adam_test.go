package vec

import (
	"math"
	"runtime"
	"slices"
	"testing"
)

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
