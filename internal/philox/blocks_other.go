//go:build !amd64 || noasm

package philox

// blocks is the fastest way to do what blocksPlain does that this processor has.
var blocks = blocksPlain
