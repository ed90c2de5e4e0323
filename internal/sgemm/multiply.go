//go:build !openblas

package sgemm

// multiply is MulBias, of matrices that fit each other and a c that is not empty.
func multiply(c, a, b Matrix, bias []float32, relu bool) { multiplyOwn(c, a, b, bias, relu) }
