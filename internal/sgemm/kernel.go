package sgemm

// kernel is the part of a product that depends on the processor. Kernels round differently (with and without fused
// multiply-add), but each sums over k in order, one element after the other.
type kernel struct {
	rows, cols int // of a tile, whose sums are in registers

	// band is about how many floats of a are multiplied with one panel of b after the other. They should stay in the
	// second-level cache from one panel to the next.
	band int

	// strip computes a strip of c, of any number of rows and of up to kernel.cols columns, over k elements of each sum:
	// the product of rows of a and a panel, which is a strip of b, plus c if accumulate, plus bias unless it
	// is empty, and then the ReLU if relu. Every kernel.rows rows of a begin aTileStride after those before.
	strip func(rows, width int, c []float32, cStride int, a []float32, aRowStride, aColStride, aTileStride int,
		b []float32, bStride, k int, bias []float32, accumulate, relu bool)

	// wholeRows says that strip reads kernel.cols elements of every row of b, whatever its width.
	wholeRows bool

	// transpose and copyRows copy b, [k, cols], to a panel, in which it is stored by rows: the one if it is stored by
	// columns, the other if by rows. They may write anything to the rest of the panel's rows, up to a multiple of
	// 4 columns, and to packSlack elements beyond. Those that are nil are left to plain Go.
	transpose, copyRows func(panel []float32, panelStride int, b []float32, bStride, cols, k int)
}

const (
	maxCols   = 32                       // of any kernel
	maxLanes  = maxCols / 2              // of a register
	packSlack = maxCols * (maxLanes - 1) // the rows that a transposition writes beyond the last
)

// pack copies b, of up to kernel.cols columns, to a panel whose rows are stride apart, a multiple of 4.
func (k *kernel) pack(panel []float32, stride int, b Matrix) {
	switch {
	case b.ColStride == 1 && k.copyRows != nil:
		k.copyRows(panel, stride, b.Data, b.RowStride, b.Cols, b.Rows)
	case b.RowStride == 1 && k.transpose != nil:
		k.transpose(panel, stride, b.Data, b.ColStride, b.Cols, b.Rows)
	default:
		for p := range b.Rows {
			for j := range b.Cols {
				panel[p*stride+j] = b.Data[p*b.RowStride+j*b.ColStride]
			}
		}
	}
}

// plain is the kernel for processors that have no other.
var plain = kernel{rows: 2, cols: plainCols, band: 96 << 10, strip: stripPlain, wholeRows: true}

const plainCols = 4

// stripPlain computes two rows at a time, in as many sums as fit the registers. A single row counts twice.
func stripPlain(rows, width int, c []float32, cStride int, a []float32, aRowStride, aColStride, aTileStride int,
	b []float32, bStride, k int, bias []float32, accumulate, relu bool) {
	for i := 0; i < rows; i += 2 {
		two := min(2, rows-i)
		sums := tilePlain(a[i/2*aTileStride:], (two-1)*aRowStride, aColStride, b, bStride, k)
		for r := range two {
			finishPlain(c[(i+r)*cStride:][:width], sums[r], bias, accumulate, relu)
		}
	}
}

// tilePlain multiplies the first row of a, and the one that lies low after it, with four columns of b.
func tilePlain(a []float32, low, aColStride int, b []float32, bStride, k int) [2][plainCols]float32 {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for p := range k {
		b := (*[plainCols]float32)(b[p*bStride:])
		a0, a1 := a[p*aColStride], a[p*aColStride+low]
		s00 += a0 * b[0]
		s01 += a0 * b[1]
		s02 += a0 * b[2]
		s03 += a0 * b[3]
		s10 += a1 * b[0]
		s11 += a1 * b[1]
		s12 += a1 * b[2]
		s13 += a1 * b[3]
	}
	return [2][plainCols]float32{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}

func finishPlain(c []float32, sums [plainCols]float32, bias []float32, accumulate, relu bool) {
	for j := range c {
		sum := sums[j]
		if accumulate {
			sum += c[j]
		}
		if len(bias) != 0 {
			sum += bias[j]
		}
		if relu && sum < 0 {
			sum = 0
		}
		c[j] = sum
	}
}
