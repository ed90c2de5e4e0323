package philox

import "testing"

// BenchmarkNormal measures the ε of a training step of the default network, on one core.
func BenchmarkNormal(b *testing.B) { benchmark(b, (*Source).Normal) }

func BenchmarkUniform(b *testing.B) {
	benchmark(b, func(s *Source, dst []float32) { s.Uniform(dst, -1, 1) })
}

func benchmark(b *testing.B, draw func(s *Source, dst []float32)) {
	s, dst := New(1, Epsilon, 0), make([]float32, 128*20)
	b.ReportAllocs()
	for b.Loop() {
		draw(s, dst)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(dst)), "ns/element")
}
