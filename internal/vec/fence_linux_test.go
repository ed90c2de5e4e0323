package vec

import (
	"testing"

	"govae/internal/fencetest"
)

// TestNothingOutsideIsTouched calls every function with slices of every length up to 100 that lie right behind memory that must
// not be touched, or right before it.
func TestNothingOutsideIsTouched(t *testing.T) {
	var fields [4]fencetest.Field
	for i := range fields {
		fields[i] = fencetest.New(t, 4*3*101)
	}
	forEachKernel(t, func(t *testing.T) {
		for _, last := range []bool{false, true} {
			for n := range 101 {
				var x [len(fields)][]float32
				for i, f := range fields {
					x[i] = fencetest.Slice[float32](f, n, last)
				}
				for _, f := range elementwise {
					f.compute(x[0], x[1:1+len(f.sources)])
				}
				for _, f := range sums {
					f.compute(x[0], x[1])
				}
				Adam(x[0], x[1], x[2], x[3], 0.75, 0.75, 1, 1, 1)
				Bytes(x[0], fencetest.Slice[byte](fields[1], n, last))
				BoxMuller(x[0], fencetest.Slice[uint32](fields[1], n+n%2, last))
				for rows := 1; rows <= 3; rows++ {
					stride := n + 1
					SumRows(x[0], fencetest.Slice[float32](fields[1], (rows-1)*stride+n, last), stride, rows)
				}
			}
		}
	})
}
