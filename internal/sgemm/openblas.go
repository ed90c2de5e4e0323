//go:build openblas

// Under the tag openblas, products are left to the system's OpenBLAS where a BLAS can do them, and made by this package
// where not. OpenBLAS keeps to the thread that calls it, and c is divided among the threads of package parallel: threads
// of its own would spin on after a call, in the way of what comes next, and the bits of c would depend on their number.

package sgemm

import (
	"sync"

	"gonum.org/v1/gonum/blas"

	"govae/internal/parallel"
	"govae/internal/sgemm/internal/openblas"
	"govae/internal/vec"
)

// multiply is MulBias, of matrices that fit each other and a c that is not empty.
func multiply(c, a, b Matrix, bias []float32, relu bool) {
	left, leftFits := operandOf(a)
	right, rightFits := operandOf(b)
	if !leftFits || !rightFits || a.Cols == 0 {
		multiplyOwn(c, a, b, bias, relu)
		return
	}
	p := blasProducts.Get().(*blasProduct)
	p.run(c, left, right, bias, relu)
	blasProducts.Put(p)
}

// operand is a matrix in the form that a BLAS takes.
type operand struct {
	Matrix
	stored  blas.Transpose // by rows: NoTrans; by columns: Trans
	leading int            // leading dimension, the elements from one row (or column) to the next
}

// operandOf returns m in the form that a BLAS takes. It fits if its rows, or its columns, are each in one piece and do
// not overlap.
func operandOf(m Matrix) (o operand, fits bool) {
	switch {
	case (m.ColStride == 1 || m.Cols == 1) && (m.RowStride >= m.Cols || m.Rows == 1):
		return operand{m, blas.NoTrans, max(m.RowStride, m.Cols)}, true
	case (m.RowStride == 1 || m.Rows == 1) && m.ColStride >= m.Rows:
		return operand{m, blas.Trans, m.ColStride}, true
	}
	return operand{}, false
}

// blasProduct is one call of multiply.
type blasProduct struct {
	c    Matrix
	a, b operand
	bias []float32
	relu bool

	body func(start, end int) // p.slice, kept because making it allocates
}

// blasProducts are kept for reuse.
var blasProducts = sync.Pool{New: func() any {
	p := new(blasProduct)
	p.body = p.slice
	return p
}}

// c is divided along its longer side, into 4, 8, 16, … slices of at most maxSlice, which depend on nothing but that side: enough
// for a few cores to share, and not many, because OpenBLAS packs the operand of the other side anew for each.
const (
	minSlices = 4
	maxSlice  = 256
)

func (p *blasProduct) run(c Matrix, a, b operand, bias []float32, relu bool) {
	p.c, p.a, p.b, p.bias, p.relu = c, a, b, bias, relu
	side := max(c.Rows, c.Cols)
	slices := minSlices
	for side > slices*maxSlice {
		slices *= 2
	}
	parallel.For(side, ceilDiv(side, slices), p.body)
	p.c, p.a, p.b, p.bias = Matrix{}, operand{}, operand{}, nil // keep no memory of the caller alive
}

// slice computes what lies between start and end on the longer side of c.
func (p *blasProduct) slice(start, end int) {
	if p.c.Rows > p.c.Cols {
		p.block(start, end, 0, p.c.Cols)
	} else {
		p.block(0, p.c.Rows, start, end)
	}
}

// block computes the rows [top, bottom) and columns [left, right) of c, and passes over them again for bias and ReLU
// while they are in the cache.
func (p *blasProduct) block(top, bottom, left, right int) {
	openblas.Implementation{}.Sgemm(p.a.stored, p.b.stored, bottom-top, right-left, p.a.Cols,
		1, p.a.from(top, 0), p.a.leading, p.b.from(0, left), p.b.leading,
		0, p.c.from(top, left), max(p.c.RowStride, p.c.Cols))
	if p.bias == nil && !p.relu {
		return
	}
	for i := top; i < bottom; i++ {
		row := p.c.from(i, left)[:right-left]
		if p.bias != nil {
			vec.Add(row, p.bias[left:right])
		}
		if p.relu {
			vec.ReLU(row, row)
		}
	}
}
