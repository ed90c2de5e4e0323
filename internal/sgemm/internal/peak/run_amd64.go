//go:build amd64 && !noasm

package peak

import "golang.org/x/sys/cpu"

// Run keeps one core busy with fused multiply-adds of the widest kind and returns how many floating-point operations it
// did: 0 where there is no way to tell the peak.
func Run() int {
	const n = 1 << 16
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ:
		multiplyAddsAVX512(n)
		return n * 12 * 16 * 2
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		multiplyAddsAVX2(n)
		return n * 12 * 8 * 2
	}
	return 0
}
