//go:build !cuda

package cuda

import (
	"fmt"

	"govae/model/machine"
)

// Open returns a CUDA machine for the job on the card of that number, from 0 on, and what it is in words: card, memory and driver.
// Where there is none to be had, and in this build there never is, the error is ErrUnavailable. Where the card lacks the job's
// precision, it is machine.ErrPrecision; others are about the job.
func Open(card int, j machine.Job) (machine.Machine, string, error) {
	return nil, "", fmt.Errorf("%w in this build: make cuda-setup, then build it with -tags cuda", ErrUnavailable)
}
