// Command asm generates the AVX2 kernels of package vec.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!noasm")
	arithmetic()
	activations()
	activationGradients()
	bernoulli()
	normal()
	adam()
	bytes()
	boxMuller()
	sumRows()
	Generate()
}

func arithmetic() {
	elementwise("add", "dst[i] + x[i]", []string{"dst", "x"}, nil, func(in, _ []VecVirtual) VecVirtual {
		VADDPS(in[1], in[0], in[0])
		return in[0]
	})
	elementwise("scale", "x[i] * by", []string{"x"}, []string{"by"}, func(in, scalars []VecVirtual) VecVirtual {
		VMULPS(scalars[0], in[0], in[0])
		return in[0]
	})
}

func activations() {
	elementwise("sigmoid", "1 / (1 + exp(-x[i]))", []string{"x"}, nil, func(in, _ []VecVirtual) VecVirtual {
		return sigmoid(in[0])
	})
	elementwise("tanh", "tanh(x[i])", []string{"x"}, nil, func(in, _ []VecVirtual) VecVirtual {
		return tanh(in[0])
	})
	elementwise("relu", "max(x[i], 0)", []string{"x"}, nil, func(in, _ []VecVirtual) VecVirtual {
		return maximum(in[0], constant("zero", 0))
	})
}

func activationGradients() {
	sources := []string{"y", "dy"}
	elementwise("reluGradient", "dy[i] // or 0, unless y[i] > 0", sources, nil, func(in, _ []VecVirtual) VecVirtual {
		y, dy := in[0], in[1]
		const greater = 0x1E // and not a NaN
		VCMPPS(Imm(greater), constant("zero", 0), y, y)
		VANDPS(y, dy, dy)
		return dy
	})
	elementwise("tanhGradient", "dy[i] * (1 - y[i]*y[i])", sources, nil, func(in, _ []VecVirtual) VecVirtual {
		y, dy := in[0], in[1]
		VFNMADD213PS(constant("one", 1), y, y)
		VMULPS(y, dy, dy)
		return dy
	})
	elementwise("sigmoidGradient", "dy[i] * y[i] * (1 - y[i])", sources, nil, func(in, _ []VecVirtual) VecVirtual {
		y, dy := in[0], in[1]
		rest := inRegister(constant("one", 1))
		VSUBPS(y, rest, rest)
		VMULPS(y, dy, dy)
		VMULPS(rest, dy, dy)
		return dy
	})
}

func bernoulli() {
	sum("bernoulliLogLikelihood", "x[i]*l[i] - max(l[i], 0) - log(1+exp(-abs(l[i])))", []string{"l", "x"}, func(in []VecVirtual) VecVirtual {
		l, x := in[0], in[1]
		tail := log1p(expOfMinusAbs(l))
		VFMSUB213PS(maximum(l, constant("zero", 0)), l, x)
		VSUBPS(tail, x, x)
		return x
	})
	elementwise("bernoulliGradient", "scale * (x[i] - 1/(1+exp(-l[i])))", []string{"l", "x"}, []string{"scale"}, func(in, scalars []VecVirtual) VecVirtual {
		l, x := in[0], in[1]
		VSUBPS(sigmoid(l), x, x)
		VMULPS(scalars[0], x, x)
		return x
	})
}

func normal() {
	sum("standardNormalKL", "(mean[i]*mean[i] + exp(logVar[i]) - 1 - logVar[i]) / 2", []string{"mean", "logVar"}, func(in []VecVirtual) VecVirtual {
		mean, logVar := in[0], in[1]
		variance := exp(logVar)
		VSUBPS(constant("one", 1), variance, variance)
		VSUBPS(logVar, variance, variance)
		VFMADD231PS(mean, mean, variance)
		VMULPS(constant("half", 0.5), variance, variance)
		return variance
	})
	elementwise("standardNormalKLGradient", "scale * (exp(logVar[i]) - 1) / 2", []string{"logVar"}, []string{"scale"}, func(in, scalars []VecVirtual) VecVirtual {
		variance := exp(in[0])
		VSUBPS(constant("one", 1), variance, variance)
		VMULPS(constant("half", 0.5), variance, variance)
		VMULPS(scalars[0], variance, variance)
		return variance
	})
	elementwise("reparameterize", "mean[i] + exp(logVar[i]/2)*epsilon[i]", []string{"mean", "logVar", "epsilon"}, nil, func(in, _ []VecVirtual) VecVirtual {
		mean, logVar, epsilon := in[0], in[1], in[2]
		VFMADD231PS(standardDeviation(logVar), epsilon, mean)
		return mean
	})
	elementwise("reparameterizeGradient", "dz[i] * exp(logVar[i]/2) * epsilon[i] / 2", []string{"logVar", "epsilon", "dz"}, nil, func(in, _ []VecVirtual) VecVirtual {
		logVar, epsilon, dz := in[0], in[1], in[2]
		VMULPS(standardDeviation(logVar), dz, dz)
		VMULPS(epsilon, dz, dz)
		VMULPS(constant("half", 0.5), dz, dz)
		return dz
	})
}

