// Command peak generates the measuring loops of package peak.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sums are enough independent ones to hide the latency of a fused multiply-add: 4 cycles, at 2 in each.
const sums = 12

func main() {
	ConstraintExpr("amd64,!noasm")
	loop("AVX2", 8, YMM)
	loop("AVX512", 16, ZMM)
	Generate()
}

func loop[Register VecVirtual](name string, lanes int, register func() Register) {
	TEXT("multiplyAdds"+name, NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("multiplyAdds%s does %d fused multiply-adds of %d floats each, n times, in registers alone. n must be above 0.", name, sums, lanes))
	n := Load(Param("n"), GP64())
	var accumulators [sums]Register
	for i := range accumulators {
		accumulators[i] = register()
		VXORPS(accumulators[i], accumulators[i], accumulators[i])
	}
	a, b := register(), register()
	VXORPS(a, a, a)
	VXORPS(b, b, b)
	Label("loop")
	for i := range accumulators {
		VFMADD231PS(a, b, accumulators[i])
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
