// Package sgemm multiplies single-precision matrices.
//
// It is the blocked algorithm of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), in
// the form that Van Zee and van de Geijn give it in "BLIS: a framework for rapidly instantiating BLAS functionality"
// (2015): a small kernel computes c tile by tile, a tile's sums in registers, downwards along a panel of b, which so stays
// in the caches: in the first level if it is narrow or the sums are short, and at most 64 KiB in the second. Unlike
// theirs, a panel is packed only where the kernel cannot read b in place (it is not stored by rows, or some kernels would
// read beyond its last column), and a only where its elements compete for the same places of the caches.
//
// Every element of c is summed over k in the same order on any number of cores, so its bits are the same too.
// They do differ from one kind of processor to another, by rounding: see kernel.
//
// Under the build tag openblas, the system's OpenBLAS multiplies instead, through cgo: see openblas.go.
package sgemm

import "fmt"

//go:generate env GOWORK=off go run -C _asm ./tile -out ../tile_amd64.s -stubs ../tile_amd64.go -pkg sgemm

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

// from returns the elements from (i, j) on.
func (m Matrix) from(i, j int) []float32 { return m.Data[i*m.RowStride+j*m.ColStride:] }

// block returns the view of the given rows and columns.
func (m Matrix) block(top, rows, left, cols int) Matrix {
	return Matrix{m.from(top, left), rows, cols, m.RowStride, m.ColStride}
}

// Mul computes c = a·b. c must be stored row by row (ColStride 1) and overlap neither a nor b.
// It panics where the shapes do not fit.
func Mul(c, a, b Matrix) { MulBias(c, a, b, nil, false) }

// MulBias computes c = relu?(a·b + bias), with bias, of c.Cols elements, added to every row of c; nil adds nothing.
// Otherwise it is Mul. ReLU keeps NaN.
func MulBias(c, a, b Matrix, bias []float32, relu bool) {
	check(c, a, b, bias)
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	multiply(c, a, b, bias, relu)
}

// multiplyOwn is MulBias by the product of this package, of matrices that fit each other and a c that is not empty.
func multiplyOwn(c, a, b Matrix, bias []float32, relu bool) {
	p := products.Get().(*product)
	p.run(c, a, b, bias, relu)
	products.Put(p)
}

// check panics where MulBias would read or write outside a matrix.
func check(c, a, b Matrix, bias []float32) {
	c.check("c")
	a.check("a")
	b.check("b")
	if a.Cols != b.Rows || c.Rows != a.Rows || c.Cols != b.Cols {
		panic(fmt.Sprintf("sgemm: a [%d, %d] · b [%d, %d] does not fit c [%d, %d]",
			a.Rows, a.Cols, b.Rows, b.Cols, c.Rows, c.Cols))
	}
	if c.Cols > 1 && c.ColStride != 1 || c.Rows > 1 && c.RowStride < c.Cols {
		panic(fmt.Sprintf("sgemm: c [%d, %d] must be stored row by row, its strides are %d and %d",
			c.Rows, c.Cols, c.RowStride, c.ColStride))
	}
	if bias != nil && len(bias) != c.Cols {
		panic(fmt.Sprintf("sgemm: bias has %d elements, c has %d columns", len(bias), c.Cols))
	}
}

func (m Matrix) check(name string) {
	if m.Rows < 0 || m.Cols < 0 || m.RowStride < 0 || m.ColStride < 0 {
		panic(fmt.Sprintf("sgemm: %s [%d, %d] with strides %d and %d: none may be negative",
			name, m.Rows, m.Cols, m.RowStride, m.ColStride))
	}
	if m.Rows > 0 && m.Cols > 0 && !m.fits() {
		panic(fmt.Sprintf("sgemm: %s [%d, %d] with strides %d and %d does not fit its %d elements",
			name, m.Rows, m.Cols, m.RowStride, m.ColStride, len(m.Data)))
	}
}

// fits reports whether Data has the last element of m, which is not empty. It divides, because a product may wrap around.
func (m Matrix) fits() bool {
	left := len(m.Data) - 1
	if m.Rows > 1 && m.RowStride > left/(m.Rows-1) {
		return false
	}
	left -= (m.Rows - 1) * m.RowStride
	return left >= 0 && (m.Cols == 1 || m.ColStride <= left/(m.Cols-1))
}
