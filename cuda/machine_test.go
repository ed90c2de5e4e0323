package cuda

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
)

// devices are those that the machine is tested on. With the tag cuda there is a card among them, or what stands in for it.
var devices = map[string]func(*testing.T) (device, int){
	"reference": func(*testing.T) (device, int) { return new(reference), 132 },
}

// onDevices runs a test on each.
func onDevices(t *testing.T, test func(t *testing.T, open func(machine.Job) machine.Machine)) {
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			test(t, func(j machine.Job) machine.Machine {
				t.Helper()
				d, multiprocessors := device(t)
				return opened(t, d, multiprocessors, j)
			})
		})
	}
}

func opened(t *testing.T, d device, multiprocessors int, j machine.Job) *gpu {
	t.Helper()
	m, err := newGPU(d, multiprocessors, j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return m
}

// tinyJob returns a job on a small network with no two sizes alike: 15-7-(2+2)-7-15, 23 training and 11 test images, 6 images a
// step.
func tinyJob() machine.Job {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 3, Width: 5, Channels: 1}, []int{7}, 2
	return job(cfg, machine.Settings{Seed: 5, Batch: 6, LearningRate: 1e-2, Beta: 0.3}, 23, 11)
}

func job(cfg model.Config, s machine.Settings, train, test int) machine.Job {
	return machine.Job{Model: cfg, Settings: s, Train: randomImages(cfg.Image, train, 1), Test: randomImages(cfg.Image, test, 2)}
}

// randomImages returns n images, and different ones for each seed.
func randomImages(shape model.Image, n int, seed uint64) *model.Images {
	images := &model.Images{Shape: shape, Values: make([]byte, n*shape.Pixels())}
	random := philox.New(seed, philox.Latent, 0)
	for i := range images.Values {
		images.Values[i] = byte(random.Uint32())
	}
	return images
}

// jobs are those on which the machine has to agree with the CPU.
func jobs() map[string]machine.Job {
	deep := tinyJob()
	deep.Model.Hidden, deep.Model.Latent, deep.Model.Activation = []int{37, 20, 33}, 5, op.Tanh
	deep.Settings.Batch, deep.Settings.Beta = 1, 4
	wide := tinyJob()
	wide.Model.Image, wide.Model.Hidden, wide.Model.Latent, wide.Model.Activation = model.Image{Height: 9, Width: 8, Channels: 3}, []int{65}, 33, op.Sigmoid
	wide = job(wide.Model, wide.Settings, 101, 70)
	wide.Settings.Batch, wide.Settings.Seed = 64, 1<<40+3
	cores := tinyJob() // on which the CPU's bits are compared for several cores
	cores.Model.Image, cores.Model.Hidden, cores.Model.Latent = model.Image{Height: 20, Width: 18, Channels: 1}, []int{70}, 24
	cores.Settings.Batch, cores.Settings.LearningRate = 48, 1e-3
	cores = job(cores.Model, cores.Settings, 127, 90)
	code, told := tinyJob(), tinyJob()
	code.Model.Kind, code.Model.Hidden, code.Settings.Beta = model.AE, []int{37, 20}, 1
	told.Model.Kind, told.Model.Hidden, told.Model.Classes = model.CVAE, []int{37, 20}, 5
	for _, images := range []*model.Images{told.Train, told.Test} {
		for i := range images.Len() {
			images.Labels = append(images.Labels, byte(i*i%5))
		}
	}
	classes := told // the class is what is learnt
	classes.Model.Kind, classes.Settings.Beta = model.Classifier, 1
	return map[string]machine.Job{"tiny": tinyJob(), "deep": deep, "wide": wide, "cores": cores, "code": code, "told": told, "classes": classes}
}

// counted returns n numbers from 0 on.
func counted(n int) []int {
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return indices
}

