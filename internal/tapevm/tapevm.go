// Package tapevm runs Gorgonia's tape machine where it is called.
package tapevm

import (
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// RunAll executes the whole program of m, which gorgonia.NewTapeMachine has made, on the calling goroutine.
//
// m.RunAll starts a goroutine for that and waits for it, locked to its thread, because what it knows of CUDA would have to be
// called there. The system must then wake a second thread for the program, and the first one at its end: for a step of a small
// network that takes as long as all the rest of the tape machine's own work. Without CUDA nothing needs it.
func RunAll(m gorgonia.VM) error {
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
