//go:build amd64 && !noasm

package philox

import "golang.org/x/sys/cpu"

// blocks is the fastest way to do what blocksPlain does that this processor, and its system, has.
var blocks = func() func(dst []uint32, counter [4]uint32, key [2]uint32) {
	if cpu.X86.HasAVX2 {
		return blocksOfAnyLengthAVX2
	}
	return blocksPlain
}()

// blocksOfAnyLengthAVX2 leaves the rest of 8 blocks to plain Go.
func blocksOfAnyLengthAVX2(dst []uint32, counter [4]uint32, key [2]uint32) {
	whole := len(dst) &^ 31
	if whole > 0 {
		blocksAVX2(dst[:whole], counter, key)
	}
	counter[0] += uint32(whole / 4)
	blocksPlain(dst[whole:], counter, key)
}
