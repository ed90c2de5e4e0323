//go:build !amd64 || noasm

package vec

// best are the fastest kernels that this processor can run.
var best = &plain
