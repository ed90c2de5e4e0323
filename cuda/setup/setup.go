//go:build cuda

// Package setup stops a build with the tag cuda, by a message that says what to do, where `make cuda-setup` has not been run.
// It is a package of its own, so that it is compiled, and the message seen, where gorgonia.org/cu does not compile.
package setup

/*
#cgo CFLAGS: -I${SRCDIR}/../../.cuda
#if !__has_include("made-from")
#error "-tags cuda needs copies of two modules and CUDA's header: run `make cuda-setup` first"
#endif
*/
import "C"
