package generate

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// batchSize is how many rows one run of a graph takes. A graph's batch size is fixed when it is built.
const batchSize = 64

// runner executes a graph on Gorgonia's tape machine, for any number of rows: batchSize at a time, and what
// the last run has too many is dropped.
type runner struct {
	machine gorgonia.VM
	input   *tensor.Dense // [batchSize, in], bound to the graph's input
	outputs gorgonia.Nodes
}

// newRunner compiles a graph whose input and outputs all have batchSize rows.
func newRunner(graph *gorgonia.ExprGraph, input *gorgonia.Node, outputs ...*gorgonia.Node) (*runner, error) {
	value := tensor.New(tensor.WithShape(input.Shape()...), tensor.Of(tensor.Float32))
	if err := gorgonia.Let(input, value); err != nil {
		return nil, fmt.Errorf("input %v: %w", input, err)
	}
	return &runner{machine: gorgonia.NewTapeMachine(graph), input: value, outputs: outputs}, nil
}

// run returns the outputs, [n, out] each, for the rows, [n, in]. The results are copies:
// the graph's operations own their outputs and overwrite them in the next run.
func (r *runner) run(rows []float32) ([][]float32, error) {
	input := r.input.Data().([]float32)
	in := len(input) / batchSize
	results := make([][]float32, len(r.outputs))
	for len(rows) > 0 {
		copied := copy(input, rows) // in the last run, rows of the run before it may be left at the end
		rows = rows[copied:]

		r.machine.Reset()
		if err := r.machine.RunAll(); err != nil {
			return nil, err
		}
		for i, node := range r.outputs {
			output, ok := node.Value().Data().([]float32)
			if !ok {
				return nil, fmt.Errorf("output %v has values of type %T, want []float32", node, node.Value().Data())
			}
			out := len(output) / batchSize
			results[i] = append(results[i], output[:copied/in*out]...)
		}
	}
	return results, nil
}
