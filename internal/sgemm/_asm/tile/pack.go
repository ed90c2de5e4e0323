package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// transpose emits the packing of what is stored by columns. It moves blocks of 4 columns and as many rows as a register has lanes:
// 4 loads along the columns, 8 shuffles inside the quads of the registers, and a store of each quad, a part of a row of the panel.
func (in instructions) transpose() {
	TEXT("transpose"+in.name, NOSPLIT, "func(panel []float32, panelStride int, b []float32, bStride, cols, k int)")
	Pragma("noescape")
	Doc(
		fmt.Sprintf("transpose%s replaces, for cols and k above 0,", in.name),
		"",
		"\tfor p := range k {",
		"\t\tfor j := range cols {",
		"\t\t\tpanel[p*panelStride+j] = b[j*bStride+p]",
		"\t\t}",
		"\t}",
		"",
		fmt.Sprintf("and may overwrite the panel's rows up to a multiple of 4 columns, and its rows up to a multiple of %d.", in.lanes),
	)
	panel, panelStride := Load(Param("panel").Base(), GP64()), stride("panelStride")
	b, bStride := Load(Param("b").Base(), GP64()), stride("bStride")
	k := Load(Param("k"), GP64())

	Label("rows")
	least := GP64() // of k and the lanes
	MOVQ(U32(in.lanes), least)
	CMPQ(k, least)
	CMOVQLT(k, least)
	mask := in.mask(least)
	from, to, cols := GP64(), GP64(), Load(Param("cols"), GP64())
	MOVQ(b, from)
	MOVQ(panel, to)

	Label("columns")
	in.transposeBlock(from, bStride, cols, mask, to, panelStride)
	LEAQ(Mem{Base: from, Index: bStride, Scale: 4}, from)
	ADDQ(Imm(16), to)
	SUBQ(Imm(4), cols)
	JG(LabelRef("columns"))

	ADDQ(Imm(uint64(in.bytes(1))), b)
	for n := in.lanes; n > 0; n -= 8 {
		LEAQ(Mem{Base: panel, Index: panelStride, Scale: 8}, panel)
	}
	SUBQ(Imm(uint64(in.lanes)), k)
	JG(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

func (in instructions) transposeBlock(from, fromStride, cols Register, mask Op, to, toStride Register) {
	column, v := from, [4]VecVirtual{}
	for j := range v {
		if j > 0 { // a column that there is not is read as the one before
			next := GP64()
			LEAQ(Mem{Base: column, Index: fromStride, Scale: 1}, next)
			CMPQ(cols, Imm(uint64(j)))
			CMOVQLE(column, next)
			column = next
		}
		PREFETCHT0(Mem{Base: column, Disp: 4 * cacheLine})
		v[j] = in.register()
		in.load(Mem{Base: column}, mask, v[j])
	}
	row := GP64() // 0 to 3 of each quad
	MOVQ(to, row)
	for pair := range 2 {
		unpack := VUNPCKLPS
		if pair == 1 {
			unpack = VUNPCKHPS
		}
		left, right := in.register(), in.register()
		unpack(v[1], v[0], left)
		unpack(v[3], v[2], right)
		for _, selector := range []uint64{0x44, 0xEE} {
			out := in.register()
			VSHUFPS(Imm(selector), right, left, out)
			quad := GP64()
			MOVQ(row, quad)
			for q := range in.lanes / 4 {
				in.storeQuad(q, out, Mem{Base: quad})
				LEAQ(Mem{Base: quad, Index: toStride, Scale: 4}, quad)
			}
			ADDQ(toStride, row)
		}
	}
}

// copyRows emits the packing of what is stored by rows.
func (in instructions) copyRows() {
	TEXT("copyRows"+in.name, NOSPLIT, "func(panel []float32, panelStride int, b []float32, bStride, cols, k int)")
	Pragma("noescape")
	Doc(
		fmt.Sprintf("copyRows%s replaces, for k above 0 and cols from 1 to %d,", in.name, 2*in.lanes),
		"",
		"\tfor p := range k {",
		"\t\tcopy(panel[p*panelStride:], b[p*bStride:p*bStride+cols])",
		"\t}",
		"",
		fmt.Sprintf("and may overwrite the panel up to %d elements beyond its last row.", 2*in.lanes),
	)
	panel, panelStride := Load(Param("panel").Base(), GP64()), stride("panelStride")
	b, bStride := Load(Param("b").Base(), GP64()), stride("bStride")
	k, cols := Load(Param("k"), GP64()), Load(Param("cols"), GP64())
	CMPQ(cols, Imm(uint64(in.lanes)))
	JLE(LabelRef("copy1"))
	for vectors := 2; vectors > 0; vectors-- {
		Label(fmt.Sprint("copy", vectors))
		SUBQ(Imm(uint64((vectors-1)*in.lanes)), cols)
		mask := in.mask(cols)
		Label(fmt.Sprint("loop", vectors))
		for v := range vectors {
			x := in.register()
			if v == vectors-1 {
				in.load(Mem{Base: b, Disp: in.bytes(v)}, mask, x)
			} else {
				VMOVUPS(Mem{Base: b, Disp: in.bytes(v)}, x)
			}
			VMOVUPS(x, Mem{Base: panel, Disp: in.bytes(v)})
		}
		PREFETCHT0(Mem{Base: b, Index: bStride, Scale: 8})
		ADDQ(bStride, b)
		ADDQ(panelStride, panel)
		DECQ(k)
		JNZ(LabelRef(fmt.Sprint("loop", vectors)))
		VZEROUPPER()
		RET()
	}
}
