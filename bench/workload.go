// Package bench measures govae against what it is compared with.
package bench

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"time"

	"govae/internal/setting"
	"govae/model"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/device"
)

// Workload is what every peer is timed with: a model, its settings, and MNIST's training images in memory.
// Its flags are those of torch_step.py, and the device.
type Workload struct {
	machine.Job
	Device  device.Choice
	seconds float64 // about how long to measure
	data    string  // folder with the images
}

// AddFlags makes the flags that set w, and sets their defaults.
func (w *Workload) AddFlags(flags *flag.FlagSet) {
	w.Model, w.Settings, w.Device = model.DefaultConfig(), machine.DefaultSettings(), device.CPU
	setting.AddFlags(flags, only(model.Fields, "hidden", "latent", "activation"), &w.Model)
	setting.AddFlags(flags, only(machine.Fields, "batch"), &w.Settings)
	setting.AddFlags(flags, device.Fields, &w.Device)
	flags.StringVar(&w.data, "data", "", "`folder` with the data set; without: MNIST from the module cache")
	flags.Float64Var(&w.seconds, "seconds", 3, "about how long to measure")
}

// only returns the fields that have one of the flags.
func only[S any](fields []setting.Field[S], flags ...string) []setting.Field[S] {
	return setting.Choose(fields, func(f setting.Field[S]) bool { return slices.Contains(flags, f.Flag) })
}

// Open reads the images. Its error says what of them, or of the flags, will not do.
func (w *Workload) Open() error {
	set, err := dataset.Open(w.data)
	if err != nil {
		return err
	}
	w.Train, w.Model.Image, w.Precision = &set.Train, set.Train.Shape, w.Device.Precision
	if err := w.Validate(); err != nil {
		return setting.Flagged(err)
	}
	if n := w.Train.Len(); w.Settings.Batch > n {
		return fmt.Errorf("-batch is %d, want at most %d, the images there are", w.Settings.Batch, n)
	}
	return nil
}

// Trainer makes one training step after the other over the images at indices, a whole batch a step, and returns the terms of each:
// first the loss, in nats per image. The method Train of a machine.Machine is one.
type Trainer func(indices []int) ([]machine.Terms, error)

// StepByStep returns a Trainer that gives the images of the job to step, a batch at a time: x is [batch, pixels], and good
// until step returns.
func StepByStep(j machine.Job, step func(x []float32) (machine.Terms, error)) Trainer {
	pixels := j.Model.Image.Pixels()
	x := make([]float32, j.Settings.Batch*pixels)
	return func(indices []int) (steps []machine.Terms, err error) {
		for batch := range slices.Chunk(indices, j.Settings.Batch) {
			for row, i := range batch {
				j.Train.Fill(x[row*pixels:][:pixels], i)
			}
			terms, err := step(x)
			if err != nil {
				return steps, err
			}
			steps = append(steps, terms)
		}
		return steps, nil
	}
}

// Result says how long a training step takes.
type Result struct {
	Median float64 `json:"median"` // seconds a step: the median of blocks of steps
	Mean   float64 `json:"mean"`   // seconds a step, over all blocks
	Steps  int     `json:"steps"`  // made in all
	Loss   float64 `json:"loss"`   // of step lossStep, in nats per image: it shows whether all train the same
	First  float64 `json:"first"`  // seconds from the start of the program to the end of the first step
	Device string  `json:"device"` // in words
}

var started = time.Now()

// lossStep is the number of a step that every process reaches, however slow.
const lossStep = 7

// Measure times blocks of steps for about the seconds of the flag, after a quarter of that to warm up. measure in torch_step.py
// does the same. The steps of a block are one call of train, as those of a twentieth of a second or more are in a run.
func (w *Workload) Measure(train Trainer) (r Result, err error) {
	batch := w.Settings.Batch
	whole := w.Train.Len() / batch * batch // images in whole batches, which are taken in order and over again
	run := func(steps int) (elapsed float64) {
		if err != nil {
			return 0
		}
		indices := make([]int, steps*batch)
		for i := range indices {
			indices[i] = (r.Steps*batch + i) % whole
		}
		var made []machine.Terms
		start := time.Now()
		made, err = train(indices)
		elapsed = time.Since(start).Seconds()
		for _, terms := range made {
			if r.Steps++; r.Steps == lossStep {
				r.Loss = terms[0]
			}
		}
		return elapsed
	}

	run(1) // compiles the graph
	r.First = time.Since(started).Seconds()
	warm, spent := 0, 0.0
	for warm < 3 || spent < w.seconds/4 {
		spent += run(1)
		warm++
		if err != nil {
			return Result{}, err
		}
	}
	const blocks = 20
	each := spent / float64(warm)
	steps := max(1, int(math.Round(w.seconds/blocks/each))) // in a block
	times := make([]float64, max(3, min(blocks, int(math.Round(w.seconds/each)))))
	for i := range times {
		times[i] = run(steps) / float64(steps)
		r.Mean += times[i] / float64(len(times))
	}
	slices.Sort(times)
	r.Median = (times[(len(times)-1)/2] + times[len(times)/2]) / 2
	return r, err
}
