//go:build cuda

package cuda

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
)

// repeats is how many times a graph makes the launch that is timed: what it costs to begin a graph is then next to nothing.
const repeats = 20

// BenchmarkProducts times each product of a training step by itself: at two of the shapes of docs/performance.md, with the tiles
// that a plan chooses for this card, in each precision. Where a product ends in an update by Adam, it makes the gradients instead.
// A name has m, n and k. What counts is ns/launch: of launches there are some more than operations.
func BenchmarkProducts(b *testing.B) {
	for _, shape := range []struct {
		name   string
		hidden []int
		latent int
		batch  int
	}{{"a", []int{400}, 20, 128}, {"d", []int{2048, 2048}, 128, 512}} {
		for _, precision := range []machine.Precision{machine.Float32, machine.TF32} {
			j := machine.Job{Model: model.DefaultConfig(), Settings: machine.DefaultSettings(), Precision: precision}
			j.Model.Hidden, j.Model.Latent, j.Settings.Batch = shape.hidden, shape.latent, shape.batch
			b.Run(fmt.Sprintf("%s/%s", shape.name, precision), func(b *testing.B) { benchmarkProducts(b, j) })
		}
	}
}

func benchmarkProducts(b *testing.B, j machine.Job) {
	card := newBench(b)
	if j.Precision == machine.TF32 && card.device.Capability < tensorCores {
		b.Skipf("%s has no %s", card.device.Name, j.Precision)
	}
	timed := make(map[string]bool)
	for _, l := range stepOf(b, j, card.device.Multiprocessors).Launches {
		if !strings.HasPrefix(l.Kernel, "dense_") {
			continue
		}
		args, size := card.operands(l.Args)
		name := l.Kernel + "/" + size
		if timed[name] {
			continue
		}
		timed[name] = true
		run := card.capture(slices.Repeat([]launch{{l.Kernel, l.X, l.Y, args}}, repeats)...)
		b.Run(name, func(b *testing.B) {
			graphs := (b.N + repeats - 1) / repeats
			if err := run(graphs); err != nil {
				b.Fatal(err)
			}
			if err := card.device.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(graphs*repeats), "ns/launch")
		})
	}
}

// stepOf returns the plan of a job's training step.
func stepOf(b *testing.B, j machine.Job, multiprocessors int) *plan.Plan {
	b.Helper()
	network, err := model.New(j.Model, model.Train, j.Settings.Batch, nil)
	if err != nil {
		b.Fatal(err)
	}
	gradients, err := network.Gradients()
	if err != nil {
		b.Fatal(err)
	}
	p, err := plan.Compile(network, gradients, (&gpu{job: j, multiprocessors: multiprocessors}).options(plan.Train))
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// operands returns the arguments of a product with random operands in the place of a plan's, and its size.
func (b *bench) operands(args any) (memoryOfArgs []byte, size string) {
	b.Helper()
	random := func(rows, cols int32) kernels.Ptr {
		_, p := b.random(int(rows * cols))
		return p
	}
	name := func(m, n, k int32) string { return fmt.Sprintf("%dx%dx%d", m, n, k) }
	switch planned := args.(type) {
	case *kernels.DenseForwardArgs:
		a := *planned
		a.X, a.W, a.B, a.Y = random(a.M, a.K), random(a.N, a.K), random(1, a.N), random(a.M, a.N)
		return memory([]kernels.DenseForwardArgs{a}), name(a.M, a.N, a.K)
	case *kernels.DenseInputGradientArgs:
		a := *planned
		a.DA, a.W, a.DX = random(a.M, a.K), random(a.K, a.N), random(a.M, a.N)
		if a.Y != 0 {
			a.Y = random(a.M, a.N)
		}
		return memory([]kernels.DenseInputGradientArgs{a}), name(a.M, a.N, a.K)
	case *kernels.DenseUpdateArgs:
		a := kernels.DenseUpdateArgs{M: planned.M, N: planned.N, K: planned.K}
		a.DA, a.X, a.DW, a.DB = random(a.K, a.M), random(a.K, a.N), random(a.M, a.N), random(1, a.M)
		return memory([]kernels.DenseUpdateArgs{a}), name(a.M, a.N, a.K)
	}
	b.Fatalf("%T are not the arguments of a product", args)
	return nil, ""
}
