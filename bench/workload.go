// Package bench measures govae against what it is compared with.
package bench

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"govae/model"
	"govae/model/op"
	"govae/train/dataset"
)

// LearningRate is Adam's.
const LearningRate = 1e-3

// Workload is what every peer is timed with: a network, and MNIST's training images as float32 in memory.
// Its flags are those of torch_step.py.
type Workload struct {
	Config  model.Config
	Batch   int
	seconds float64 // about how long to measure
	data    string  // folder with the images
}

// AddFlags makes the flags that set w, and sets their defaults.
func (w *Workload) AddFlags(flags *flag.FlagSet) {
	w.Config = model.DefaultConfig()
	flags.StringVar(&w.data, "data", "", "`folder` with the data set; without: MNIST from the module cache")
	flags.Func("hidden", "`widths` of the encoder's hidden layers (default 400)", func(text string) error {
		w.Config.Hidden = nil
		for field := range strings.SplitSeq(text, ",") {
			width, err := strconv.Atoi(field)
			if err != nil {
				return fmt.Errorf("want widths such as 200,200")
			}
			w.Config.Hidden = append(w.Config.Hidden, width)
		}
		return nil
	})
	flags.IntVar(&w.Config.Latent, "latent", w.Config.Latent, "dimensions of z")
	flags.StringVar((*string)(&w.Config.Activation), "activation", string(op.ReLU), "relu, tanh or sigmoid")
	flags.IntVar(&w.Batch, "batch", 128, "images a step")
	flags.Float64Var(&w.seconds, "seconds", 3, "about how long to measure")
}

// Validate reports the first flag whose value makes no sense.
func (w *Workload) Validate() error {
	if w.Batch < 1 {
		return fmt.Errorf("bench: -batch %d: want at least 1", w.Batch)
	}
	return w.Config.Validate()
}

// Result says how long a training step takes.
type Result struct {
	Median float64 `json:"median"` // seconds a step: the median of blocks of steps
	Mean   float64 `json:"mean"`   // seconds a step, over all blocks
	Steps  int     `json:"steps"`  // made in all
	Loss   float64 `json:"loss"`   // of step lossStep, in nats per image: it shows whether all train the same
}

// lossStep is the number of a step that every process reaches, however slow.
const lossStep = 7

// Measure times step, which trains on the images x, [batch, pixels], and returns their loss in nats per image.
func (w *Workload) Measure(step func(x []float32) (loss float64, err error)) (Result, error) {
	set, err := dataset.Open(w.data)
	if err != nil {
		return Result{}, err
	}
	n, pixels := set.Train.Len(), set.Train.Shape.Pixels()
	if w.Batch > n {
		return Result{}, fmt.Errorf("bench: -batch %d: want at most %d, the images there are", w.Batch, n)
	}
	images := make([]float32, n*pixels)
	set.Train.Fill(images, 0)

	first := 0 // of the next batch's images
	return measure(w.seconds, func() (float64, error) {
		x := images[first*pixels:][:w.Batch*pixels]
		first += w.Batch
		if first+w.Batch > n {
			first = 0
		}
		return step(x)
	})
}

// measure times blocks of steps for about the given seconds, after a quarter of that to warm up. measure in torch_step.py
// does the same.
func measure(seconds float64, step func() (loss float64, err error)) (r Result, err error) {
	run := func(steps int) (elapsed float64) {
		start := time.Now()
		for i := 0; i < steps && err == nil; i++ {
			var loss float64
			loss, err = step()
			if r.Steps++; r.Steps == lossStep {
				r.Loss = loss
			}
		}
		return time.Since(start).Seconds()
	}

	run(1) // compiles the graph
	warm, spent := 0, 0.0
	for warm < 3 || spent < seconds/4 {
		spent += run(1)
		warm++
		if err != nil {
			return Result{}, err
		}
	}
	const blocks = 20
	each := spent / float64(warm)
	steps := max(1, int(math.Round(seconds/blocks/each))) // in a block
	times := make([]float64, max(3, min(blocks, int(math.Round(seconds/each)))))
	for i := range times {
		times[i] = run(steps) / float64(steps)
		r.Mean += times[i] / float64(len(times))
	}
	slices.Sort(times)
	r.Median = (times[(len(times)-1)/2] + times[len(times)/2]) / 2
	return r, err
}
