package main

import (
	"fmt"
	"math/bits"
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// instructions are what a strip kernel is made of. Its tile has two registers of columns. Registers left over from its sums hold
// a row of b, and an element of a or the mask.
type instructions struct {
	name  string
	rows  int // of a tile; 3·2ⁿ
	lanes int // columns in a register

	register func() VecVirtual

	// mask returns a mask of the first n lanes.
	mask  func(n Register) Op
	load  func(from Mem, mask Op, v VecVirtual) // lanes beyond the mask become 0
	store func(v VecVirtual, mask Op, to Mem)

	storeQuad func(quad int, v VecVirtual, to Mem) // of four lanes

	wholeRows bool // of b are read, whatever the width, which spares the mask a register
}

var avx2 = instructions{
	name: "AVX2", rows: 6, lanes: 8,
	register: func() VecVirtual { return YMM() },
	mask: func(n Register) Op {
		table, mask := GP64(), YMM()
		LEAQ(maskTable(), table)
		NEGQ(n)
		VMOVUPS(Mem{Base: table, Index: n, Scale: 4, Disp: 8 * 4}, mask)
		return mask
	},
	load:      func(from Mem, mask Op, v VecVirtual) { VMASKMOVPS(from, mask, v) },
	store:     func(v VecVirtual, mask Op, to Mem) { VMASKMOVPS(v, mask, to) },
	storeQuad: func(quad int, v VecVirtual, to Mem) { VEXTRACTF128(Imm(uint64(quad)), v, to) },
	wholeRows: true,
}

var avx512 = instructions{
	name: "AVX512", rows: 12, lanes: 16,
	register: func() VecVirtual { return ZMM() },
	mask: func(n Register) Op {
		ones, mask := GP64(), K()
		MOVQ(I32(-1), ones)
		BZHIQ(n, ones, ones)
		KMOVW(ones.As32(), mask)
		return mask
	},
	load:      func(from Mem, mask Op, v VecVirtual) { VMOVUPS_Z(from, mask, v) },
	store:     func(v VecVirtual, mask Op, to Mem) { VMOVUPS(v, mask, to) },
	storeQuad: func(quad int, v VecVirtual, to Mem) { VEXTRACTF32X4(Imm(uint64(quad)), v, to) },
}

const cacheLine = 64

// maskTable returns 8 lanes that count and 8 that do not.
var maskTable = sync.OnceValue(func() Mem {
	table := GLOBL("masks", RODATA|NOPTR)
	for i := range 16 {
		if i < 8 {
			DATA(4*i, U32(0xFFFFFFFF))
		} else {
			DATA(4*i, U32(0))
		}
	}
	return table
})

// strip is the generator of one kernel. Strides are in bytes.
type strip struct {
	instructions
	aRow, aColumn, bRow, cRow Register
}

func (in instructions) strip() {
	most := 2 * in.lanes
	TEXT("strip"+in.name, NOSPLIT, "func(rows, width int, c []float32, cStride int, a []float32, aRowStride, aColStride, aTileStride int, b []float32, bStride, k int, bias []float32, accumulate, relu bool)")
	Pragma("noescape")
	doc := []string{
		fmt.Sprintf("strip%s replaces, for rows and k above 0 and width from 1 to %d,", in.name, most),
		"",
		"\tfor i := range rows {",
		fmt.Sprintf("\t\trow := i/%d*aTileStride + i%%%d*aRowStride", in.rows, in.rows),
		"\t\tfor j := range width {",
		"\t\t\tvar sum float32",
		"\t\t\tfor p := range k {",
		"\t\t\t\tsum = fma(a[row+p*aColStride], b[p*bStride+j], sum) // rounded once",
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
	}
	if in.wholeRows {
		doc = append(doc, "", fmt.Sprintf("but reads %d elements of every row of b.", most))
	}
	Doc(doc...)

	s := strip{in, stride("aRowStride"), stride("aColStride"), stride("bStride"), stride("cStride")}
	width := Load(Param("width"), GP64())
	CMPQ(width, Imm(uint64(in.lanes)))
	JLE(LabelRef("next1"))
	for vectors := 2; vectors > 0; vectors-- {
		Label(fmt.Sprint("next", vectors))
		rows := Load(Param("rows"), GP64())
		for n := 1; n < in.rows; n++ {
			CMPQ(rows, Imm(uint64(n)))
			JE(LabelRef(tile{n, vectors}.label("rows")))
		}
		for n := in.rows; n > 0; n-- {
			Label(tile{n, vectors}.label("rows"))
			s.tile(tile{n, vectors})
			if n == in.rows {
				s.advance()
				SUBQ(Imm(uint64(n)), address(Param("rows")))
				JNZ(LabelRef(fmt.Sprint("next", vectors)))
			}
			VZEROUPPER()
			RET()
		}
	}
}

// advance moves a and c to the next tile.
func (s strip) advance() {
	a := stride("aTileStride")
	ADDQ(a, address(Param("a").Base()))
	c := GP64()
	LEAQ(Mem{Base: s.cRow, Index: s.cRow, Scale: 2}, c)
	doublings := bits.TrailingZeros(uint(s.rows / 3))
	if s.rows != 3<<doublings {
		panic(fmt.Sprintf("tile: %d rows are not 3·2ⁿ", s.rows))
	}
	SHLQ(Imm(uint64(doublings)), c)
	ADDQ(c, address(Param("c").Base()))
}

// tile is the size of one: rows, and registers of columns.
type tile struct{ rows, vectors int }

func (t tile) label(name string) string { return fmt.Sprintf("%s%dx%d", name, t.rows, t.vectors) }

// last says whether v is the last register of a row, which may have fewer columns.
func (t tile) last(v int) bool { return v == t.vectors-1 }

// tile emits the computation of one tile.
func (s strip) tile(t tile) {
	sums := make([][]VecVirtual, t.rows)
	for i := range sums {
		for range t.vectors {
			sum := s.register()
			VXORPS(sum, sum, sum)
			sums[i] = append(sums[i], sum)
		}
	}
	c := s.matrix("c", s.cRow, t.rows)
	t.each(func(i, v int) {
		if s.bytes(v)%cacheLine == 0 {
			PREFETCHT0(c.at(i, v))
		}
	})
	s.multiply(t, sums)
	s.finish(t, sums)
}

func (t tile) each(emit func(i, v int)) {
	for i := range t.rows {
		for v := range t.vectors {
			emit(i, v)
		}
	}
}

// multiply emits the loop over k.
func (s strip) multiply(t tile, sums [][]VecVirtual) {
	const ahead = 8 // rows of b that are fetched before they are needed
	a := s.matrix("a", s.aRow, t.rows)
	b, k := Load(Param("b").Base(), GP64()), Load(Param("k"), GP64())
	var mask Op
	if !s.wholeRows {
		mask = s.lastMask(t)
	}
	Label(t.label("loop"))
	row := make([]VecVirtual, t.vectors)
	for v := range row {
		row[v] = s.loadColumns(Mem{Base: b, Disp: s.bytes(v)}, mask, t.last(v))
		if s.bytes(v)%cacheLine == 0 {
			PREFETCHT0(Mem{Base: b, Index: s.bRow, Scale: ahead, Disp: s.bytes(v)})
		}
	}
	element := s.register()
	for i := range sums {
		VBROADCASTSS(a.at(i, 0), element)
		for v := range row {
			VFMADD231PS(row[v], element, sums[i][v])
		}
	}
	for _, base := range a.base {
		ADDQ(s.aColumn, base)
	}
	ADDQ(s.bRow, b)
	DECQ(k)
	JNZ(LabelRef(t.label("loop")))
}

// finish adds c and the bias, applies the ReLU, each if asked for, and stores the tile.
func (s strip) finish(t tile, sums [][]VecVirtual) {
	c, mask := s.matrix("c", s.cRow, t.rows), s.lastMask(t)
	unless := func(param, next string) {
		flag := Load(Param(param), GP8())
		TESTB(flag, flag)
		JZ(LabelRef(t.label(next)))
	}

	unless("accumulate", "bias")
	t.each(func(i, v int) { VADDPS(s.loadColumns(c.at(i, v), mask, t.last(v)), sums[i][v], sums[i][v]) })

	Label(t.label("bias"))
	length := Load(Param("bias").Len(), GP64())
	TESTQ(length, length)
	JZ(LabelRef(t.label("relu")))
	base := Load(Param("bias").Base(), GP64())
	for v := range t.vectors {
		bias := s.loadColumns(Mem{Base: base, Disp: s.bytes(v)}, mask, t.last(v))
		for i := range sums {
			VADDPS(bias, sums[i][v], sums[i][v])
		}
	}

	Label(t.label("relu"))
	unless("relu", "store")
	zero := s.register()
	VXORPS(zero, zero, zero)
	t.each(func(i, v int) { VMAXPS(sums[i][v], zero, sums[i][v]) }) // of two, x86 returns the NaN that comes first here

	Label(t.label("store"))
	t.each(func(i, v int) {
		if t.last(v) {
			s.store(sums[i][v], mask, c.at(i, v))
		} else {
			VMOVUPS(sums[i][v], c.at(i, v))
		}
	})
}

// lastMask returns the mask of the columns that the last register of a row has.
func (s strip) lastMask(t tile) Op {
	n := Load(Param("width"), GP64())
	SUBQ(Imm(uint64((t.vectors-1)*s.lanes)), n)
	return s.mask(n)
}

// loadColumns returns a register of columns, masked if they are the last of a row and there is a mask.
func (s strip) loadColumns(from Mem, mask Op, last bool) VecVirtual {
	v := s.register()
	if last && mask != nil {
		s.load(from, mask, v)
	} else {
		VMOVUPS(from, v)
	}
	return v
}

// bytes is the size of n registers.
func (in instructions) bytes(n int) int { return 4 * n * in.lanes }

// matrix gives access to the rows of a tile: every third has a register.
type matrix struct {
	strip
	base   []Register
	stride Register
}

func (s strip) matrix(param string, stride Register, rows int) matrix {
	m := matrix{s, []Register{Load(Param(param).Base(), GP64())}, stride}
	for i := 1; 3*i < rows; i++ {
		next := GP64()
		LEAQ(Mem{Base: m.base[i-1], Index: stride, Scale: 2}, next)
		ADDQ(stride, next)
		m.base = append(m.base, next)
	}
	return m
}

// at is the address of register v of row i.
func (m matrix) at(i, v int) Mem {
	address := Mem{Base: m.base[i/3], Disp: m.bytes(v)}
	if i%3 > 0 {
		address.Index, address.Scale = m.stride, uint8(i%3)
	}
	return address
}
