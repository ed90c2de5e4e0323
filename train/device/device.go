// Package device chooses the machine that a model runs on. Nowhere else is one chosen.
package device

import (
	"errors"
	"fmt"
	"runtime"

	"govae/cuda"
	"govae/model/machine"
)

// Name names a device.
type Name string

// The names.
const (
	Auto Name = "auto" // CUDA where there is one, else the CPU; no name at all means the same
	CPU  Name = "cpu"
	CUDA Name = "cuda"
)

// Names lists them.
var Names = map[Name]bool{Auto: true, CPU: true, CUDA: true}

// ErrUnavailable says that the device that was named cannot be had.
var ErrUnavailable = errors.New("the device is not available")

// openCUDA is a variable for tests, which run where there is no CUDA machine.
var openCUDA = cuda.Open

// Open returns a machine for the job on the named device, safe for concurrent use, and what it is in words: cpu, 2 cores. With
// Auto, the words say why it is no other. It returns ErrUnavailable, with the reason, where there is no device of that name;
// other errors are about the job.
func Open(name Name, j machine.Job) (machine.Machine, string, error) {
	var why string
	switch name {
	case CPU:
	case Auto, "", CUDA:
		m, words, err := openCUDA(0, j)
		if err == nil {
			return machine.InTurns(m), words, nil
		}
		if !errors.Is(err, cuda.ErrUnavailable) {
			return nil, "", err
		}
		if name == CUDA {
			return nil, "", fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		why = fmt.Sprintf(" (%v)", err)
	default:
		return nil, "", fmt.Errorf("device: there is none named %q", string(name))
	}
	m, err := machine.NewCPU(j)
	if err != nil {
		return nil, "", err
	}
	return machine.InTurns(m), fmt.Sprintf("cpu, %d cores%s", runtime.GOMAXPROCS(0), why), nil
}
