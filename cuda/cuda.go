// Package cuda is the place of the CUDA machine. So far it holds only the answer to whether there is one.
package cuda

import (
	"errors"

	"govae/model/machine"
)

// ErrUnavailable says why no CUDA machine can be had.
var ErrUnavailable = errors.New("this build has no CUDA machine")

// Open returns a CUDA machine for the job, and what it is in words, or ErrUnavailable. So far it always returns the latter.
func Open(machine.Job) (machine.Machine, string, error) { return nil, "", ErrUnavailable }
