package plan

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"govae/cuda/kernels"
	"govae/model/op"
)

// tiles are the parts of a product's result, [rows, columns], that a block can make, the largest first. A larger one reads each
// operand less often, but there are fewer of them to divide among the multiprocessors.
var tiles = struct{ float32, tf32 [][2]int }{
	float32: [][2]int{{64, 64}, {32, 32}, {16, 32}},
	tf32:    [][2]int{{64, 64}, {32, 32}},
}

// product makes the launch of one of the three products, whose result is [m, n].
func (c *compiler) product(form string, m, n int, args any) *Launch {
	precision, sizes := "", tiles.float32
	if c.options.TF32 {
		precision, sizes = "tf32_", tiles.tf32
	}
	var l Launch
	for _, tile := range sizes {
		l = Launch{
			Kernel: fmt.Sprintf("%s_%s%dx%d", form, precision, tile[0], tile[1]),
			X:      max(1, blocks(n, tile[1])), // n is 0 where a bias alone is wanted
			Y:      blocks(m, tile[0]),
			Args:   args,
		}
		if l.X*l.Y >= c.options.Multiprocessors {
			break
		}
	}
	return &l
}

// blocks returns how many blocks of so many values hold n.
func blocks(n, each int) int { return (n + each - 1) / each }

// size returns the rows and columns of a matrix.
func size(n *gorgonia.Node) (rows, cols int) { return n.Shape()[0], n.Shape()[1] }

// denseForward is y = f(x·Wᵀ + b).
func (c *compiler) denseForward(spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	m, n := size(node)
	_, k := size(in[0])
	return &operation{launch: c.product("dense_forward", m, n, &kernels.DenseForwardArgs{
		X: c.value(in[0]), W: c.value(in[1]), B: c.value(in[2]), Y: c.value(node),
		M: int32(m), N: int32(n), K: int32(k), Activation: activations[spec.Activation],
	})}
}

// denseInputGradient is dx = da·W.
func (c *compiler) denseInputGradient(_ op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	return &operation{launch: c.inputGradient(node, in)}
}

func (c *compiler) inputGradient(node *gorgonia.Node, in gorgonia.Nodes) *Launch {
	m, n := size(node)
	_, k := size(in[0])
	return c.product("dense_input_gradient", m, n, &kernels.DenseInputGradientArgs{
		DA: c.value(in[0]), W: c.value(in[1]), DX: c.value(node), M: int32(m), N: int32(n), K: int32(k),
	})
}

// throughActivation is dx·f′, the product and the derivative of the activation before it in one.
func (c *compiler) throughActivation(spec op.Spec, node, product, y *gorgonia.Node) *operation {
	in := c.inputsOf(product)
	l := c.inputGradient(node, in)
	args := l.Args.(*kernels.DenseInputGradientArgs)
	args.Y, args.Activation = c.value(y), activations[spec.Activation]
	return &operation{launch: l, inputs: append(in, y)}
}

// denseGradient is dW = daᵀ·x, or db = Σ da, where something else than an update reads it.
func (c *compiler) denseGradient(spec op.Spec, node *gorgonia.Node, in gorgonia.Nodes) *operation {
	args := &kernels.DenseUpdateArgs{}
	if spec.Kind == "∂Dense/∂W" {
		args.DW = c.value(node)
	} else {
		args.DB = c.value(node)
	}
	return &operation{launch: c.parameterGradient(args, in)}
}

// parameterGradient makes the launch of dense_update, of da and, if it is for more than a bias, of x.
func (c *compiler) parameterGradient(args *kernels.DenseUpdateArgs, in gorgonia.Nodes) *Launch {
	k, m := size(in[0])
	n := 0
	args.DA = c.value(in[0])
	if len(in) == 2 {
		_, n = size(in[1])
		args.X = c.value(in[1])
	}
	args.M, args.N, args.K = int32(m), int32(n), int32(k)
	return c.product("dense_update", m, n, args)
}
