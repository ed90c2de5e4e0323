//go:build amd64 && !noasm

package peak

import "golang.org/x/sys/cpu"

// Run keeps one core busy with fused multiply-adds and returns how many floating-point operations it did: 0 where
// there is no way to tell the peak.
func Run() int {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return 0
	}
	const n = 1 << 16
	multiplyAdds(n)
	return n * 12 * 8 * 2
}
