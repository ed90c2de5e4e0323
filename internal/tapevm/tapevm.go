// Package tapevm runs Gorgonia's tape machine where it is called.
package tapevm

import (
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// RunAll executes the whole program of m, which gorgonia.NewTapeMachine has made, on the calling goroutine.
//
// m.RunAll starts a goroutine for that and waits for it, locked to its thread, because what it knows of CUDA would have to be
// called there. The system must then wake a second thread for the program, and the first one at its end: for a step of a small
// network that takes as long as all the rest of the tape machine's own work. Without CUDA nothing needs it.
//
// Two things that m.RunAll does are left out: the gradients of gorgonia.BindDualValues are not added up, and a BLAS that
// collects its calls is not served. RunAll panics if m is no tape machine.
func RunAll(m gorgonia.VM) error {
	if reflect.TypeOf(m).String() != "*gorgonia.tapeMachine" { // the type has no name out here
		panic(fmt.Sprintf("tapevm: RunAll of a %T, want a tape machine", m))
	}
	errs, done := make(chan error, 1), make(chan struct{}, 1) // with room for what runall sends at its end
	runall(reflect.ValueOf(m).UnsafePointer(), errs, done)
	select {
	case err := <-errs:
		return err
	case <-done:
		return nil
	}
}

// runall is the loop over the program's instructions that m.RunAll runs, too, as it is in the version of Gorgonia that go.mod
// names. It sends an error, or that it is done.
//
//go:linkname runall gorgonia.org/gorgonia.(*tapeMachine).runall
func runall(m unsafe.Pointer, errs chan error, done chan struct{})
