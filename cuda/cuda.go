// Package cuda is the place of the CUDA machine. So far it holds only the answer to whether there is one.
package cuda

import "errors"

// ErrUnavailable says why no CUDA machine can be had.
var ErrUnavailable = errors.New("this build has no CUDA machine")

// Open would return the first CUDA device. So far it always returns ErrUnavailable.
func Open() error { return ErrUnavailable }
