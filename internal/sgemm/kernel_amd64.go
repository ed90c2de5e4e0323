//go:build amd64 && !noasm

package sgemm

import "golang.org/x/sys/cpu"

// best is the fastest kernel that this processor, and its system, can run.
var best = func() *kernel {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		return &avx2
	}
	return &plain
}()

var avx2 = kernel{rows: 6, cols: 16, tile: tileAVX2, pack: packAVX2}

func packAVX2(panel []float32, b Matrix) {
	switch {
	case b.ColStride == 1:
		packRowsAVX2(panel, b.Data, b.RowStride, b.Rows)
	case b.RowStride == 1 && b.Rows >= 8:
		whole := b.Rows &^ 7
		packColumnsAVX2(panel, b.Data, b.ColStride, whole)
		b.Data, b.Rows = b.Data[whole:], b.Rows-whole
		packPlain(panel[whole*b.Cols:], b)
	default:
		packPlain(panel, b)
	}
}
