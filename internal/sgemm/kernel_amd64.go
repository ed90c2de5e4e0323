//go:build amd64 && !noasm

package sgemm

import "golang.org/x/sys/cpu"

// kernels are those that this processor, and its system, can run, the fastest first.
var kernels = func() []*kernel {
	found := []*kernel{&plain}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		found = append([]*kernel{&avx2}, found...)
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI2 {
		found = append([]*kernel{&avx512}, found...)
	}
	return found
}()

var (
	avx2   = kernel{rows: 6, cols: 16, band: 96 << 10, strip: stripAVX2, wholeRows: true, transpose: transposeAVX2, copyRows: copyRowsAVX2}
	avx512 = kernel{rows: 12, cols: 32, band: 256 << 10, strip: stripAVX512, transpose: transposeAVX512, copyRows: copyRowsAVX512}
)
