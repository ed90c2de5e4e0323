// Command gostep times training steps on MNIST, govae's or those of Gorgonia's own operations, and prints what they took
// as JSON. bench/peers.py runs it beside bench/torch_step.py, and on a card cuda/gpucheck/gpucheck.py does.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"

	"govae/bench"
	"govae/train/device"
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

// measure times steps with all that belongs to one: the making of its pixels and ε, the terms, and the update.
func measure(w *bench.Workload, stock bool) (bench.Result, error) {
	if err := w.Open(); err != nil {
		return bench.Result{}, err
	}
	if stock {
		m, err := bench.NewStockMachine(w.Job)
		if err != nil {
			return bench.Result{}, err
		}
		defer m.Close()
		return w.Measure(bench.StepByStep(w.Job, m.Step))
	}
	m, words, err := device.Open(w.Device.Name, w.Job)
	if err != nil {
		return bench.Result{}, err
	}
	result, err := w.Measure(m.Train)
	result.Device = words
	return result, errors.Join(err, m.Close())
}
