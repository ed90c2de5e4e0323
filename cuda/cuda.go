// Package cuda is the place of the CUDA machine, which is there in builds with the tag cuda. In others, stub.go says that there is
// none.
package cuda

import "errors"

// ErrUnavailable says that no CUDA machine can be had. What is returned wraps it with the reason, in one line: that the build has
// none, or that there is no driver or no such card, that either is too old, or that the card's memory is full.
var ErrUnavailable = errors.New("no CUDA machine")
