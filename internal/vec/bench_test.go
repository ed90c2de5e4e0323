package vec

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkKernels measures each function on one core: in the second-level cache (16,384 elements), or, for Adam, Bytes and
// SumRows, on what a training step of the default network has; Adam in both. GB/s counts every slice that is read or written.
// What the machine can do are the copies: of slices in the second-level cache, of as much as Adam's, and of more than any cache
// holds.
func BenchmarkKernels(b *testing.B) {
	const n, batch, hidden, weights, pixels = 1 << 14, 128, 400, 652824, 128 * 784
	x, y, z, dst := normal(n), normal(n), normal(n), normal(n)
	w, m, v, g := normal(weights), normal(weights), make([]float32, weights), normal(weights)
	words, activations, sums := randomWords(n), normal(batch*hidden), make([]float32, hidden)
	image, values := make([]byte, pixels), make([]float32, pixels)
	from, to := make([]float32, 1<<24), make([]float32, 1<<24)
	for i := range from {
		from[i], to[i] = 1, 1 // has the system provide the memory
	}
	for _, k := range []struct {
		name     string
		elements int
		bytes    int // moved for each element
		run      func()
	}{
		{"copy/cache", n, 8, func() { copy(dst, x) }},
		{"copy/Adam", 2 * weights, 8, func() { copy(to[:2*weights], from) }},
		{"copy/memory", len(to), 8, func() { copy(to, from) }},
		{"Add", n, 12, func() { Add(dst, x) }},
		{"Scale", n, 8, func() { Scale(dst, x, 1.5) }},
		{"Sigmoid", n, 8, func() { Sigmoid(dst, x) }},
		{"Tanh", n, 8, func() { Tanh(dst, x) }},
		{"ReLU", n, 8, func() { ReLU(dst, x) }},
		{"SigmoidGradient", n, 12, func() { SigmoidGradient(dst, x, y) }},
		{"TanhGradient", n, 12, func() { TanhGradient(dst, x, y) }},
		{"ReLUGradient", n, 12, func() { ReLUGradient(dst, x, y) }},
		{"BernoulliLogLikelihood", n, 8, func() { BernoulliLogLikelihood(x, y) }},
		{"BernoulliLogLikelihoodGradient", n, 12, func() { BernoulliLogLikelihoodGradient(dst, x, y, 2) }},
		{"StandardNormalKL", n, 8, func() { StandardNormalKL(x, y) }},
		{"StandardNormalKLGradient", n, 8, func() { StandardNormalKLGradient(dst, x, 2) }},
		{"Reparameterize", n, 16, func() { Reparameterize(dst, x, y, z) }},
		{"ReparameterizeGradient", n, 16, func() { ReparameterizeGradient(dst, x, y, z) }},
		{"Adam", weights, 28, func() { Adam(w, m, v, g, 0.9, 0.999, 1e-6, 1, 1e-8) }},
		{"Adam/cache", n, 28, func() { Adam(w[:n], m[:n], v[:n], g[:n], 0.9, 0.999, 1e-6, 1, 1e-8) }},
		{"Bytes", pixels, 5, func() { Bytes(values, image) }},
		{"BoxMuller", n, 8, func() { BoxMuller(dst, words) }},
		{"SumRows", batch * hidden, 4, func() { SumRows(sums, activations, hidden, batch) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.run()
			}
			elements := float64(k.elements) * float64(b.N)
			nanoseconds := float64(b.Elapsed().Nanoseconds())
			b.ReportMetric(nanoseconds/elements, "ns/element")
			b.ReportMetric(elements*float64(k.bytes)/nanoseconds, "GB/s")
		})
	}
}

func normal(n int) []float32 {
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}
