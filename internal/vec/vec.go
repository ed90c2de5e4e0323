// Package vec computes functions of float32 slices, each in one pass. Where a function does not say otherwise, all slices of a
// call must have the same length: that of the first counts, and a call panics where another has not the capacity for it. dst may
// be one of the sources, but must not overlap one otherwise.
//
// On processors with AVX2 and FMA the loops are assembly, elsewhere plain Go. The two may round differently, but on one machine
// what becomes of an element depends on nothing but its value, and a sum's order on nothing but its length.
package vec

//go:generate env GOWORK=off go run -C _asm . -out ../avx2_amd64.s -stubs ../avx2_amd64.go -pkg vec

// Add computes dst = dst + x.
func Add(dst, x []float32) { best.add(dst, x[:len(dst)]) }

// Scale computes dst = x · by.
func Scale(dst, x []float32, by float32) { best.scale(dst, x[:len(dst)], by) }

// Sigmoid computes dst = 1 / (1 + exp(−x)). Of x below −87 it may make exp(−87).
func Sigmoid(dst, x []float32) { best.sigmoid(dst, x[:len(dst)]) }

// Tanh computes dst = tanh x.
func Tanh(dst, x []float32) { best.tanh(dst, x[:len(dst)]) }

// ReLU computes dst = max(x, 0), and keeps NaN.
func ReLU(dst, x []float32) { best.relu(dst, x[:len(dst)]) }

// SigmoidGradient computes dst = dy · y · (1 − y), for y = sigmoid(x).
func SigmoidGradient(dst, y, dy []float32) {
	best.sigmoidGradient(dst, y[:len(dst)], dy[:len(dst)])
}

// TanhGradient computes dst = dy · (1 − y²), for y = tanh x.
func TanhGradient(dst, y, dy []float32) { best.tanhGradient(dst, y[:len(dst)], dy[:len(dst)]) }

// ReLUGradient computes dst = dy where y > 0, else 0, for y = ReLU(x).
func ReLUGradient(dst, y, dy []float32) { best.reluGradient(dst, y[:len(dst)], dy[:len(dst)]) }

// BernoulliLogLikelihood returns Σ x·l − max(l, 0) − log(1 + exp(−|l|)), which is Σ x·log p + (1−x)·log(1−p)
// for p = sigmoid(l).
func BernoulliLogLikelihood(l, x []float32) float32 {
	return best.bernoulliLogLikelihood(l, x[:len(l)])
}

// BernoulliLogLikelihoodGradient computes dst = scale · (x − sigmoid(l)), the derivative with respect to l.
func BernoulliLogLikelihoodGradient(dst, l, x []float32, scale float32) {
	best.bernoulliGradient(dst, l[:len(dst)], x[:len(dst)], scale)
}

// StandardNormalKL returns Σ ½ · (μ² + exp(logVar) − 1 − logVar), the divergence of N(μ, exp(logVar)) from N(0, I).
func StandardNormalKL(mean, logVar []float32) float32 {
	return best.standardNormalKL(mean, logVar[:len(mean)])
}

// StandardNormalKLGradient computes dst = scale · ½ · (exp(logVar) − 1), the derivative with respect to logVar.
// That with respect to the mean is Scale(dst, mean, scale).
func StandardNormalKLGradient(dst, logVar []float32, scale float32) {
	best.standardNormalKLGradient(dst, logVar[:len(dst)], scale)
}

// Reparameterize computes dst = μ + exp(½·logVar) · ε.
func Reparameterize(dst, mean, logVar, epsilon []float32) {
	best.reparameterize(dst, mean[:len(dst)], logVar[:len(dst)], epsilon[:len(dst)])
}

// ReparameterizeGradient computes dst = dz · ½·exp(½·logVar) · ε, the derivative with respect to logVar.
func ReparameterizeGradient(dst, logVar, epsilon, dz []float32) {
	best.reparameterizeGradient(dst, logVar[:len(dst)], epsilon[:len(dst)], dz[:len(dst)])
}

// Adam computes one update of Kingma and Ba (arXiv:1412.6980, algorithm 1):
//
//	m = β₁·m + (1−β₁)·g
//	v = β₂·v + (1−β₂)·g²
//	w = w − rate · m / (√v·correction + ε)
//
// where the caller has put the correction of m into rate, rate = α / (1−β₁ᵗ), and that of v into
// correction = 1 / √(1−β₂ᵗ).
//
// Where m or v becomes subnormal it is made 0. Without gradients it decays to that within a thousand steps, and then stays,
// because 0.9 times a few of the smallest number rounds to as many; and arithmetic with subnormal numbers is slow. The AVX2
// kernel also takes subnormal numbers of w and g for 0, and makes a w that becomes subnormal 0.
//
// It tells whether every new w, m and v is finite, and updates all the elements in either case. An infinite v is easily missed:
// its w no longer moves. An m that is not finite makes its w so too.
func Adam(w, m, v, g []float32, beta1, beta2, rate, correction, epsilon float32) (finite bool) {
	n := len(w)
	return best.adam(w, m[:n], v[:n], g[:n], beta1, beta2, rate, correction, epsilon) == 0
}

// Bytes computes dst = b / 255, rounded to nearest.
func Bytes(dst []float32, b []byte) { best.bytes(dst, b[:len(dst)]) }

// BoxMuller makes pairs of independent numbers from N(0, 1) out of pairs of uniformly distributed words:
//
//	dst₂ᵢ, dst₂ᵢ₊₁ = √(−2·log u)·(cos α, sin α),  u = (words₂ᵢ+½) / 2³²,  α = 2π·words₂ᵢ₊₁ / 2³²
//
// to 3·2⁻²³ of a number's size, or 1e-14 near zero. Of an odd dst the last pair's second number is left out, but words has both its
// words.
func BoxMuller(dst []float32, words []uint32) {
	best.boxMuller(dst, words[:len(dst)+len(dst)%2])
}

// SumRows computes dst = Σᵢ m[i·stride : i·stride+len(dst)] for i < rows, each column from its first row to its last, and 0 without
// rows. It panics where m is too short for that. dst must not overlap m.
func SumRows(dst, m []float32, stride, rows int) {
	if rows <= 0 {
		clear(dst)
		return
	}
	last := rows - 1
	if last > 0 && (stride < 0 || stride > len(m)/last) { // last·stride may wrap around
		panic("vec: SumRows of rows that m does not hold")
	}
	_ = m[last*stride:][:len(dst)]
	best.sumRows(dst, m, stride, rows)
}
