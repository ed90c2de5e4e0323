package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// magic is added to a number, and rounds it to an integer, which is then in the sum's lowest bits: they count ones.
const magic = 3 << 22

// log2 in two parts: the rest is what float32 rounds away from the first.
var (
	log2High = float64(float32(math.Ln2))
	log2Low  = math.Ln2 - log2High
)

// expCoefficients are those of Q in exp(r) = 1 + r + r²·Q(r) for |r| ≤ ½·log 2: a minimax polynomial, right to 3e-9.
var expCoefficients = []float64{
	0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.008368716575205326, 0.001381459878757596,
}

// logCoefficients are those of P in log((1+s)/(1−s)) = 2s + s³·P(s²) for 0 ≤ s ≤ ⅓: a minimax polynomial, right to 5e-9.
var logCoefficients = []float64{
	0.666664183139801, 0.4002152681350708, 0.2800179123878479, 0.2801205515861511,
}

// reduce emits exp(x) = 2ⁿ·(1+q), n an integer and x not too large for it. It returns q, and n in the lowest bits
// of a number that was made with the given magic. Of a NaN, q is one too.
func reduce(x VecVirtual, magic Mem) (q, n VecVirtual) {
	n = inRegister(magic)
	VFMADD231PS(constant("log2e", math.Log2E), x, n)
	rounded, r := YMM(), YMM()
	VSUBPS(magic, n, rounded)
	VMOVAPS(x, r)
	VFNMADD231PS(constant("log2High", log2High), rounded, r)
	VFNMADD231PS(constant("log2Low", log2Low), rounded, r)

	q = polynomial("exp", expCoefficients, r)
	square := YMM()
	VMULPS(r, r, square)
	VFMADD213PS(r, square, q)
	return q, n
}

// polynomial emits Σ c·xʲ by Horner's scheme.
func polynomial(name string, coefficients []float64, x VecVirtual) VecVirtual {
	coefficient := func(i int) Mem { return constant(fmt.Sprintf("%s%d", name, i), coefficients[i]) }
	last := len(coefficients) - 1
	p := inRegister(coefficient(last))
	for i := last - 1; i >= 0; i-- {
		VFMADD213PS(coefficient(i), x, p)
	}
	return p
}

// exp emits exp(x) for any x, and leaves x as it is. It overflows to infinity, and underflows through the subnormal numbers to zero.
func exp(x VecVirtual) VecVirtual {
	const overflow, underflow = 89, -104
	held := maximum(x, constant("underflow", underflow))
	VMINPS(held, inRegister(constant("overflow", overflow)), held)
	q, n := reduce(held, constant("magic", magic))

	// 2ⁿ may be no normal number, so it is multiplied in two parts. The bits of 1 are those of an exponent of zero.
	VPSUBD(constant("magic", magic), n, n)
	half := YMM()
	VPSRAD(Imm(1), n, half)
	VPSUBD(half, n, n)
	VADDPS(constant("one", 1), q, q)
	for _, part := range []VecVirtual{half, n} {
		VPSLLD(Imm(23), part, part)
		VPADDD(constant("one", 1), part, part)
		VMULPS(part, q, q)
	}
	return q
}

// reduceNegative is reduce for x ≤ 0. It returns 2ⁿ, and takes x below −87 for −87.
func reduceNegative(x VecVirtual) (q, power VecVirtual) {
	const bias = 127 // of a float32's exponent
	q, n := reduce(maximum(x, constant("smallest", -87)), constant("biasedMagic", magic+bias))
	VPSLLD(Imm(23), n, n)
	return q, n
}

// expOfMinusAbs emits exp(−|x|), but at least exp(−87) = 1.6e-38, and leaves x as it is.
func expOfMinusAbs(x VecVirtual) VecVirtual {
	negative := YMM()
	VORPS(bits("sign", 1<<31), x, negative)
	q, power := reduceNegative(negative)
	VFMADD213PS(power, power, q)
	return q
}

// log1p emits log(1+e) for 0 ≤ e ≤ 1, which is log((1+s)/(1−s)) for s = e/(2+e).
func log1p(e VecVirtual) VecVirtual {
	s := YMM()
	VADDPS(constant("two", 2), e, s)
	VDIVPS(s, e, s)
	return logOfRatio(s)
}

// logOfRatio emits log((1+s)/(1−s)) for 0 ≤ s ≤ ⅓. All terms are positive, so none cancel.
func logOfRatio(s VecVirtual) VecVirtual {
	square := YMM()
	VMULPS(s, s, square)
	p := polynomial("log", logCoefficients, square)
	VMULPS(s, square, square)
	VADDPS(s, s, s)
	VFMADD213PS(s, square, p)
	return p
}

// sigmoid emits 1 / (1 + exp(−x)), which is e / (1 + e) with e = exp(−|x|) where x is negative, and 1 / (1 + e) elsewhere.
func sigmoid(x VecVirtual) VecVirtual {
	e := expOfMinusAbs(x)
	numerator := inRegister(constant("one", 1))
	VBLENDVPS(x, e, numerator, numerator)
	VADDPS(constant("one", 1), e, e)
	VDIVPS(e, numerator, numerator)
	return numerator
}

// tanh emits tanh x, which is −(e−1) / (e+1) with e = exp(−2|x|), and the sign of x. e−1 = 2ⁿ·q + (2ⁿ−1) loses nothing
// where it is small.
func tanh(x VecVirtual) VecVirtual {
	sign := bits("sign", 1<<31)
	twice := YMM()
	VADDPS(x, x, twice)
	VORPS(sign, twice, twice)
	difference, power := reduceNegative(twice)
	rest, signs := YMM(), YMM()
	VSUBPS(constant("one", 1), power, rest)
	VFMADD213PS(rest, power, difference)
	VADDPS(constant("two", 2), difference, rest)
	VDIVPS(rest, difference, difference)
	VANDPS(sign, x, signs)
	VANDNPS(difference, inRegister(sign), difference)
	VORPS(signs, difference, difference)
	return difference
}

// standardDeviation emits exp(½·logVar).
func standardDeviation(logVar VecVirtual) VecVirtual {
	half := YMM()
	VMULPS(constant("half", 0.5), logVar, half)
	return exp(half)
}

// maximum emits the greater of x and a constant, and a NaN where x is one: of two, x86 returns the NaN that comes first here.
func maximum(x VecVirtual, c Mem) VecVirtual {
	v := inRegister(c)
	VMAXPS(x, v, v)
	return v
}

func inRegister(c Mem) VecVirtual {
	v := YMM()
	VMOVUPS(c, v)
	return v
}
