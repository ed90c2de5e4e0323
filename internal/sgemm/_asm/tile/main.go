// Command tile generates the AVX2 kernels of package sgemm.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	rows    = 6  // with 16 columns: 12 of the 16 registers hold sums, 2 hold b and 2 hold a
	columns = 16 // two registers of 8
	unroll  = 4
)

func main() {
	ConstraintExpr("amd64,!noasm")
	tile()
	packRows()
	packColumns()
	Generate()
}

// tileArgs are the arguments of the tile kernel in registers. Strides are in bytes.
type tileArgs struct {
	c, cLow       Register // rows 0 to 2 are reached from c, rows 3 to 5 from cLow
	cStride       Register
	a, aLow       Register
	aRow, aColumn Register
	b, k          Register
	bias, hasBias Register
}

func tile() {
	TEXT("tileAVX2", NOSPLIT, "func(rows int, c []float32, cStride int, a []float32, aRowStride, aColStride int, b []float32, k int, bias []float32, accumulate, relu bool)")
	Pragma("noescape")
	Doc(
		"tileAVX2 replaces, for rows from 1 to 6,",
		"",
		"\tfor i := range rows {",
		"\t\tfor j := range 16 {",
		"\t\t\tvar sum float32",
		"\t\t\tfor p := range k {",
		"\t\t\t\tsum = fma(a[i*aRowStride+p*aColStride], b[16*p+j], sum) // rounded once",
		"\t\t\t}",
		"\t\t\tif accumulate {",
		"\t\t\t\tsum += c[i*cStride+j]",
		"\t\t\t}",
		"\t\t\tif len(bias) != 0 {",
		"\t\t\t\tsum += bias[j]",
		"\t\t\t}",
		"\t\t\tif relu && sum < 0 {",
		"\t\t\t\tsum = 0",
		"\t\t\t}",
		"\t\t\tc[i*cStride+j] = sum",
		"\t\t}",
		"\t}",
	)
	count := Load(Param("rows"), GP64())
	args := tileArgs{
		c: Load(Param("c").Base(), GP64()), cLow: GP64(), cStride: stride("cStride"),
		a: Load(Param("a").Base(), GP64()), aLow: GP64(), aRow: stride("aRowStride"), aColumn: stride("aColStride"),
		b: Load(Param("b").Base(), GP64()), k: Load(Param("k"), GP64()),
		bias: Load(Param("bias").Base(), GP64()), hasBias: Load(Param("bias").Len(), GP64()),
	}
	thirdRow(args.cLow, args.c, args.cStride)
	thirdRow(args.aLow, args.a, args.aRow)
	for n := rows; n > 1; n-- {
		CMPQ(count, Imm(uint64(n)))
		JE(LabelRef(label("rows", n)))
	}
	for n := 1; n <= rows; n++ {
		Label(label("rows", n))
		tileOf(n, args)
	}
}

func label(name string, n int) string { return name + string(rune('0'+n)) }

// stride loads a stride and turns floats into bytes.
func stride(param string) Register {
	r := Load(Param(param), GP64())
	SHLQ(Imm(2), r)
	return r
}

func thirdRow(dst, base, stride Register) {
	LEAQ(Mem{Base: base, Index: stride, Scale: 2}, dst)
	ADDQ(stride, dst)
}

// row is the address of row i of a matrix given by its rows 0 and 3.
func row(i int, base, low, stride Register, offset int) Mem {
	if i >= 3 {
		i, base = i-3, low
	}
	if i == 0 {
		return Mem{Base: base, Disp: offset}
	}
	return Mem{Base: base, Index: stride, Scale: uint8(i), Disp: offset}
}

// tileOf emits the tile of n rows, up to its return.
func tileOf(n int, args tileArgs) {
	sums := make([][2]VecVirtual, n)
	for i := range sums {
		for half := range sums[i] {
			sums[i][half] = YMM()
			VXORPS(sums[i][half], sums[i][half], sums[i][half])
		}
	}
	blocks := GP64()
	MOVQ(args.k, blocks)
	SHRQ(Imm(2), blocks)
	JZ(LabelRef(label("tail", n)))
	Label(label("loop", n))
	for step := range unroll {
		multiplyAdd(sums, args, step)
	}
	ADDQ(U32(unroll*columns*4), args.b)
	DECQ(blocks)
	JNZ(LabelRef(label("loop", n)))

	Label(label("tail", n))
	ANDQ(Imm(unroll-1), args.k)
	JZ(LabelRef(label("accumulate", n)))
	Label(label("single", n))
	multiplyAdd(sums, args, 0)
	ADDQ(Imm(columns*4), args.b)
	DECQ(args.k)
	JNZ(LabelRef(label("single", n)))

	finish(n, sums, args)
}

// multiplyAdd adds one step of k: a column of a times a row of b, which lies step rows after args.b.
func multiplyAdd(sums [][2]VecVirtual, args tileArgs, step int) {
	b := [2]VecVirtual{YMM(), YMM()}
	for half := range b {
		VMOVUPS(Mem{Base: args.b, Disp: (step*2 + half) * 32}, b[half])
	}
	for i := range sums {
		a := YMM()
		VBROADCASTSS(row(i, args.a, args.aLow, args.aRow, 0), a)
		for half := range b {
			VFMADD231PS(b[half], a, sums[i][half])
		}
	}
	ADDQ(args.aColumn, args.a)
	if len(sums) > 3 {
		ADDQ(args.aColumn, args.aLow)
	}
}

