package plan

import (
	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/model/op"
)

// kinds says what computes each kind of operation: a function that makes it from its Spec, the node and the node's inputs. A new
// operation of package op is added here, and its formula to the kernels.
var kinds = map[string]func(c *compiler, spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation{
	"Dense":     (*compiler).denseForward,
	"∂Dense/∂x": (*compiler).denseInputGradient,
	"∂Dense/∂W": (*compiler).denseGradient,
	"∂Dense/∂b": (*compiler).denseGradient,

	"BernoulliLogLikelihood":   rows("bernoulli_rows"),
	"StandardNormalKL":         rows("kl_rows"),
	"CategoricalLogLikelihood": rows("categorical_rows"),
	"Softmax":                  rows("softmax_rows"),

	"Beside":     columns,
	"∂Beside/∂a": columns,

	"Add":                             (*compiler).add,
	"Scale":                           instruction(kernels.Scale),
	"∂AddScaled/∂b":                   instruction(kernels.Multiply),
	"AddScaled":                       instruction(kernels.AddScaled),
	"BatchMean":                       (*compiler).batchMean,
	"∂BatchMean":                      instruction(kernels.Broadcast),
	"Activate":                        byActivation(map[op.Activation]int32{op.Identity: kernels.ActivateIdentity, op.ReLU: kernels.ActivateReLU, op.Tanh: kernels.ActivateTanh, op.Sigmoid: kernels.ActivateSigmoid}),
	"∂Activate":                       (*compiler).activationGradient,
	"Reparameterize":                  instruction(kernels.Reparameterize),
	"∂Reparameterize/∂logVar":         instruction(kernels.ReparameterizeLogVar),
	"∂BernoulliLogLikelihood/∂logits": instruction(kernels.BernoulliLogits),
	"∂StandardNormalKL/∂mean":         klGradient(kernels.KLMean),
	"∂StandardNormalKL/∂logVar":       klGradient(kernels.KLLogVar),

	"∂CategoricalLogLikelihood/∂logits": instruction(kernels.CategoricalLogits),
}

// activations are what the products know.
var activations = map[op.Activation]int32{op.Identity: kernels.Identity, op.ReLU: kernels.ReLU, op.Tanh: kernels.Tanh, op.Sigmoid: kernels.Sigmoid}

// one is an operation of one instruction. Where the output has one dimension or none, a single block does it.
func (c *compiler) one(in kernels.Instruction, node *gorgonia.Node) *operation {
	in.Y = c.value(node)
	in.N = int32(node.Shape().TotalSize())
	if in.Cols = 1; node.Dims() == 2 {
		in.Cols = int32(node.Shape()[1])
	}
	return &operation{instructions: []kernels.Instruction{in}, small: node.Dims() < 2}
}

// instruction makes an operation of one instruction whose a, b and c are the node's inputs. A vector among them, where the output
// is a matrix, is read by row, as c.
func instruction(code int32) func(*compiler, op.Spec, *gorgonia.Node, gorgonia.Nodes) *operation {
	return func(c *compiler, spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
		i := kernels.Instruction{Op: code, Scale: spec.Scale}
		for k, to := range []*kernels.Ptr{&i.A, &i.B, &i.C}[:len(in)] {
			*to = c.value(in[k])
		}
		return c.one(i, node)
	}
}

// klGradient makes an instruction of a matrix and of a value for each of its rows.
func klGradient(code int32) func(*compiler, op.Spec, *gorgonia.Node, gorgonia.Nodes) *operation {
	return func(c *compiler, _ op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
		return c.one(kernels.Instruction{Op: code, A: c.value(in[0]), C: c.value(in[1])}, node)
	}
}

// byActivation makes the instruction that belongs to the activation.
func byActivation(codes map[op.Activation]int32) func(*compiler, op.Spec, *gorgonia.Node, gorgonia.Nodes) *operation {
	return func(c *compiler, spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
		return instruction(codes[spec.Activation])(c, spec, node, in)
	}
}

// add is a sum, term by term.
func (c *compiler) add(_ op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	sum := c.one(kernels.Instruction{Op: kernels.Add, A: c.value(in[0]), B: c.value(in[1])}, node)
	for _, term := range in[2:] {
		next := sum.instructions[0]
		next.A, next.B = next.Y, c.value(term)
		sum.instructions = append(sum.instructions, next)
	}
	return sum
}

// batchMean is a sum over the values of its input, where n of the instruction is theirs.
func (c *compiler) batchMean(spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	o := c.one(kernels.Instruction{Op: kernels.Mean, Scale: spec.Scale, A: c.value(in[0])}, node)
	o.instructions[0].N = int32(in[0].Shape().TotalSize())
	return o
}

// rows makes a launch with a block for each row of the inputs, one or two.
func rows(kernel string) func(*compiler, op.Spec, *gorgonia.Node, gorgonia.Nodes) *operation {
	return func(c *compiler, _ op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
		shape := in[0].Shape()
		args := &kernels.RowsArgs{A: c.value(in[0]), Y: c.value(node), Rows: int32(shape[0]), Cols: int32(shape[1])}
		if len(in) == 2 {
			args.B = c.value(in[1])
		}
		return &operation{launch: &Launch{Kernel: kernel, X: shape[0], Y: 1, Args: args}}
	}
}

// columns makes the launch of the first columns of the inputs side by side. It is none of a list's instructions, since it reads other
// places than it writes.
func columns(c *compiler, _ op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	rows, cols := size(node)
	_, width := size(in[0])
	args := &kernels.ColumnsArgs{A: c.value(in[0]), Y: c.value(node), Rows: int32(rows), Cols: int32(cols), Width: int32(width)}
	if len(in) == 2 {
		args.B = c.value(in[1])
	}
	return &operation{launch: &Launch{Kernel: "columns", X: blocks(rows*cols, kernels.Threads), Y: 1, Args: args}}
}