func onCPU(t *testing.T, j machine.Job) machine.Machine {
	t.Helper()
	m, err := machine.NewCPU(j)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// near reports terms that differ by more than rounding.
func near(t *testing.T, what string, got, want []machine.Terms) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d steps, want %d", what, len(got), len(want))
	}
	for i := range got {
		for k := range want[i] {
			if d := math.Abs(got[i][k] - want[i][k]); !(d <= 1e-4*(1e-2+math.Abs(want[i][k]))) {
				t.Fatalf("%s, step %d: the terms are %v, want %v", what, i, got[i], want[i])
			}
		}
	}
}

func same(a, b []machine.Terms) bool {
	return slices.EqualFunc(a, b, func(a, b machine.Terms) bool { return slices.Equal(a, b) })
}

// differs returns the name of a tensor that differs between two states in more than rounding, or in any bit, or "".
func differs(a, b machine.State, tolerance float64) string {
	sets := b.Sets()
	for i, set := range a.Sets() {
		other := *sets[i].Tensors
		if len(*set.Tensors) != len(other) {
			return set.Name
		}
		for name, value := range *set.Tensors {
			for k, v := range value.Float32s() {
				w := other[name].Float32s()[k]
				if math.Float32bits(v) != math.Float32bits(w) && !(math.Abs(float64(v-w)) <= tolerance) {
					return fmt.Sprintf("%s of %s: [%d] is %v and %v", set.Name, name, k, v, w)
				}
			}
		}
	}
	if a.Step != b.Step {
		return fmt.Sprintf("step: %d and %d", a.Step, b.Step)
	}
	return ""
}

// TestFollowsTheCPU checks that training gives the CPU's losses step by step, with short last batches in between, and that the
// test losses and the state are the CPU's then.
func TestFollowsTheCPU(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		for name, j := range jobs() {
			cpu, gpu := onCPU(t, j), open(j)
			order := counted(j.Train.Len())
			slices.Reverse(order)
			for epoch := range 3 {
				what := fmt.Sprintf("%s, epoch %d", name, epoch)
				near(t, what, must[[]machine.Terms](t)(gpu.Train(order)), must[[]machine.Terms](t)(cpu.Train(order)))
				near(t, what+", test", must[[]machine.Terms](t)(gpu.Evaluate(counted(j.Test.Len()))),
					must[[]machine.Terms](t)(cpu.Evaluate(counted(j.Test.Len()))))
			}
			if d := differs(must[machine.State](t)(gpu.State()), must[machine.State](t)(cpu.State()), 2e-4); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
	})
}

// TestForward checks each part of a model against the CPU, for numbers of images below and above what one run takes, and that an
// image has the same bits alone.
func TestForward(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		for name, j := range jobs() {
			cpu, gpu := onCPU(t, j), open(j)
			for _, part := range []model.Part{model.Encode, model.Decode, model.Score, model.Classify} {
				if !j.Model.Kind.Can(part) {
					continue
				}
				inputs := must[[]model.Input](t)(j.Model.Inputs(part))
				for _, n := range []int{1, 5, 64, 131} {
					rows, first := make([][]float32, len(inputs)), make([][]float32, len(inputs))
					for i, in := range inputs {
						rows[i] = make([]float32, n*in.Width(1))
						philox.New(uint64(i), philox.Latent, 0).Uniform(rows[i], 0, 1)
						first[i] = rows[i][:in.Width(1)]
					}
					got, want := must[[][]float32](t)(gpu.Forward(part, rows...)), must[[][]float32](t)(cpu.Forward(part, rows...))
					alone := must[[][]float32](t)(gpu.Forward(part, first...))
					for i := range want {
						if len(got[i]) != len(want[i]) || !slices.Equal(alone[i], got[i][:len(alone[i])]) {
							t.Fatalf("%s, %s: output %d has %d values, want %d, or other bits for an image alone", name, part, i, len(got[i]), len(want[i]))
						}
						for k, v := range want[i] {
							if d := math.Abs(float64(got[i][k] - v)); !(d <= 1e-5*(1+math.Abs(float64(v)))) {
								t.Fatalf("%s, %s of %d: output %d is %v at %d, want %v", name, part, n, i, got[i][k], k, v)
							}
						}
					}
				}
			}
		}
	})
}

