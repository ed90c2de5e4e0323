// Command gostep times training steps on MNIST, govae's or those of Gorgonia's own operations, and prints what they took
// as JSON. bench/peers.py runs it beside bench/torch_step.py.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"

	"govae/bench"
	"govae/internal/parallel"
	"govae/internal/philox"
	"govae/train"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gostep: ")
	var w bench.Workload
	w.AddFlags(flag.CommandLine)
	stock := flag.Bool("stock", false, "time Gorgonia's own operations")
	flag.Parse()

	result, err := measure(&w, *stock)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

// measure times steps with all that belongs to one. As in training, the ε of a step is drawn while the step before it runs.
func measure(w *bench.Workload, stock bool) (bench.Result, error) {
	m, err := open(w, stock)
	if err != nil {
		return bench.Result{}, err
	}
	defer m.Close()
	epsilon, next := make([]float32, w.Batch*w.Config.Latent), make([]float32, w.Batch*w.Config.Latent)
	made := uint64(0) // steps
	draw := func(int, int) { philox.New(w.Config.Seed, philox.Epsilon, made).Normal(next) }
	var drawing parallel.Deferred
	drawing.Start(1, 1, draw)
	defer drawing.Wait()
	return w.Measure(func(x []float32) (float64, error) {
		drawing.Wait()
		made++
		epsilon, next = next, epsilon
		drawing.Start(1, 1, draw)
		terms, err := m.Step(train.Batch{X: x, Epsilon: epsilon, Beta: 1})
		return terms.Loss, err
	})
}

// stepper is the part of a train.Machine that is timed.
type stepper interface {
	Step(train.Batch) (train.Terms, error)
	Close() error
}

func open(w *bench.Workload, stock bool) (stepper, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	if stock {
		return bench.NewStockMachine(w.Config, w.Batch, bench.LearningRate)
	}
	return train.NewTapeMachine(w.Config, bench.LearningRate)
}
