package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// declare starts a kernel, and documents it with the Go code that it replaces.
func declare(name, signature string, replaces ...string) {
	TEXT(name+"AVX2", NOSPLIT, signature)
	Pragma("noescape")
	doc := []string{name + "AVX2 replaces", ""}
	for _, line := range replaces {
		doc = append(doc, "\t"+line)
	}
	Doc(doc...)
}

func finish() {
	VZEROUPPER()
	RET()
}

// elementwise emits a kernel that computes dst[i] = formula. Its arguments are dst and the other sources, slices all of
// the same length, and the scalars. body computes 8 elements, given the sources' and with a scalar in every lane, and may
// overwrite what it is given of the sources.
func elementwise(name, formula string, sources, scalars []string, body func(in, scalars []VecVirtual) VecVirtual) {
	slices := sources
	if sources[0] != "dst" {
		slices = append([]string{"dst"}, sources...)
	}
	signature := "func(" + strings.Join(slices, ", ") + " []float32"
	if len(scalars) > 0 {
		signature += ", " + strings.Join(scalars, ", ") + " float32"
	}
	declare(name, signature+")", "for i := range dst {", "\tdst[i] = "+formula, "}")
	dst, pointers := pointer("dst"), eachOf(sources, pointer)
	broadcast := eachOf(scalars, scalar)
	each(length("dst"), func(l lanes) {
		l.store(body(eachOf(pointers, l.load), broadcast), dst)
	})
	finish()
}

// sum emits a kernel that returns Σ formula. Lane j sums the elements j, j+8, j+16, … in order, and then the lanes
// are added: ((0+4)+(1+5)) + ((2+6)+(3+7)).
func sum(name, formula string, sources []string, body func(in []VecVirtual) VecVirtual) {
	declare(name, "func("+strings.Join(sources, ", ")+" []float32) float32",
		"var lane [8]float32",
		fmt.Sprintf("for i := range %s {", sources[0]),
		"\tlane[i%8] += "+formula,
		"}",
		"return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]))")
	pointers := eachOf(sources, pointer)
	total := YMM()
	VXORPS(total, total, total)
	each(length(sources[0]), func(l lanes) {
		term := body(eachOf(pointers, l.load))
		if l.mask != nil {
			VANDPS(l.mask, term, term)
		}
		VADDPS(term, total, total)
	})
	returnSum(total)
	finish()
}

// returnSum makes the sum of the lanes the result: ((0+4)+(1+5)) + ((2+6)+(3+7)). It overwrites them.
func returnSum(lanes VecVirtual) {
	high := XMM()
	low := lanes.AsX()
	VEXTRACTF128(Imm(1), lanes, high)
	VADDPS(high, low, low)
	VHADDPS(low, low, low)
	VHADDPS(low, low, low)
	Store(low, ReturnIndex(0))
}

func eachOf[In, Out any](in []In, f func(In) Out) []Out {
	out := make([]Out, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func pointer(slice string) Register { return Load(Param(slice).Base(), GP64()) }

func length(slice string) Register { return Load(Param(slice).Len(), GP64()) }

// scalar returns an argument in every lane.
func scalar(name string) VecVirtual {
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(address.Addr, v)
	return v
}

// lanes are 8 elements of each slice, from number at on.
type lanes struct {
	at   Register
	mask VecVirtual // of the elements that there are; nil means all
}

func (l lanes) load(slice Register) VecVirtual { return loadFrom(l.address(slice), l.mask) }

func (l lanes) store(v VecVirtual, slice Register) { storeTo(l.address(slice), l.mask, v) }

func (l lanes) address(slice Register) Mem { return Mem{Base: slice, Index: l.at, Scale: 4} }

func loadFrom(address Mem, mask VecVirtual) VecVirtual {
	v := YMM()
	if mask == nil {
		VMOVUPS(address, v)
	} else {
		VMASKMOVPS(address, mask, v)
	}
	return v
}

func storeTo(address Mem, mask, v VecVirtual) {
	if mask == nil {
		VMOVUPS(v, address)
	} else {
		VMASKMOVPS(v, mask, address)
	}
}

// each emits body for 8 elements at a time, and once more for the rest of the n elements, through a mask. So what an element
// becomes depends neither on its place nor on n. body must leave nothing in registers but sums.
func each(n Register, body func(lanes)) {
	at := whole(n, body)
	ANDQ(Imm(7), n)
	JZ(LabelRef("done"))
	body(lanes{at, maskOf(n)})
	Label("done")
}

// maskOf emits the mask of the first n of 8 elements, and overwrites n.
func maskOf(n Register) VecVirtual {
	table, mask := GP64(), YMM()
	LEAQ(masks(), table)
	NEGQ(n)
	VMOVUPS(Mem{Base: table, Index: n, Scale: 4, Disp: 8 * 4}, mask)
	return mask
}

// whole emits body for 8 elements at a time, up to the last multiple of 8 in n, and returns where that is.
func whole(n Register, body func(lanes)) Register {
	at, end := GP64(), GP64()
	XORQ(at, at)
	MOVQ(n, end)
	ANDQ(I32(-8), end)
	JZ(LabelRef("rest"))
	Label("loop")
	body(lanes{at: at})
	ADDQ(Imm(8), at)
	CMPQ(at, end)
	JB(LabelRef("loop"))
	Label("rest")
	return at
}

var constants = map[string]Mem{}

// masks returns a table of 8 lanes that count and 8 that do not.
func masks() Mem {
	return table("masks", 16, func(i int) Constant {
		if i < 8 {
			return U32(0xFFFFFFFF)
		}
		return U32(0)
	})
}

// constant returns a number in every lane. It writes the bits, because the assembler takes an F32(1) for an integer.
func constant(name string, value float64) Mem { return bits(name, math.Float32bits(float32(value))) }

// bits returns a number, given by its bits, in every lane.
func bits(name string, value uint32) Mem {
	return table(name, 8, func(int) Constant { return U32(value) })
}

// table returns n numbers of 4 bytes in memory, the same ones for the same name.
func table(name string, n int, value func(i int) Constant) Mem {
	if _, made := constants[name]; !made {
		constants[name] = GLOBL(name, RODATA|NOPTR)
		for i := range n {
			DATA(4*i, value(i))
		}
	}
	return constants[name]
}
