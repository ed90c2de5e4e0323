// Command tile generates the kernels of package sgemm.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!noasm")
	for _, in := range []instructions{avx2, avx512} {
		in.strip()
		in.transpose()
		in.copyRows()
	}
	Generate()
}

// stride loads a stride and turns floats into bytes.
func stride(param string) Register {
	r := Load(Param(param), GP64())
	SHLQ(Imm(2), r)
	return r
}

// address is where an argument lies.
func address(param gotypes.Component) Mem {
	component, err := param.Resolve()
	if err != nil {
		panic(err)
	}
	return component.Addr
}
