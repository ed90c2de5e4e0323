//go:build !amd64 || noasm

package sgemm

// kernels are those that this processor can run, the fastest first.
var kernels = []*kernel{&plain}
