package sgemm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"govae/internal/parallel"
	"govae/internal/sgemm/internal/peak"
)

// measure reports the speed of run, which returns the floating-point operations it did, on one core, on two and on all:
// the mean, and the best of all runs, which shows what the code can do where other programs take their share of the cores.
func measure(b *testing.B, name string, run func() int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	counts := []int{1, 2}
	if all := runtime.NumCPU(); all > 2 {
		counts = append(counts, all)
	}
	for _, cores := range counts {
		runtime.GOMAXPROCS(cores)
		b.Run(fmt.Sprintf("%s/cores=%d", name, cores), func(b *testing.B) {
			var total, best float64
			for b.Loop() {
				start := time.Now()
				flops := float64(run())
				total += flops
				best = max(best, flops/float64(time.Since(start).Nanoseconds()))
			}
			b.ReportMetric(total/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			b.ReportMetric(best, "best-GFLOP/s")
		})
	}
}

// BenchmarkPeak is what a kernel that never waits for memory could reach.
func BenchmarkPeak(b *testing.B) {
	var flops atomic.Int64
	measure(b, "fma", func() int {
		flops.Store(0)
		parallel.For(runtime.GOMAXPROCS(0), 1, func(int, int) { flops.Add(int64(peak.Run())) })
		return int(flops.Load())
	})
}

// BenchmarkLayer multiplies as a dense layer does, forward y = x·Wᵀ and backward dx = dy·W and dW = dyᵀ·x.
func BenchmarkLayer(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 6))
	fill := func(rows, cols int) Matrix {
		m := RowMajor(make([]float32, rows*cols), rows, cols)
		for i := range m.Data {
			m.Data[i] = float32(random.NormFloat64())
		}
		return m
	}
	for _, shape := range [][3]int{{128, 784, 400}, {128, 400, 784}, {128, 400, 20}, {128, 20, 400}, {128, 1024, 1024}, {128, 512, 512}, {512, 784, 400}} {
		batch, in, out := shape[0], shape[1], shape[2]
		x, w, y := fill(batch, in), fill(out, in), fill(batch, out)
		bias := fill(1, out).Data
		dx, dw, dy := fill(batch, in), fill(out, in), fill(batch, out)
		for _, product := range []struct {
			name string
			run  func()
		}{
			{"forward", func() { MulBias(y, x, w.T(), bias, true) }},
			{"dx", func() { Mul(dx, dy, w) }},
			{"dW", func() { Mul(dw, dy.T(), x) }},
		} {
			measure(b, fmt.Sprintf("batch=%d,in=%d,out=%d/%s", batch, in, out, product.name), func() int {
				product.run()
				return 2 * batch * in * out
			})
		}
	}
}
