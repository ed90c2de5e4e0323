//go:build amd64 && !noasm

package vec

import "golang.org/x/sys/cpu"

// best are the fastest kernels that this processor, and its system, can run.
var best = func() *kernels {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		return &avx2
	}
	return &plain
}()

var avx2 = kernels{
	add:                      addAVX2,
	scale:                    scaleAVX2,
	sigmoid:                  sigmoidAVX2,
	tanh:                     tanhAVX2,
	relu:                     reluAVX2,
	sigmoidGradient:          sigmoidGradientAVX2,
	tanhGradient:             tanhGradientAVX2,
	reluGradient:             reluGradientAVX2,
	bernoulliLogLikelihood:   bernoulliLogLikelihoodAVX2,
	bernoulliGradient:        bernoulliGradientAVX2,
	standardNormalKL:         standardNormalKLAVX2,
	standardNormalKLGradient: standardNormalKLGradientAVX2,
	reparameterize:           reparameterizeAVX2,
	reparameterizeGradient:   reparameterizeGradientAVX2,
	adam:                     adamAVX2,
	bytes:                    bytesOfAnyLengthAVX2,
	boxMuller:                boxMullerOfAnyLengthAVX2,
	sumRows:                  sumRowsAVX2,
}

// bytesOfAnyLengthAVX2 leaves the rest of a vector to plain Go, which rounds to nearest too. There is no masked load of bytes.
func bytesOfAnyLengthAVX2(dst []float32, b []byte) {
	whole := len(dst) &^ 7
	bytesAVX2(dst[:whole], b[:whole])
	bytesPlain(dst[whole:], b[whole:])
}

// boxMullerOfAnyLengthAVX2 takes the rest of 16 numbers through the same kernel, in a copy, so that they do not depend on where they are.
func boxMullerOfAnyLengthAVX2(dst []float32, words []uint32) {
	whole := len(dst) &^ 15
	boxMullerAVX2(dst[:whole], words[:whole])
	if whole < len(dst) {
		var (
			rest      [16]float32
			restWords [16]uint32
		)
		copy(restWords[:], words[whole:])
		boxMullerAVX2(rest[:], restWords[:])
		copy(dst[whole:], rest[:])
	}
}
