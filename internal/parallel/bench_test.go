package parallel

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkHandOver is the time from the start of a loop of two blocks to the moment at which the second of them
// begins, on the other core. The median is reported, because on a busy machine the other core is often not to be had.
func BenchmarkHandOver(b *testing.B) {
	const work = 20 * time.Microsecond
	var begun [2]time.Time
	var delays []time.Duration
	for b.Loop() {
		start := time.Now()
		For(2, 1, func(block, _ int) {
			begun[block] = time.Now()
			for time.Since(begun[block]) < work {
			}
		})
		delays = append(delays, max(begun[0].Sub(start), begun[1].Sub(start)))
	}
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2].Nanoseconds()), "median-ns")
	b.ReportMetric(float64(delays[len(delays)/10].Nanoseconds()), "fastest-tenth-ns")
}
