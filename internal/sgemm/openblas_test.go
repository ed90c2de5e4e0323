//go:build openblas

package sgemm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"

	"govae/internal/sgemm/internal/openblas"
)

func TestOpenBLASKeepsToItsThread(t *testing.T) {
	t.Log(openblas.Config())
	if n := openblas.Threads(); n != 1 {
		t.Errorf("a call runs on %d threads", n)
	}
}

// TestAnyStrides tries views of every kind as both operands: those that a BLAS takes, and those that it does not.
func TestAnyStrides(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	next := func() float32 { return float32(random.NormFloat64()) }
	data := func(n int) []float32 { v, _ := view(1, n, 0, 0, false, next); return v.Data }
	const no = blas.Transpose(0)
	for _, c := range []struct {
		name    string
		m       Matrix
		stored  blas.Transpose
		leading int
	}{
		{"by rows", Matrix{data(12), 3, 4, 4, 1}, blas.NoTrans, 4},
		{"by rows, with gaps", Matrix{data(18), 3, 4, 7, 1}, blas.NoTrans, 7},
		{"by columns", Matrix{data(12), 3, 4, 1, 3}, blas.Trans, 3},
		{"by columns, with gaps", Matrix{data(18), 3, 4, 1, 5}, blas.Trans, 5},
		{"a row", Matrix{data(4), 1, 4, 0, 1}, blas.NoTrans, 4},
		{"a row of a matrix by columns", Matrix{data(16), 1, 4, 1, 5}, blas.Trans, 5},
		{"a column", Matrix{data(4), 4, 1, 1, 0}, blas.NoTrans, 1},
		{"a column of a matrix by rows", Matrix{data(16), 4, 1, 5, 1}, blas.NoTrans, 5},
		{"one element", Matrix{data(1), 1, 1, 0, 0}, blas.NoTrans, 1},
		{"every other element", Matrix{data(30), 3, 4, 8, 2}, no, 0},
		{"the same row again", Matrix{data(4), 3, 4, 0, 1}, no, 0},
		{"the same column again", Matrix{data(3), 3, 4, 1, 0}, no, 0},
		{"the same element again", Matrix{data(1), 3, 4, 0, 0}, no, 0},
		{"rows that overlap", Matrix{data(6), 3, 4, 1, 1}, no, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, fits := operandOf(c.m)
			if fits != (c.stored != no) || o.stored != c.stored || o.leading != c.leading {
				t.Errorf("fits %v, %q, leading dimension %d; want %q, %d", fits, o.stored, o.leading, c.stored, c.leading)
			}
			const size = 9
			left, _ := view(size, c.m.Rows, 2, 0, false, next)
			out, buffer := view(size, c.m.Cols, 1, 3, false, func() float32 { return nan })
			MulBias(out, left, c.m, data(c.m.Cols), false)
			bias := data(c.m.Cols)
			MulBias(out, left, c.m, bias, true)
			compare(t, out, buffer, left, c.m, bias, true)

			right, _ := view(c.m.Cols, size, 2, 0, true, next)
			out, buffer = view(c.m.Rows, size, 1, 3, false, func() float32 { return nan })
			Mul(out, c.m, right)
			compare(t, out, buffer, c.m, right, nil, false)
		})
	}
}

// TestLongSides has so long a side that it takes more than the usual number of slices.
func TestLongSides(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	next := func() float32 { return float32(random.NormFloat64()) }
	const long = minSlices*maxSlice + 1
	for _, shape := range [][2]int{{long, 3}, {3, long}} {
		a, _ := view(shape[0], 5, 0, 0, true, next)
		b, _ := view(5, shape[1], 0, 0, false, next)
		c, buffer := view(shape[0], shape[1], 2, 3, false, func() float32 { return nan })
		bias, _ := view(1, shape[1], 0, 0, false, next)
		MulBias(c, a, b, bias.Data, true)
		compare(t, c, buffer, a, b, bias.Data, true)
	}
}

func TestNoMemoryIsKeptByABLASProduct(t *testing.T) {
	p := blasProducts.New().(*blasProduct)
	m := RowMajor(make([]float32, 4), 2, 2)
	o, _ := operandOf(m)
	p.run(RowMajor(make([]float32, 4), 2, 2), o, o, m.Data[:2], false)
	if p.a.Data != nil || p.b.Data != nil || p.c.Data != nil || p.bias != nil {
		t.Error("a product for reuse holds on to its matrices")
	}
}

// BenchmarkBesideOpenBLAS compares this package's own product with OpenBLAS's, which gets all of c in one call, in
// alternation on one core. Of each it reports its fastest run, which shows what the code can do where other programs
// take their share of the core, and how the two speeds compare.
func BenchmarkBesideOpenBLAS(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 6))
	fill := func(rows, cols int) Matrix {
		m, _ := view(rows, cols, 0, 0, false, func() float32 { return float32(random.NormFloat64()) })
		return m
	}
	const batch, in, out = 128, 784, 400
	x, w, y := fill(batch, in), fill(out, in), fill(batch, out)
	square := fill(1024, 1024)
	for _, product := range []struct {
		name    string
		c, a, b Matrix
	}{
		{"1024x1024x1024", fill(1024, 1024), square, square},
		{fmt.Sprintf("batch=%d,in=%d,out=%d/forward", batch, in, out), fill(batch, out), x, w.T()},
		{fmt.Sprintf("batch=%d,in=%d,out=%d/dx", batch, in, out), fill(batch, in), y, w},
		{fmt.Sprintf("batch=%d,in=%d,out=%d/dW", batch, in, out), fill(out, in), y.T(), x},
	} {
		b.Run(product.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // here, because each b.Run sets it anew
			left, _ := operandOf(product.a)
			right, _ := operandOf(product.b)
			whole := blasProduct{c: product.c, a: left, b: right}
			own, openBLAS := time.Hour, time.Hour // the shortest so far
			for b.Loop() {
				start := time.Now()
				multiplyOwn(product.c, product.a, product.b, nil, false)
				middle := time.Now()
				whole.block(0, product.c.Rows, 0, product.c.Cols)
				own, openBLAS = min(own, middle.Sub(start)), min(openBLAS, time.Since(middle))
			}
			flops := 2 * float64(product.c.Rows) * float64(product.c.Cols) * float64(product.a.Cols)
			b.ReportMetric(flops/float64(own.Nanoseconds()), "own-GFLOP/s")
			b.ReportMetric(flops/float64(openBLAS.Nanoseconds()), "OpenBLAS-GFLOP/s")
			b.ReportMetric(float64(openBLAS)/float64(own), "own/OpenBLAS")
			b.ReportMetric(0, "ns/op")
		})
	}
}
