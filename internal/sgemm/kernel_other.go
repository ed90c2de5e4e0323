//go:build !amd64 || noasm

package sgemm

// best is the fastest kernel that this processor can run.
var best = &plain
