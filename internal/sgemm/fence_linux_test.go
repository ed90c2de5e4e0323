package sgemm

import (
	"testing"

	"govae/internal/fencetest"
)

// TestNothingOutsideIsTouched multiplies matrices that lie right behind memory that must not be touched, or right before it:
// tiles of every size, over depths around the lanes of a register, stored by rows and by columns, and a so that it is packed.
func TestNothingOutsideIsTouched(t *testing.T) {
	const crowded = 512 // a stride
	var fields [4]fencetest.Field
	for i := range fields {
		fields[i] = fencetest.New(t, 4*(maxDepth+1)*(maxCols+1))
	}
	forKernels(t, func(t *testing.T) {
		for _, last := range []bool{false, true} {
			operand := func(i, rows, cols, stride int, transposed bool) Matrix {
				if transposed {
					rows, cols = cols, rows
				}
				stride = max(stride, cols)
				m := Matrix{fencetest.Slice[float32](fields[i], (rows-1)*stride+cols, last), rows, cols, stride, 1}
				if transposed {
					return m.T()
				}
				return m
			}
			multiply := func(m, k, n, aStride int, aTransposed, bTransposed bool) {
				c, bias := operand(0, m, n, 0, false), fencetest.Slice[float32](fields[1], n, last)
				multiplyOwn(c, operand(2, m, k, aStride, aTransposed), operand(3, k, n, 0, bTransposed), bias, true)
			}
			for m := 1; m <= best.rows+1; m++ {
				for _, k := range []int{1, 7, 8, 9, 16, 17} {
					for n := 1; n <= best.cols+1; n++ {
						for layout := range 4 {
							multiply(m, k, n, 0, layout&1 != 0, layout&2 != 0)
						}
					}
					multiply(m, k, 1, crowded, false, false)
					multiply(m, k, 1, crowded, true, false)
				}
			}
			for n := 1; n <= best.cols+1; n++ { // sums so long that c is read
				for m := 1; m <= best.rows; m++ {
					multiply(m, maxDepth+1, n, 0, true, false)
				}
			}
		}
	})
}
