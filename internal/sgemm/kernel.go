package sgemm

// kernel is the part of a product that depends on the processor. Kernels round differently (with and without fused
// multiply-add), but each sums over k in order, one element after the other.
type kernel struct {
	rows, cols int // size of a tile

	// tile computes a tile of c, of kernel.cols columns and of up to kernel.rows rows, over k elements of each sum:
	// the product of rows of a and a packed panel, plus c if accumulate, plus bias unless it is empty, and then
	// the ReLU if relu.
	tile func(rows int, c []float32, cStride int, a []float32, aRowStride, aColStride int,
		panel []float32, k int, bias []float32, accumulate, relu bool)

	// pack copies a block of b, [k, kernel.cols], to a panel, in which each of its rows lies next to the one before.
	pack func(panel []float32, b Matrix)
}

// plain is the kernel for processors that have no other.
var plain = kernel{rows: 2, cols: 4, tile: tilePlain, pack: packPlain}

// tilePlain computes both rows of the tile at once, in as many sums as fit the registers. A single row counts twice.
func tilePlain(rows int, c []float32, cStride int, a []float32, aRowStride, aColStride int,
	panel []float32, k int, bias []float32, accumulate, relu bool) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	low := (rows - 1) * aRowStride
	for p := range k {
		b := (*[4]float32)(panel[4*p:])
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
	sums := [2][4]float32{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
	for i := range rows {
		finishPlain(c[i*cStride:], sums[i], bias, accumulate, relu)
	}
}

func finishPlain(c []float32, sums [4]float32, bias []float32, accumulate, relu bool) {
	for j, sum := range sums {
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

// packPlain packs blocks of any width.
func packPlain(panel []float32, b Matrix) {
	for p := range b.Rows {
		row := panel[p*b.Cols : (p+1)*b.Cols]
		for j := range row {
			row[j] = b.Data[p*b.RowStride+j*b.ColStride]
		}
	}
}
