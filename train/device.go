package train

import (
	"fmt"
	"runtime"

	"govae/cuda"
)

// Device names what a run computes on.
type Device string

const (
	Auto Device = "auto" // CUDA where there is one, else the CPU
	CPU  Device = "cpu"
	CUDA Device = "cuda"
)

// openMachine returns the machine that the run trains on, and what it runs on in words. Nowhere else is the device chosen.
// The machine starts from the initial weights that the seed of o.Model fixes.
func openMachine(o Options) (Machine, string, error) {
	device := fmt.Sprintf("cpu, %d cores", runtime.GOMAXPROCS(0))
	if o.Device != CPU {
		err := cuda.Open()
		if o.Device == CUDA {
			return nil, "", fmt.Errorf("-device cuda: %w: use -device cpu, or auto to take what there is", err)
		}
		device += fmt.Sprintf(" (%v)", err)
	}
	if o.newMachine != nil {
		machine, err := o.newMachine(o.Model, o.LearningRate)
		return machine, device, err
	}
	machine, err := NewTapeMachine(o.Model, o.LearningRate)
	return machine, device, err
}
