//go:build cuda && !cgo

package driver

// The go command leaves this package's other files out where it finds no C compiler. What is undefined here is what it then says.
const _ = theTagCudaNeedsACCompilerAndMakeCudaSetup