func adam() {
	declare("adam", "func(w, m, v, g []float32, beta1, beta2, rate, correction, epsilon float32) float32",
		"var check float32",
		"for i := range w {",
		"\tm[i] = flush(beta1*m[i] + (1-beta1)*g[i]) // to 0 if it is subnormal",
		"\tv[i] = flush(beta2*v[i] + (1-beta2)*g[i]*g[i])",
		"\tw[i] -= rate * m[i] / (sqrt(v[i])*correction + epsilon)",
		"\tcheck += 0*v[i] + 0*w[i]",
		"}",
		"return check // 0, or NaN")
	w, m, v, g := pointer("w"), pointer("m"), pointer("v"), pointer("g")
	beta1, beta2 := scalar("beta1"), scalar("beta2")
	rate, correction, epsilon := scalar("rate"), scalar("correction"), scalar("epsilon")
	rest1, rest2 := inRegister(constant("one", 1)), inRegister(constant("one", 1))
	VSUBPS(beta1, rest1, rest1)
	VSUBPS(beta2, rest2, rest2)
	zero, checkV, checkW := YMM(), YMM(), YMM() // two sums, so that neither waits for the other
	for _, v := range []VecVirtual{zero, checkV, checkW} {
		VXORPS(v, v, v)
	}
	restore := flushSubnormals()
	each(length("w"), func(l lanes) {
		gradient, first, second, fresh := l.load(g), l.load(m), l.load(v), YMM()
		VMULPS(gradient, rest1, fresh)
		VFMADD213PS(fresh, beta1, first)
		l.store(first, m)

		VMULPS(gradient, rest2, fresh)
		VMULPS(gradient, fresh, fresh)
		VFMADD213PS(fresh, beta2, second)
		l.store(second, v)

		root := YMM()
		VSQRTPS(second, root)
		VFMADD231PS(zero, second, checkV)
		VFMADD213PS(epsilon, correction, root)
		VMULPS(rate, first, first)
		VDIVPS(root, first, first)
		weight := l.load(w)
		VSUBPS(first, weight, weight)
		l.store(weight, w)
		if l.mask != nil {
			VANDPS(l.mask, weight, weight) // where there is no element it is 0/ε, NaN if ε is 0
		}
		VFMADD231PS(zero, weight, checkW)
	})
	VADDPS(checkV, checkW, checkW)
	returnSum(checkW)
	restore()
	finish()
}

// flushSubnormals makes the processor take and give 0 for subnormal numbers, until what it returns is called.
func flushSubnormals() (restore func()) {
	const daz, ftz = 1 << 6, 1 << 15
	before, changed, flags := AllocLocal(4), AllocLocal(4), GP32()
	STMXCSR(before)
	MOVL(before, flags)
	ORL(U32(daz|ftz), flags)
	MOVL(flags, changed)
	LDMXCSR(changed)
	return func() { LDMXCSR(before) }
}

func bytes() {
	declare("bytes", "func(dst []float32, b []byte)",
		"for i := range dst { // len(dst) is a multiple of 8",
		"\tdst[i] = float32(b[i]) / 255",
		"}")
	dst, b := pointer("dst"), pointer("b")
	// 1/255 in two parts: b·high + b·low is rounded once, and to the nearest for each of the 256 bytes.
	high, low := constant("per255", 1.0/255), constant("per255Rest", 1.0/255-float64(float32(1.0/255)))
	whole(length("dst"), func(l lanes) {
		value, rest := YMM(), YMM()
		VPMOVZXBD(Mem{Base: b, Index: l.at, Scale: 1}, value)
		VCVTDQ2PS(value, value)
		VMULPS(low, value, rest)
		VFMADD132PS(high, rest, value)
		l.store(value, dst)
	})
	finish()
}
