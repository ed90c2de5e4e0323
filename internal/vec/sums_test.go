package vec

import (
	"math"
	"slices"
	"testing"
)

// sums are the functions that return Σ of something, each with what an element adds and how large the numbers in it are.
var sums = []struct {
	name      string
	compute   func(a, b []float32) float32
	reference func(a, b float64) (term, size float64)
	kinds     [2]kind
}{
	{"BernoulliLogLikelihood", BernoulliLogLikelihood, func(l, x float64) (float64, float64) {
		tail := math.Log1p(math.Exp(-math.Abs(l)))
		return x*l - max(l, 0) - tail, x*math.Abs(l) + max(l, 0) + tail
	}, [2]kind{anything, unit}},
	{"StandardNormalKL", StandardNormalKL, func(mean, logVar float64) (float64, float64) {
		return 0.5 * (mean*mean + math.Exp(logVar) - 1 - logVar), 0.5 * (mean*mean + math.Exp(logVar) + 1 + math.Abs(logVar))
	}, [2]kind{gauss, anything}},
}

// TestSums checks the sums against float64, to 1e-6 of the sizes of what is added, and that what lies behind does not come into them.
func TestSums(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for _, f := range sums {
			finite := func(v float32) bool { return v*0 == 0 && math.Abs(float64(v)) < 1e30 }
			var a, b []float32
			other := numbers(f.kinds[1], 2)
			for i, v := range numbers(f.kinds[0], 1) {
				if finite(v) && finite(other[i]) {
					a, b = append(a, v), append(b, other[i])
				}
			}
			check := func(from, n int) {
				var want, size float64
				for i := from; i < from+n; i++ {
					term, s := f.reference(float64(a[i]), float64(b[i]))
					want, size = want+term, size+s
				}
				got := f.compute(a[from:from+n], b[from:from+n])
				if !isClose(got, want, 0, 1e-6*size) {
					t.Fatalf("%s of %d numbers from %d on is %v, want %v", f.name, n, from, got, want)
				}
				behind := append(slices.Clone(a[from:from+n]), float32(nan), float32(nan))
				moved := f.compute(behind[:n], append(slices.Clone(b[from:from+n]), float32(nan))[:n])
				if math.Float32bits(got) != math.Float32bits(moved) {
					t.Fatalf("%s of %d numbers from %d on is %v, and %v elsewhere in memory", f.name, n, from, got, moved)
				}
			}
			each(check)
			check(3, 784)
			check(5, 3001)
		}
	})
}

// TestLogarithm checks −max(l, 0) − log(1 + exp(−|l|)) of every single l, which keeps its digits however small it is.
func TestLogarithm(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for _, l := range numbers(anything, 1) {
			if math.IsInf(float64(l), 0) {
				continue // times an x of zero that is NaN
			}
			logit := float64(l)
			want := -max(logit, 0) - math.Log1p(math.Exp(-math.Abs(logit)))
			if got := BernoulliLogLikelihood([]float32{l}, []float32{0}); !isClose(got, want, 2*ulp, expOf87) {
				t.Errorf("of l = %v it is %v, want %v", l, got, want)
				break
			}
		}
	})
}

// TestSumsOfSpecialNumbers checks what one number does to a sum of 19.
func TestSumsOfSpecialNumbers(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for _, f := range sums {
			for place := range 19 {
				for _, v := range [][2]float64{{nan, 0.5}, {0.5, nan}, {inf, 0.5}, {-inf, 0.5}, {-inf, 0}, {1e4, 1}, {1e4, 0}, {-1e4, 1}, {100, 0},
					{1e-45, 1}, {1, 1e-45}, {1, 1e4}, {1, -1e4}, {0, 100}} {
					a, b := make([]float32, 19), make([]float32, 19)
					a[place], b[place] = float32(v[0]), float32(v[1])
					zero, _ := f.reference(0, 0)
					want, _ := f.reference(v[0], v[1])
					want += 18 * zero
					if got := f.compute(a, b); !isClose(got, want, 1e-6, 1e-6) {
						t.Errorf("%s with %v at %d is %v, want %v", f.name, v, place, got, want)
					}
				}
			}
		}
	})
}

// TestSumRows checks sums over rows against float64, that a column's bits depend on its numbers alone, that nothing around is
// written, and that nothing around comes into a sum.
func TestSumRows(t *testing.T) {
	values := numbers(gauss, 1)
	for i, v := range values {
		if v*0 != 0 {
			values[i] = 1
		}
	}
	forEachKernel(t, func(t *testing.T) {
		check := func(from, cols, rows int) {
			stride := cols + from%3
			m := slices.Repeat([]float32{float32(nan)}, from+stride*max(rows, 0))
			for i := range rows {
				copy(m[from+i*stride:][:cols], values[i*cols:])
			}
			dst := guarded(from + cols + 16)
			SumRows(dst[from:from+cols], m[from:], stride, rows)
			for j, got := range dst {
				if j -= from; j < 0 || j >= cols {
					if got != guard {
						t.Fatalf("[%d, %d]: column %d was written", rows, cols, j)
					}
					continue
				}
				var want, size float64
				column := make([]float32, max(rows, 0))
				for i := range rows {
					column[i] = values[i*cols+j]
					want, size = want+float64(column[i]), size+math.Abs(float64(column[i]))
				}
				var alone [1]float32
				SumRows(alone[:], column, 1, rows)
				if !isClose(got, want, 0, float64(len(column))*ulp/2*size) || got != alone[0] {
					t.Fatalf("[%d, %d]: column %d is %v, and %v alone, want %v", rows, cols, j, got, alone[0], want)
				}
			}
		}
		each(func(from, n int) {
			for _, rows := range []int{-1, 0, 1, 2, 37} {
				check(from, n, rows)
			}
		})
		check(1, 400, 40)
	})
}
