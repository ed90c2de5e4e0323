// Command launches prints what a training step is on a card, as the table of docs/gpu.md: how many launches, and what they compute
// and move, for the networks of docs/performance.md. It needs no card: it is the plan that is counted.
//
//	go run ./cuda/gpucheck/launches
//	go run ./cuda/gpucheck/launches -list a    the launches of (a), one a line: kernel, blocks, and what it computes
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"

	"govae/cuda/plan"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
)

// multiprocessors are an H100's: with them the tiles of products are chosen.
const multiprocessors = 132

// shape is a network with its batch.
type shape struct {
	title      string
	hidden     []int
	latent     int
	activation op.Activation
	batch      int
}

var shapes = []shape{
	{"(a) 784-400-20, relu, batch 128", []int{400}, 20, op.ReLU, 128},
	{"(b) 784-200-200-50, tanh, batch 20", []int{200, 200}, 50, op.Tanh, 20},
	{"(c) 784-1024-1024-64, relu, batch 256", []int{1024, 1024}, 64, op.ReLU, 256},
	{"(d) 784-2048-2048-128, relu, batch 512", []int{2048, 2048}, 128, op.ReLU, 512},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("launches: ")
	letter := flag.String("list", "", "the `network`, a to d, whose launches are listed")
	flag.Parse()
	text, err := table()
	if *letter != "" {
		text, err = list(*letter)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
}

// table returns the table, in Markdown.
func table() (string, error) {
	var b strings.Builder
	b.WriteString("| a step | launches | of them products | blocks of a product | MFLOP | MB moved | MB of memory |\n")
	b.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, s := range shapes {
		p, err := step(s)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.title, err)
		}
		c, err := count(p)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.title, err)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d to %d | %.0f | %.1f | %.1f |\n", s.title, len(p.Launches), c.products,
			c.leastBlocks, c.mostBlocks, float64(c.operations)/1e6, float64(c.moved)/1e6, float64(c.memory)/1e6)
	}
	return b.String(), nil
}

// list returns the launches of a step of the network with that letter, one a line.
func list(letter string) (string, error) {
	for _, s := range shapes {
		if strings.HasPrefix(s.title, "("+letter+")") {
			p, err := step(s)
			if err != nil {
				return "", fmt.Errorf("%s: %w", s.title, err)
			}
			return p.String(), nil
		}
	}
	return "", fmt.Errorf("there is no network %q: they are a to d", letter)
}

// step returns the plan of a training step.
func step(s shape) (*plan.Plan, error) {
	cfg := model.DefaultConfig()
	cfg.Hidden, cfg.Latent, cfg.Activation = s.hidden, s.latent, s.activation
	network, err := model.New(cfg, model.Train, s.batch, nil)
	if err != nil {
		return nil, err
	}
	gradients, err := network.Gradients()
	if err != nil {
		return nil, err
	}
	return plan.Compile(network, gradients, plan.Options{
		Use: plan.Train, Batch: s.batch, Multiprocessors: multiprocessors,
		Beta1: machine.AdamBeta1, Beta2: machine.AdamBeta2, Epsilon: machine.AdamEpsilon,
	})
}
