package cuda

import (
	"errors"
	"math"
	"testing"

	"govae/cuda/kernels"
	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
)

// TestNotFiniteLeavesTheState checks that a step with a loss that is not finite, and all that follow it in the stretch, change
// nothing. Of this learning rate the first step makes weights so large that the second has no loss.
func TestNotFiniteLeavesTheState(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := tinyJob()
		j.Settings.LearningRate = 1e30
		one, all := open(j), open(j)
		first := must[[]machine.Terms](t)(one.Train(counted(6)))
		steps, err := all.Train(counted(23))
		if !errors.Is(err, machine.ErrNotFinite) || len(steps) != 2 || !same(steps[:1], first) || !steps[0].Finite() || steps[1].Finite() {
			t.Fatalf("%v, terms are %v, want %v and those of a step without a loss", err, steps, first)
		}
		if d := differs(must[machine.State](t)(all.State()), must[machine.State](t)(one.State()), 0); d != "" {
			t.Errorf("%s after a step that failed", d)
		}
		if again, err := all.Train(counted(6)); !errors.Is(err, machine.ErrNotFinite) || len(again) != 1 {
			t.Errorf("another call returns %v, %v", again, err)
		}
	})
}

// TestOverflow checks that an update that overflows, in a moment or in a weight, is seen, though the loss is finite, and that the
// machine is lost then.
func TestOverflow(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		for _, change := range []func(*machine.Settings){
			func(s *machine.Settings) { s.Beta = 1e22 },
			func(s *machine.Settings) { s.LearningRate = 3e38 },
		} {
			j := tinyJob()
			change(&j.Settings)
			m := open(j)
			steps, err := m.Train(counted(23))
			if !errors.Is(err, machine.ErrNotFinite) || len(steps) != 1 || !steps[0].Finite() {
				t.Errorf("terms are %v and the error %v, want one finite step and %v", steps, err, machine.ErrNotFinite)
			}
			control := make([]kernels.Control, 1)
			if err := m.(*gpu).device.Read(memory(control), m.(*gpu).shared[plan.Control]); err != nil {
				t.Fatal(err)
			}
			if c := control[0]; c.Overflow != 1 || c.Stopped != 2 || c.At != 3 {
				t.Errorf("the first update of 4 overflows, and the device notes %+v", c)
			}
			_, state := m.State()
			_, train := m.Train(counted(6))
			_, test := m.Evaluate(counted(6))
			_, forward := m.Forward(model.Decode, make([]float32, 2))
			for _, err := range []error{state, train, test, forward} {
				if !errors.Is(err, machine.ErrNotFinite) {
					t.Errorf("a later call returns %v, want %v", err, machine.ErrNotFinite)
				}
			}
		}
	})
}

// TestSmallMoments checks that moments which a step makes subnormal are 0, as on the CPU, and those that are just larger are not. Of
// a pixel that is 0 in all images, the weights' gradients are 0.
func TestSmallMoments(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := tinyJob()
		pixels := j.Model.Image.Pixels()
		for i := range j.Train.Len() {
			j.Train.Values[i*pixels] = 0
		}
		j.State = must[machine.State](t)(j.Start())
		small := []float32{1.2e-38, -1.2e-38, 1.4e-38, -1.4e-38, 1e-30, 0, -0x1p-126}
		const layer = "encoder.0.weight"
		for unit, v := range small {
			j.State.FirstMoment[layer].Float32s()[unit*pixels] = v
			j.State.SecondMoment[layer].Float32s()[unit*pixels] = max(v, -v) * 1.0001
		}
		cpu, gpu := onCPU(t, j), open(j)
		must[[]machine.Terms](t)(cpu.Train(counted(6)))
		must[[]machine.Terms](t)(gpu.Train(counted(6)))
		got, want := must[machine.State](t)(gpu.State()), must[machine.State](t)(cpu.State())
		for unit, v := range small {
			at := unit * pixels
			for _, moments := range [][2]model.Tensors{{got.FirstMoment, want.FirstMoment}, {got.SecondMoment, want.SecondMoment}} {
				if g, w := moments[0][layer].Float32s()[at], moments[1][layer].Float32s()[at]; g != w {
					t.Errorf("of a moment of %v becomes %v, want %v", v, g, w)
				}
			}
		}
	})
}

// TestNaNIsNotHidden checks that no activation makes a number of what is none.
func TestNaNIsNotHidden(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		for _, f := range model.Activations() {
			j := tinyJob()
			j.Model.Activation = f
			row := make([]float32, j.Model.Image.Pixels())
			row[3] = float32(math.NaN())
			for i, output := range must[[][]float32](t)(open(j).Forward(model.Encode, row)) {
				for k, v := range output {
					if v == v {
						t.Errorf("%s: output %d is %v at %d, want NaN", f, i, v, k)
					}
				}
			}
		}
	})
}
