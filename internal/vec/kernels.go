package vec

import "math"

// kernels are the loops behind the functions of the same names, for one kind of processor. They trust that all their slices
// are as long as the first.
type kernels struct {
	add                      func(dst, x []float32)
	scale                    func(dst, x []float32, by float32)
	sigmoid                  func(dst, x []float32)
	tanh                     func(dst, x []float32)
	relu                     func(dst, x []float32)
	sigmoidGradient          func(dst, y, dy []float32)
	tanhGradient             func(dst, y, dy []float32)
	reluGradient             func(dst, y, dy []float32)
	bernoulliLogLikelihood   func(l, x []float32) float32
	bernoulliGradient        func(dst, l, x []float32, scale float32)
	standardNormalKL         func(mean, logVar []float32) float32
	standardNormalKLGradient func(dst, logVar []float32, scale float32)
	reparameterize           func(dst, mean, logVar, epsilon []float32)
	reparameterizeGradient   func(dst, logVar, epsilon, dz []float32)
	adam                     func(w, m, v, g []float32, beta1, beta2, rate, correction, epsilon float32) (check float32) // 0, or NaN
	bytes                    func(dst []float32, b []byte)
	boxMuller                func(dst []float32, words []uint32)
	sumRows                  func(dst, m []float32, stride, rows int) // rows is positive
}

// plain is for processors that have nothing better. It computes in float64 what is not exact anyway.
var plain = kernels{
	add:                      addPlain,
	scale:                    scalePlain,
	sigmoid:                  sigmoidPlain,
	tanh:                     tanhPlain,
	relu:                     reluPlain,
	sigmoidGradient:          sigmoidGradientPlain,
	tanhGradient:             tanhGradientPlain,
	reluGradient:             reluGradientPlain,
	bernoulliLogLikelihood:   bernoulliLogLikelihoodPlain,
	bernoulliGradient:        bernoulliGradientPlain,
	standardNormalKL:         standardNormalKLPlain,
	standardNormalKLGradient: standardNormalKLGradientPlain,
	reparameterize:           reparameterizePlain,
	reparameterizeGradient:   reparameterizeGradientPlain,
	adam:                     adamPlain,
	bytes:                    bytesPlain,
	boxMuller:                boxMullerPlain,
	sumRows:                  sumRowsPlain,
}

func addPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

func scalePlain(dst, x []float32, by float32) {
	for i, v := range x {
		dst[i] = v * by
	}
}

func exp(x float32) float64 { return math.Exp(float64(x)) }

func sigmoid(x float32) float64 { return 1 / (1 + exp(-x)) }

func sigmoidPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32(sigmoid(v))
	}
}

func tanhPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32(math.Tanh(float64(v)))
	}
}

func reluPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

func sigmoidGradientPlain(dst, y, dy []float32) {
	for i, v := range y {
		dst[i] = dy[i] * v * (1 - v)
	}
}

func tanhGradientPlain(dst, y, dy []float32) {
	for i, v := range y {
		dst[i] = dy[i] * (1 - v*v)
	}
}

func reluGradientPlain(dst, y, dy []float32) {
	for i, v := range y {
		var mask uint32 // a branch would be guessed wrong half the time
		if v > 0 {
			mask = math.MaxUint32
		}
		dst[i] = math.Float32frombits(math.Float32bits(dy[i]) & mask)
	}
}

func bernoulliLogLikelihoodPlain(l, x []float32) float32 {
	var sum float64
	for i, v := range l {
		logit := float64(v)
		sum += float64(x[i])*logit - max(logit, 0) - math.Log1p(math.Exp(-math.Abs(logit)))
	}
	return float32(sum)
}

func bernoulliGradientPlain(dst, l, x []float32, scale float32) {
	for i, v := range l {
		dst[i] = scale * float32(float64(x[i])-sigmoid(v))
	}
}

func standardNormalKLPlain(mean, logVar []float32) float32 {
	var sum float64
	for i, m := range mean {
		sum += float64(m)*float64(m) + exp(logVar[i]) - 1 - float64(logVar[i])
	}
	return float32(0.5 * sum)
}

func standardNormalKLGradientPlain(dst, logVar []float32, scale float32) {
	for i, v := range logVar {
		dst[i] = scale * float32(0.5*(exp(v)-1))
	}
}

func reparameterizePlain(dst, mean, logVar, epsilon []float32) {
	for i, m := range mean {
		dst[i] = m + float32(exp(0.5*logVar[i]))*epsilon[i]
	}
}

func reparameterizeGradientPlain(dst, logVar, epsilon, dz []float32) {
	for i, v := range logVar {
		dst[i] = dz[i] * float32(0.5*exp(0.5*v)) * epsilon[i]
	}
}

func adamPlain(w, m, v, g []float32, beta1, beta2, rate, correction, epsilon float32) (check float32) {
	for i, gi := range g {
		m[i] = flush(beta1*m[i] + (1-beta1)*gi)
		v[i] = flush(beta2*v[i] + (1-beta2)*gi*gi)
		root := float32(math.Sqrt(float64(v[i])))
		w[i] -= rate * m[i] / (root*correction + epsilon)
		check += 0*v[i] + 0*w[i] // NaN times 0 is NaN, and so is infinity times 0
	}
	return check
}

// flush returns x, or 0 where x is subnormal.
func flush(x float32) float32 {
	if x > -0x1p-126 && x < 0x1p-126 {
		return 0
	}
	return x
}

func bytesPlain(dst []float32, b []byte) {
	for i, v := range b {
		dst[i] = float32(v) / 255
	}
}

func boxMullerPlain(dst []float32, words []uint32) {
	for i := 0; i < len(dst); i += 2 {
		u := (float64(words[i]) + 0.5) * (1.0 / (1 << 32))
		radius := math.Sqrt(-2 * math.Log(u))
		sin, cos := math.Sincos(2 * math.Pi * float64(words[i+1]) * (1.0 / (1 << 32)))
		dst[i] = float32(radius * cos)
		if i+1 < len(dst) {
			dst[i+1] = float32(radius * sin)
		}
	}
}

func sumRowsPlain(dst, m []float32, stride, rows int) {
	clear(dst)
	for i := range rows {
		addPlain(dst, m[i*stride:][:len(dst)])
	}
}