// TestLargeLogits checks a classifier whose logits are ±100 against the CPU: exp of them is infinite, or 0.
func TestLargeLogits(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := jobs()["classes"]
		j.State.Weights = model.InitialWeights(j.Model, 1)
		for i := range j.Model.Classes {
			j.State.Weights["logits.bias"].Float32s()[i] = float32(100 * (1 - 2*(i%2)))
		}
		cpu, gpu := onCPU(t, j), open(j)
		x := make([]float32, 5*j.Model.Image.Pixels())
		philox.New(1, philox.Latent, 0).Uniform(x, 0, 1)
		got := must[[][]float32](t)(gpu.Forward(model.Classify, x))[0]
		for i, want := range must[[][]float32](t)(cpu.Forward(model.Classify, x))[0] {
			if d := math.Abs(float64(got[i] - want)); !(d <= 1e-4) {
				t.Fatalf("probability %d is %v, want %v", i, got[i], want)
			}
		}
		terms := must[[]machine.Terms](t)(gpu.Train(counted(j.Train.Len())))
		near(t, "large logits", terms, must[[]machine.Terms](t)(cpu.Train(counted(j.Train.Len()))))
		if !(terms[0][0] > 50 && terms[0][0] < 250) {
			t.Errorf("the loss is %v, want one of logits that differ by 200", terms[0][0])
		}
	})
}

// TestSameBits checks that neither the division of steps between calls nor another machine that takes the state over changes a bit.
func TestSameBits(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := tinyJob()
		one := open(j)
		want := must[[]machine.Terms](t)(one.Train(counted(23)))
		want = append(want, must[[]machine.Terms](t)(one.Train(counted(23)))...)
		several := open(j)
		var got []machine.Terms
		for part := range slices.Chunk(counted(23), 12) {
			got = append(got, must[[]machine.Terms](t)(several.Train(part))...)
		}
		j.State = must[machine.State](t)(several.State())
		resumed := open(j)
		got = append(got, must[[]machine.Terms](t)(resumed.Train(counted(23)))...)
		if !same(got, want) {
			t.Errorf("terms are %v, want %v", got, want)
		}
		if d := differs(must[machine.State](t)(resumed.State()), must[machine.State](t)(one.State()), 0); d != "" {
			t.Error(d)
		}
	})
}

// TestStretches checks that there is no bound to how many steps a call may ask for, though there is one to the memory for them.
func TestStretches(t *testing.T) {
	j := tinyJob()
	for batch, want := range map[int]int{1: 4096, 128: 4096, 4096: 256, 65536: 16} {
		j.Settings.Batch = batch
		if m := opened(t, new(reference), 1, j); m.steps != want {
			t.Errorf("batch %d: there is memory for %d steps, want %d", batch, m.steps, want)
		}
	}
	j = tinyJob()
	want := must[[]machine.Terms](t)(opened(t, new(reference), 1, j).Train(counted(23)))
	m := opened(t, new(reference), 1, j)
	m.steps = 3
	if got := must[[]machine.Terms](t)(m.Train(counted(23))); !same(got, want) {
		t.Errorf("terms are %v, want %v", got, want)
	}
	want = must[[]machine.Terms](t)(m.Evaluate(counted(11)))
	if m.steps = 1; !same(must[[]machine.Terms](t)(m.Evaluate(counted(11))), want) {
		t.Errorf("terms of a test are others")
	}
}

// TestPrograms checks that a graph is compiled once, for the job's precision and the card's size.
func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		precision       machine.Precision
		multiprocessors int
		want            string
	}{{machine.Float32, 1, "_64x64"}, {"", 1000, "_16x32"}, {machine.TF32, 1, "_tf32_64x64"}, {machine.TF32, 1000, "_tf32_32x32"}} {
		j := tinyJob()
		j.Precision = c.precision
		d := new(reference)
		m := opened(t, d, c.multiprocessors, j)
		must[[]machine.Terms](t)(m.Train(counted(6)))
		for _, l := range d.captured {
			if form, ok := strings.CutPrefix(l.kernel, "dense_forward"); ok && form != c.want {
				t.Errorf("%q with %d multiprocessors: %s, want %s", c.precision, c.multiprocessors, l.kernel, c.want)
			}
		}
		captured, blocks := len(d.captured), len(d.blocks)
		must[[]machine.Terms](t)(m.Train(counted(6)))
		if len(d.captured) != captured || len(d.blocks) != blocks {
			t.Errorf("another call of the same size makes %d launches and %d buffers", len(d.captured)-captured, len(d.blocks)-blocks)
		}
	}
}

