// Package vec computes elementwise functions of float32 slices. Where a function has dst and sources,
// all have the same length, and dst may be one of the sources.
package vec

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// Add computes dst = dst + x.
func Add(dst, x []float32) { vek32.Add_Inplace(dst, x) }

// Scale computes dst = x · by.
func Scale(dst, x []float32, by float32) {
	load(dst, x)
	vek32.MulNumber_Inplace(dst, by)
}

// Sum returns Σ x.
func Sum(x []float32) float32 { return vek32.Sum(x) }

// Dot returns Σ x·y.
func Dot(x, y []float32) float32 { return vek32.Dot(x, y) }

// Between these bounds vek32.Exp is right to 4e-6; outside, it returns garbage (−4e33 for exp(−100)).
// At the bounds exp is 1e-38 and 2e38, as far as float32 goes.
const (
	minExp = -87
	maxExp = 88
)

// Exp computes dst = exp(x), with x held between −87 and 88. A NaN may become a number.
func Exp(dst, x []float32) {
	load(dst, x)
	vek32.MaximumNumber_Inplace(dst, minExp)
	vek32.MinimumNumber_Inplace(dst, maxExp)
	vek32.Exp_Inplace(dst)
}

// LogisticTail computes dst = log(1 + exp(−|x|)), what softplus(x) = log(1 + exp x) is more than max(x, 0).
// It never overflows.
func LogisticTail(dst, x []float32) {
	load(dst, x)
	vek32.Abs_Inplace(dst)
	vek32.Neg_Inplace(dst)
	Exp(dst, dst)
	vek32.AddNumber_Inplace(dst, 1)
	vek32.Log_Inplace(dst)
}

// Sigmoid computes dst = 1 / (1 + exp(−x)).
func Sigmoid(dst, x []float32) {
	load(dst, x)
	vek32.Neg_Inplace(dst)
	Exp(dst, dst)
	vek32.AddNumber_Inplace(dst, 1)
	vek32.Inv_Inplace(dst)
}

// Tanh computes dst = tanh x, as 1 − 2 / (1 + exp(2x)).
func Tanh(dst, x []float32) {
	Scale(dst, x, 2)
	Exp(dst, dst)
	vek32.AddNumber_Inplace(dst, 1)
	vek32.Inv_Inplace(dst)
	vek32.MulNumber_Inplace(dst, -2)
	vek32.AddNumber_Inplace(dst, 1)
}

// ReLU computes dst = max(x, 0).
func ReLU(dst, x []float32) {
	load(dst, x)
	vek32.MaximumNumber_Inplace(dst, 0)
}

// load copies x to dst, unless they are the same. vek32 computes in place or between slices that do not overlap.
func load(dst, x []float32) {
	if len(x) > 0 && &dst[0] != &x[0] {
		copy(dst, x)
	}
}

// ReLUGradient computes dst = dy where y > 0, else 0, for y = ReLU(x).
func ReLUGradient(dst, y, dy []float32) {
	dst, dy = dst[:len(y)], dy[:len(y)]
	for i, v := range y {
		// y is never negative, so y > 0 means that some bit is set. A branch would be guessed wrong half the time.
		bits := int32(math.Float32bits(v))
		mask := uint32((bits | -bits) >> 31)
		dst[i] = math.Float32frombits(math.Float32bits(dy[i]) & mask)
	}
}

// TanhGradient computes dst = dy · (1 − y²), for y = tanh x.
func TanhGradient(dst, y, dy []float32) {
	dst, dy = dst[:len(y)], dy[:len(y)]
	for i, v := range y {
		dst[i] = dy[i] * (1 - v*v)
	}
}

// SigmoidGradient computes dst = dy · y · (1 − y), for y = sigmoid(x).
func SigmoidGradient(dst, y, dy []float32) {
	dst, dy = dst[:len(y)], dy[:len(y)]
	for i, v := range y {
		dst[i] = dy[i] * v * (1 - v)
	}
}

// Adam computes one update of Kingma and Ba (arXiv:1412.6980, algorithm 1):
//
//	m = β₁·m + (1−β₁)·g
//	v = β₂·v + (1−β₂)·g²
//	w = w − rate · m / (√v·correction + ε)
//
// where the caller has put the correction of m into rate, rate = α / (1−β₁ᵗ), and that of v into
// correction = 1 / √(1−β₂ᵗ).
func Adam(w, m, v, g []float32, beta1, beta2, rate, correction, epsilon float32) {
	m, v, g = m[:len(w)], v[:len(w)], g[:len(w)]
	for i, gi := range g {
		m[i] = beta1*m[i] + (1-beta1)*gi
		v[i] = beta2*v[i] + (1-beta2)*gi*gi
		root := float32(math.Sqrt(float64(v[i])))
		w[i] -= rate * m[i] / (root*correction + epsilon)
	}
}
