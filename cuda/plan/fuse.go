package plan

import (
	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/model/op"
)

// Some operations are made as one launch: each launch takes a few microseconds, and what passes from one to the next goes through
// memory.
//
// A layer's gradient by its input and the derivative of the activation before it are one, throughActivation. The gradients of a
// layer's weight and bias and their updates by Adam are one, where nothing else reads the gradients, which then are nowhere in
// memory.

// fuse decides what is fused.
func (c *compiler) fuse() {
	roots := make(map[*gorgonia.Node]bool)
	for _, node := range c.roots() {
		roots[node] = true
	}
	for _, node := range c.order {
		if readers := c.readers[node]; kindOf(node) == "∂Dense/∂x" && !roots[node] && len(readers) == 1 && kindOf(readers[0]) == "∂Activate" {
			if c.inputsOf(readers[0])[1] == node {
				c.fused[node] = true
			}
		}
	}
	for _, g := range c.gradients {
		if kind := kindOf(g); (kind == "∂Dense/∂W" || kind == "∂Dense/∂b") && len(c.readers[g]) == 0 {
			c.fused[g] = true
		}
	}
}

// kindOf returns the kind of the operation that computes a node, or "".
func kindOf(node *gorgonia.Node) string {
	spec, _ := op.SpecOf(node)
	return spec.Kind
}

// activationGradient is a derivative of an activation: of what a product makes, or a list's.
func (c *compiler) activationGradient(spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	if c.fused[in[1]] {
		return c.throughActivation(spec, node, in[1], in[0])
	}
	codes := map[op.Activation]int32{op.ReLU: kernels.ReLUGradient, op.Tanh: kernels.TanhGradient, op.Sigmoid: kernels.SigmoidGradient}
	return instruction(codes[spec.Activation])(c, spec, node, in)
}

// update adds the updates of all parameters by their gradients.
func (c *compiler) update() {
	biases := make(map[*gorgonia.Node]int) // by da, where a parameter's gradient is fused: its place
	for i, g := range c.gradients {
		if c.fused[g] && kindOf(g) == "∂Dense/∂b" {
			biases[c.inputsOf(g)[0]] = i
		}
	}
	done := make(map[int]bool)
	for i, g := range c.gradients {
		if c.fused[g] && kindOf(g) == "∂Dense/∂W" {
			args := &kernels.DenseUpdateArgs{Weight: c.parameter(i), Adam: c.adam()}
			in, nodes := c.inputsOf(g), []string{c.updated(i)}
			if bias, ok := biases[in[0]]; ok && !done[bias] {
				args.Bias = c.parameter(bias)
				nodes = append(nodes, c.updated(bias))
				done[bias] = true
			}
			c.launchFor(c.parameterGradient(args, in), nodes)
			done[i] = true
		}
	}
	for i, g := range c.gradients {
		switch {
		case done[i]:
		case c.fused[g]:
			args := &kernels.DenseUpdateArgs{Bias: c.parameter(i), Adam: c.adam()}
			c.launchFor(c.parameterGradient(args, c.inputsOf(g)), []string{c.updated(i)})
		default:
			n := g.Shape().TotalSize()
			args := &kernels.AdamArgs{P: c.parameter(i), G: c.value(g), Adam: c.adam(), N: int32(n)}
			c.launchFor(&Launch{Kernel: "adam", X: blocks(n, kernels.Threads), Y: 1, Args: args}, []string{c.updated(i)})
		}
	}
}
