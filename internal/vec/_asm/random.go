package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sinCoefficients are those of P in sin(¼π·y) = (quarterPi + P(y²))·y for |y| ≤ 1, where quarterPi is a float32, and
// cosCoefficients those of Q in cos(¼π·y) = 1 + y²·Q(y²): minimax polynomials, right to 9e-9 and 11e-9 of the values.
var (
	sinCoefficients = []float64{-2.439896817918452e-08, -0.08074543625116348, 0.00249000103212893, -3.59504520019982e-05}
	cosCoefficients = []float64{-0.3084251284599304, 0.015854327008128166, -0.0003259400837123394, 3.530338062773808e-06}
)

func boxMuller() {
	declare("boxMuller", "func(dst []float32, words []uint32)",
		"for i := 0; i < len(dst); i += 2 { // len(dst) is a multiple of 16",
		"\tradius := sqrt(-2 * log((words[i]+0.5)/(1<<32)))",
		"\tangle := 2 * Pi * words[i+1] / (1<<32)",
		"\tdst[i], dst[i+1] = radius*cos(angle), radius*sin(angle)",
		"}")
	dst, words := pointer("dst"), pointer("words")
	pairs := length("dst")
	SHRQ(Imm(1), pairs)
	whole(pairs, func(l lanes) {
		halves := func(slice Register) (low, high Mem) {
			low = Mem{Base: slice, Index: l.at, Scale: 8}
			return low, low.Offset(32)
		}
		const first, second = 0x88, 0xDD // of each pair
		low, high := halves(words)
		radii, angles := inRegister(low), YMM()
		VSHUFPS(Imm(second), high, radii, angles)
		VSHUFPS(Imm(first), high, radii, radii)
		cos, sin := cosSin(angles)
		r := radius(radii)
		VMULPS(r, cos, cos)
		VMULPS(r, sin, sin)
		low, high = halves(dst)
		VUNPCKLPS(sin, cos, r)
		VUNPCKHPS(sin, cos, cos)
		VMOVUPS(r, low)
		VMOVUPS(cos, high)
	})
	finish()
}

// radius emits √(−2·log u) for u = (w+½)/2³², w unsigned. The lesser t of u and 1−u, which belongs to the complement of w,
// keeps its digits when it becomes a float32. In the lower half u = t = 2⁻ⁿ·(1−e) with e exact and 0 < e ≤ ½, in the upper
// half n = 0 and e = t, and
//
//	−log u = n·log 2 + log((1+s)/(1−s)),  s = e/(2−e) ≤ ⅓,
//
// where nothing cancels.
func radius(w VecVirtual) VecVirtual {
	t, n, e := YMM(), YMM(), YMM()
	VPXOR(bits("ones", math.MaxUint32), w, t)
	VPMINUD(w, t, t)
	VCVTDQ2PS(t, t)
	VMULPS(constant("perWord", 0x1p-32), t, t)
	VADDPS(constant("halfWord", 0x1p-33), t, t)

	const biasOfHalf = 126 // in a float32's exponent
	VPSRLD(Imm(23), t, n)
	VPSUBD(n, inRegister(bits("biasOfHalf", biasOfHalf)), n)
	VCVTDQ2PS(n, n)
	VANDPS(bits("fraction", 1<<23-1), t, e)
	VORPS(constant("half", 0.5), e, e)
	VSUBPS(e, inRegister(constant("one", 1)), e)

	upper := YMM()
	VPSRAD(Imm(31), w, upper)
	VBLENDVPS(upper, t, e, e)
	VPANDN(n, upper, n)

	s := inRegister(constant("two", 2))
	VSUBPS(e, s, s)
	VDIVPS(s, e, s)
	l := logOfRatio(s)
	VFMADD231PS(constant("ln2", math.Ln2), n, l)
	VADDPS(l, l, l)
	VSQRTPS(l, l)
	return l
}

// cosSin emits the cosine and the sine of 2π·w/2³². The upper bits of w+2²⁹ are the number of quarter turns, rounded to nearest, and
// the lower 30 bits of w, with a sign, are what remains of a turn's 2³²: the shift puts them behind the sign bit.
func cosSin(w VecVirtual) (cos, sin VecVirtual) {
	y, square := YMM(), YMM()
	VPSLLD(Imm(2), w, y)
	VCVTDQ2PS(y, y)
	VMULPS(constant("perHalfTurn", 0x1p-31), y, y)
	VMULPS(y, y, square)
	sinOfRest := polynomial("sin", sinCoefficients, square)
	VMULPS(y, sinOfRest, sinOfRest)
	VFMADD231PS(constant("quarterPi", math.Pi/4), y, sinOfRest)
	cosOfRest := polynomial("cos", cosCoefficients, square)
	VFMADD213PS(constant("one", 1), square, cosOfRest)

	// A quarter turn takes (cos, sin) to (−sin, cos).
	quarters, isOdd := YMM(), YMM()
	cos, sin = YMM(), YMM()
	VPADDD(bits("eighthTurn", 1<<29), w, quarters)
	VPSLLD(Imm(1), quarters, isOdd)
	VBLENDVPS(isOdd, sinOfRest, cosOfRest, cos)
	VBLENDVPS(isOdd, cosOfRest, sinOfRest, sin)
	signs := YMM()
	VANDPS(bits("sign", 1<<31), quarters, signs)
	VXORPS(signs, sin, sin)
	VPADDD(bits("quarterTurn", 1<<30), quarters, quarters)
	VANDPS(bits("sign", 1<<31), quarters, signs)
	VXORPS(signs, cos, cos)
	return cos, sin
}
