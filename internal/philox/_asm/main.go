// Command asm generates the AVX2 kernel of package philox.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// What defines Philox4x32-10, as in package philox.
const (
	multiplier0 = 0xD2511F53
	multiplier1 = 0xCD9E8D57
	weyl0       = 0x9E3779B9
	weyl1       = 0xBB67AE85
	rounds      = 10
)

func main() {
	ConstraintExpr("amd64,!noasm")
	blocks()
	Generate()
}

// state is one word of the counters of four blocks, in the low halves of the register's four parts of 64 bits. That is where
// VPMULUDQ reads, and the halves above hold anything.
type state [4]VecVirtual

func blocks() {
	TEXT("blocksAVX2", NOSPLIT, "func(dst []uint32, counter [4]uint32, key [2]uint32)")
	Pragma("noescape")
	Doc(
		"blocksAVX2 replaces",
		"",
		"\tfor len(dst) > 0 { // len(dst) is a positive multiple of 32",
		"\t\tblock := Block(counter, key)",
		"\t\tcopy(dst, block[:])",
		"\t\tcounter[0]++",
		"\t\tdst = dst[4:]",
		"\t}",
	)
	dst, n := Load(Param("dst").Base(), GP64()), Load(Param("dst").Len(), GP64())
	first := broadcast("counter", 0)
	VPADDD(table("places", func(part int) uint32 { return uint32(part) }), first, first)
	multipliers := [2]VecVirtual{YMM(), YMM()}
	VMOVDQU(everywhere("multiplier0", multiplier0), multipliers[0])
	VMOVDQU(everywhere("multiplier1", multiplier1), multipliers[1])

	// Two groups of four blocks: each operation waits for the one before, and the groups do not wait for each other.
	Label("loop")
	var groups [2]state
	for i := range groups {
		place := YMM()
		VMOVDQA(first, place)
		groups[i] = state{place, broadcast("counter", 1), broadcast("counter", 2), broadcast("counter", 3)}
		VPADDD(everywhere("four", 4), first, first)
	}
	key := [2]VecVirtual{broadcast("key", 0), broadcast("key", 1)}
	for r := range rounds {
		if r > 0 {
			VPADDD(everywhere("weyl0", weyl0), key[0], key[0])
			VPADDD(everywhere("weyl1", weyl1), key[1], key[1])
		}
		for i := range groups {
			groups[i] = round(groups[i], key, multipliers)
		}
	}
	for i := range groups {
		store(groups[i], Mem{Base: dst, Disp: 64 * i})
	}
	ADDQ(Imm(128), dst)
	SUBQ(Imm(32), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// round emits one round: the words become high1^c1^k0, low1, high0^c3^k1 and low0.
func round(c state, key, multipliers [2]VecVirtual) state {
	product0, product1 := YMM(), YMM()
	VPMULUDQ(multipliers[0], c[0], product0)
	VPMULUDQ(multipliers[1], c[2], product1)
	mix := func(product, word, key VecVirtual) VecVirtual {
		high := YMM()
		VPSRLQ(Imm(32), product, high)
		VPXOR(key, word, word)
		VPXOR(word, high, high)
		return high
	}
	return state{mix(product1, c[1], key[0]), product1, mix(product0, c[3], key[1]), product0}
}

// store emits the blocks one after the other.
func store(c state, to Mem) {
	const oddLanes = 0xAA
	for i := 0; i < 4; i += 2 { // both words of each pair into one part of 64 bits
		VPSLLQ(Imm(32), c[i+1], c[i+1])
		VPBLENDD(Imm(oddLanes), c[i+1], c[i], c[i])
	}
	even, odd := YMM(), YMM() // blocks 0 and 2, 1 and 3
	VPUNPCKLQDQ(c[2], c[0], even)
	VPUNPCKHQDQ(c[2], c[0], odd)
	const lowHalves, highHalves = 0x20, 0x31
	VPERM2I128(Imm(lowHalves), odd, even, c[0])
	VPERM2I128(Imm(highHalves), odd, even, c[2])
	VMOVDQU(c[0], to)
	VMOVDQU(c[2], to.Offset(32))
}

// broadcast returns a word of an argument in every lane. To go vet, VPBROADCASTD reads 8 bytes.
func broadcast(name string, word int) VecVirtual {
	address, err := Param(name).Index(word).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(address.Addr, v)
	return v
}

// everywhere returns a number in every part of a register.
func everywhere(name string, value uint32) Mem { return table(name, func(int) uint32 { return value }) }

var tables = map[string]Mem{}

// table returns one number for each part of a register, the same ones for the same name.
func table(name string, value func(part int) uint32) Mem {
	if _, made := tables[name]; !made {
		tables[name] = GLOBL(name, RODATA|NOPTR)
		for part := range 4 {
			DATA(8*part, U64(value(part)))
		}
	}
	return tables[name]
}
