// Package cuda is the place of the CUDA machine. So far it holds only the answer to whether there is one.
package cuda

import "errors"

// ErrUnavailable says why no CUDA machine can be had.
var ErrUnavailable = errors.New("this build has no CUDA machine")

// Open says why no CUDA device can be used. So far it always returns ErrUnavailable. When there is a machine to return, package
// train wraps it in its Machine, so that no import runs upwards.
func Open() error { return ErrUnavailable }
