//go:build cuda

// Package setup stops a build with the tag cuda, by a message that says what to do, where `make cuda-setup` has not been run.
// It is a package of its own, so that it is compiled, and the message seen, where gorgonia.org/cu does not compile. done.h is in its
// folder, so that the go command compiles it anew where that comes or goes.
package setup

/*
#if !__has_include("done.h")
#error "-tags cuda needs copies of two modules and CUDA's header: run `make cuda-setup` first"
#endif
*/
import "C"
