package plan

import (
	"slices"

	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/model"
)

// fillInputs adds what comes before the graph: the step is counted, and the inputs are filled.
func (c *compiler) fillInputs() {
	if c.options.Use != Forward {
		c.launchFor(&Launch{Kernel: "begin_step", X: 1, Y: 1, Args: &kernels.BeginStepArgs{
			Control: c.sharedBuffer(Control), Table: c.sharedBuffer(Table), Scalars: c.sharedBuffer(Scalars),
			Columns: int32(Rates + len(c.Settings)),
		}}, []string{"settings"})
	}
	for _, in := range c.network.Inputs {
		if in.Source == model.Setting {
			c.values[in.Node] = c.sharedBuffer(Scalars) + kernels.Ptr(4*(Rates+slices.Index(c.Settings, in.Name())))
			continue
		}
		c.values[in.Node] = c.buffer(in.Shape().TotalSize(), 0)
		if c.options.Use == Forward {
			c.Inputs = append(c.Inputs, c.values[in.Node])
			continue
		}
		c.launchFor(c.fill(in), []string{in.Name()})
	}
}

// fill makes the launch that fills an input.
func (c *compiler) fill(in model.Input) *Launch {
	if in.IsDrawn() {
		return c.draw(in)
	}
	rows, width := size(in.Node)
	kernel, from := "gather_pixels", c.ofUse(TrainPixels, TestPixels)
	if in.Source == model.Labels {
		kernel, from = "gather_labels", c.ofUse(TrainLabels, TestLabels)
	}
	return &Launch{Kernel: kernel, X: blocks(rows*width, kernels.Threads), Y: 1, Args: &kernels.GatherArgs{
		Control: c.sharedBuffer(Control), Indices: c.sharedBuffer(Indices), From: c.sharedBuffer(from), X: c.values[in.Node],
		Stride: int32(c.options.Batch), Images: int32(c.network.Batch), Repeat: int32(rows / c.network.Batch), Width: int32(width),
	}}
}

// draw makes the launch that draws an input: a thread for each four values, which one block of Philox gives.
func (c *compiler) draw(in model.Input) *Launch {
	width := in.Width(c.network.Batch)
	args := &kernels.DrawArgs{
		Control: c.sharedBuffer(Control), X: c.values[in.Node], Seed: c.options.Seed, Stream: uint32(in.Stream),
		Stride: int32(c.options.Batch), Images: int32(c.network.Batch), Width: int32(width),
	}
	threads := blocks(c.network.Batch*width, 4)
	if c.options.Use == Evaluate { // a sequence for each image
		args.Indices, args.Stream = c.sharedBuffer(Indices), uint32(in.TestStream)
		threads = c.network.Batch * blocks(width, 4)
	}
	kernel := "draw_normal"
	if in.Source == model.Uniform {
		kernel = "draw_uniform"
	}
	return &Launch{Kernel: kernel, X: blocks(threads, kernels.Threads), Y: 1, Args: args}
}

// ofUse returns the one or the other, for the training or for the test images.
func (c *compiler) ofUse(train, test string) string {
	if c.options.Use == Evaluate {
		return test
	}
	return train
}

// record makes what writes down the terms of a step, and looks whether its loss, the first of them, is finite.
func (c *compiler) record() (operations []*operation) {
	if c.options.Use == Forward {
		return nil
	}
	terms := c.network.Terms
	for k, term := range terms {
		o := &operation{what: "terms", inputs: gorgonia.Nodes{term.Node}, small: true, instructions: []kernels.Instruction{{
			Op: kernels.Record, Y: c.sharedBuffer(Terms), A: c.value(term.Node), N: int32(k), Cols: int32(len(terms)),
		}}}
		if k == 0 && c.options.Use == Train {
			o.instructions = append(o.instructions, kernels.Instruction{Op: kernels.Check, A: c.value(term.Node)})
		}
		operations = append(operations, o)
	}
	return operations
}

// parameter returns the weights and moments of parameter i.
func (c *compiler) parameter(i int) kernels.Parameter {
	name := c.updated(i)
	return kernels.Parameter{W: c.sharedBuffer(name), M: c.sharedBuffer(FirstMoment + name), V: c.sharedBuffer(SecondMoment + name)}
}

// updated returns the name of parameter i.
func (c *compiler) updated(i int) string { return c.network.Parameters[i].Name() }

func (c *compiler) adam() kernels.AdamSettings {
	return kernels.AdamSettings{
		Control: c.sharedBuffer(Control), Rates: c.sharedBuffer(Scalars),
		Beta1: c.options.Beta1, Beta2: c.options.Beta2, Epsilon: c.options.Epsilon,
	}
}