// TestMistakes checks that what is asked wrongly is an error, and does no harm.
func TestMistakes(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := tinyJob()
		m := open(j)
		_, train := m.Train([]int{0, 23})
		_, test := m.Evaluate([]int{-1})
		_, forward := m.Forward(model.Train, nil)
		_, rows := m.Forward(model.Decode, make([]float32, 3))
		for i, c := range []struct {
			err  error
			want string
		}{
			{train, "index 1 of the training images is 23"}, {test, "index 0 of the test images is -1"},
			{forward, "has no outputs"}, {rows, "3 values are given for z"},
		} {
			if !strings.Contains(fmt.Sprint(c.err), c.want) {
				t.Errorf("%d: error is %v, want one that says %q", i, c.err, c.want)
			}
		}
		j.Train = nil
		if s := must[machine.State](t)(open(j).State()); s.FirstMoment != nil || s.Weights == nil {
			t.Error("a machine that does not train has moments, or no weights")
		}
		near(t, "after mistakes", must[[]machine.Terms](t)(m.Train(counted(23))), must[[]machine.Terms](t)(onCPU(t, tinyJob()).Train(counted(23))))
	})
}

// TestNothing checks that nothing to do is no error, and for images that are not there one, as the CPU has it.
func TestNothing(t *testing.T) {
	onDevices(t, func(t *testing.T, open func(machine.Job) machine.Machine) {
		j := tinyJob()
		cpu, gpu := onCPU(t, j), open(j)
		j.Train, j.Test = nil, nil
		for _, c := range []struct {
			m    machine.Machine
			fail bool
		}{{cpu, false}, {gpu, false}, {onCPU(t, j), true}, {open(j), true}} {
			train, err := c.m.Train(nil)
			test, testErr := c.m.Evaluate([]int{})
			if train != nil || test != nil || (err != nil) != c.fail || (testErr != nil) != c.fail {
				t.Errorf("%T without images: the terms are %v and %v, the errors %v and %v", c.m, train, test, err, testErr)
			}
			if outputs := must[[][]float32](t)(c.m.Forward(model.Encode, nil)); len(outputs) != 2 || outputs[0] != nil || outputs[1] != nil {
				t.Errorf("%T: of no rows come %v", c.m, outputs)
			}
			if s := must[machine.State](t)(c.m.State()); s.Step != 0 {
				t.Errorf("%T: step %d after none", c.m, s.Step)
			}
		}
	})
}

// TestDeviceFails checks, for each of its calls, that a device that fails there is an error, which later calls return, too, though the
// device would work again.
func TestDeviceFails(t *testing.T) {
	for fail := 1; ; fail++ {
		d := &reference{fail: fail}
		m, err := newGPU(d, 132, tinyJob())
		if err != nil {
			if !errors.Is(err, errFails) || !errors.Is(err, ErrUnavailable) {
				t.Fatalf("call %d: %v", fail, err)
			}
			continue
		}
		_, err = m.Train(counted(23))
		if err == nil {
			_, err = m.Evaluate(counted(11))
		}
		if err == nil {
			_, err = m.Forward(model.Encode, make([]float32, 15))
		}
		if err == nil {
			_, err = m.State()
		}
		if err == nil {
			if d.calls < 40 {
				t.Errorf("%d calls, want more", d.calls)
			}
			return
		}
		d.fail = 0
		_, again := m.State()
		if !errors.Is(err, errFails) || again != err {
			t.Fatalf("call %d: %v, and then %v", fail, err, again)
		}
	}
}
