// Command peak generates the measuring loop of package peak.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sums are enough independent ones to hide the latency of a fused multiply-add: 4 cycles, at 2 in each.
const sums = 12

func main() {
	ConstraintExpr("amd64,!noasm")
	TEXT("multiplyAdds", NOSPLIT, "func(n int)")
	Doc("multiplyAdds does 12 fused multiply-adds of 8 floats each, n times, in registers alone. n must be above 0.")
	n := Load(Param("n"), GP64())
	var accumulators [sums]VecVirtual
	for i := range accumulators {
		accumulators[i] = YMM()
		VXORPS(accumulators[i], accumulators[i], accumulators[i])
	}
	a, b := YMM(), YMM()
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
	Generate()
}
