package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sumRows emits the sum over rows. It takes 64 columns at a time, so that eight additions are under way at once, then what is left of
// them in fewer registers.
func sumRows() {
	declare("sumRows", "func(dst, m []float32, stride, rows int)",
		"for j := range dst { // rows is positive",
		"\tvar sum float32",
		"\tfor i := range rows {",
		"\t\tsum += m[i*stride+j]",
		"\t}",
		"\tdst[j] = sum",
		"}")
	s := rowSums{
		dst: pointer("dst"), m: pointer("m"),
		stride: Load(Param("stride"), GP64()), rows: Load(Param("rows"), GP64()),
	}
	SHLQ(Imm(2), s.stride)
	columns := length("dst")
	for _, registers := range []int{8, 4, 2, 1} {
		width := uint64(8 * registers)
		columnsLoop, narrower := fmt.Sprintf("columns%d", width), fmt.Sprintf("narrowerThan%d", width)
		Label(columnsLoop)
		CMPQ(columns, Imm(width))
		JB(LabelRef(narrower))
		s.emit(fmt.Sprintf("rowsOf%d", width), registers, nil)
		SUBQ(Imm(width), columns)
		JMP(LabelRef(columnsLoop))
		Label(narrower)
	}
	TESTQ(columns, columns)
	JZ(LabelRef("done"))
	s.emit("rowsOfRest", 1, maskOf(columns))
	Label("done")
	finish()
}

// rowSums are the arguments of the sum over rows in registers, stride in bytes.
type rowSums struct {
	dst, m, stride, rows Register
}

// emit emits the sums of the next columns, which fill that many registers, and moves dst and m past them. A mask says
// which of the columns there are; nil means all.
func (s rowSums) emit(loop string, registers int, mask VecVirtual) {
	row, left := GP64(), GP64()
	sums := make([]VecVirtual, registers)
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}
	MOVQ(s.m, row)
	MOVQ(s.rows, left)
	Label(loop)
	for i, sum := range sums {
		VADDPS(loadFrom(Mem{Base: row, Disp: 32 * i}, mask), sum, sum)
	}
	ADDQ(s.stride, row)
	DECQ(left)
	JNZ(LabelRef(loop))
	for i, sum := range sums {
		storeTo(Mem{Base: s.dst, Disp: 32 * i}, mask, sum)
	}
	ADDQ(U32(32*registers), s.m)
	ADDQ(U32(32*registers), s.dst)
}