// finish adds c and the bias, applies the ReLU, each if asked for, and stores the tile.
func finish(n int, sums [][2]VecVirtual, args tileArgs) {
	each := func(emit func(sum VecVirtual, c Mem, half int)) {
		for i := range sums {
			for half := range sums[i] {
				emit(sums[i][half], row(i, args.c, args.cLow, args.cStride, half*32), half)
			}
		}
	}
	unless := func(param, next string) {
		flag := Load(Param(param), GP8())
		TESTB(flag, flag)
		JZ(LabelRef(label(next, n)))
	}

	Label(label("accumulate", n))
	unless("accumulate", "bias")
	each(func(sum VecVirtual, c Mem, _ int) { VADDPS(c, sum, sum) })

	Label(label("bias", n))
	TESTQ(args.hasBias, args.hasBias)
	JZ(LabelRef(label("relu", n)))
	bias := [2]VecVirtual{YMM(), YMM()}
	for half := range bias {
		VMOVUPS(Mem{Base: args.bias, Disp: half * 32}, bias[half])
	}
	each(func(sum VecVirtual, _ Mem, half int) { VADDPS(bias[half], sum, sum) })

	Label(label("relu", n))
	unless("relu", "store")
	zero := YMM()
	VXORPS(zero, zero, zero)
	each(func(sum VecVirtual, _ Mem, _ int) { VMAXPS(sum, zero, sum) }) // of two, x86 returns the NaN that comes first here

	Label(label("store", n))
	each(func(sum VecVirtual, c Mem, _ int) { VMOVUPS(sum, c) })
	VZEROUPPER()
	RET()
}

func packRows() {
	TEXT("packRowsAVX2", NOSPLIT, "func(panel, b []float32, stride, k int)")
	Pragma("noescape")
	Doc(
		"packRowsAVX2 replaces, for k above 0,",
		"",
		"\tfor p := range k {",
		"\t\tcopy(panel[16*p:16*p+16], b[p*stride:])",
		"\t}",
	)
	panel := Load(Param("panel").Base(), GP64())
	b := Load(Param("b").Base(), GP64())
	bytes := stride("stride")
	k := Load(Param("k"), GP64())
	Label("loop")
	for half := range 2 {
		v := YMM()
		VMOVUPS(Mem{Base: b, Disp: half * 32}, v)
		VMOVUPS(v, Mem{Base: panel, Disp: half * 32})
	}
	ADDQ(bytes, b)
	ADDQ(Imm(columns*4), panel)
	DECQ(k)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func packColumns() {
	TEXT("packColumnsAVX2", NOSPLIT, "func(panel, b []float32, stride, k int)")
	Pragma("noescape")
	Doc(
		"packColumnsAVX2 replaces, for k above 0 and a multiple of 8,",
		"",
		"\tfor p := range k {",
		"\t\tfor j := range 16 {",
		"\t\t\tpanel[16*p+j] = b[j*stride+p]",
		"\t\t}",
		"\t}",
	)
	panel := Load(Param("panel").Base(), GP64())
	b := Load(Param("b").Base(), GP64())
	bytes := stride("stride")
	k := Load(Param("k"), GP64())
	group := [4]Register{b, GP64(), GP64(), GP64()} // columns 0, 4, 8 and 12
	for i := 1; i < len(group); i++ {
		LEAQ(Mem{Base: group[i-1], Index: bytes, Scale: 4}, group[i])
	}
	triple := GP64()
	LEAQ(Mem{Base: bytes, Index: bytes, Scale: 2}, triple)
	Label("loop")
	for half := range 2 {
		transpose(group[2*half], group[2*half+1], bytes, triple, panel, half*32)
	}
	for _, pointer := range group {
		ADDQ(Imm(8*4), pointer)
	}
	ADDQ(U32(8*columns*4), panel)
	SUBQ(Imm(8), k)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// transpose reads 8 floats of 8 columns, four from upper and four from lower on, and writes them as 8 rows of the panel.
func transpose(upper, lower, stride, triple, panel Register, offset int) {
	column := func(base Register, j, offset int) Mem {
		switch j {
		case 0:
			return Mem{Base: base, Disp: offset}
		case 3:
			return Mem{Base: base, Index: triple, Scale: 1, Disp: offset}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(j), Disp: offset}
	}
	for quad := range 2 { // rows 0 to 3 of the block, then 4 to 7
		var v [4]VecVirtual // columns j and j+4, four rows of each
		for j := range v {
			low := XMM()
			VMOVUPS(column(upper, j, quad*16), low)
			v[j] = YMM()
			VINSERTF128(Imm(1), column(lower, j, quad*16), low.AsY(), v[j])
		}
		for pair := range 2 { // rows 0 and 1 of the four, then 2 and 3
			unpack := VUNPCKLPS
			if pair == 1 {
				unpack = VUNPCKHPS
			}
			left, right := YMM(), YMM()
			unpack(v[1], v[0], left)
			unpack(v[3], v[2], right)
			for i, selector := range []uint64{0x44, 0xEE} {
				out := YMM()
				VSHUFPS(Imm(selector), right, left, out)
				VMOVUPS(out, Mem{Base: panel, Disp: (quad*4+pair*2+i)*columns*4 + offset})
			}
		}
	}
}
