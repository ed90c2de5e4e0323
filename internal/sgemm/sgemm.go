// Package sgemm multiplies single-precision matrices.
package sgemm

// Matrix is a view of a matrix: element (i, j) is Data[i·RowStride + j·ColStride].
type Matrix struct {
	Data                 []float32
	Rows, Cols           int
	RowStride, ColStride int
}

// RowMajor returns a view of data as a rows × cols matrix stored row by row.
func RowMajor(data []float32, rows, cols int) Matrix {
	return Matrix{data, rows, cols, cols, 1}
}

// T returns the transposed view.
func (m Matrix) T() Matrix {
	return Matrix{m.Data, m.Cols, m.Rows, m.ColStride, m.RowStride}
}

// Mul computes c = a·b. c must be stored row by row (ColStride 1) and overlap neither a nor b.
// It panics where the shapes do not fit.
func Mul(c, a, b Matrix) { panic("being written") }

// MulBias computes c = relu?(a·b + bias), with bias added to every row of c.
func MulBias(c, a, b Matrix, bias []float32, relu bool) { panic("being written") }
