package main

import (
	"fmt"

	"govae/cuda/kernels"
	"govae/cuda/plan"
)

// counts are of a step.
type counts struct {
	products                int // launches that are one
	leastBlocks, mostBlocks int // of a product's launch
	operations              int // of float32 in the products: a fused one is two
	moved                   int // bytes that launches read and write, where each reads an operand once
	memory                  int // bytes of the plan's own buffers: what passes from launch to launch
}

func count(p *plan.Plan) (c counts, err error) {
	for _, b := range p.Buffers {
		c.memory += b.Bytes
	}
	for _, l := range p.Launches {
		values, multiplications := 0, 0
		switch a := l.Args.(type) {
		case *kernels.BeginStepArgs:
			values = 2 * int(a.Columns)
		case *kernels.GatherArgs:
			n := int(a.Images * a.Width)
			c.moved += n // the images are bytes
			values = n * int(a.Repeat)
		case *kernels.DrawArgs:
			values = int(a.Images * a.Width)
		case *kernels.DenseForwardArgs:
			m, n, k := int(a.M), int(a.N), int(a.K)
			values, multiplications = m*k+n*k+n+m*n, m*n*k
		case *kernels.DenseInputGradientArgs:
			m, n, k := int(a.M), int(a.N), int(a.K)
			values, multiplications = m*k+k*n+m*n*given(a.Y, a.DX), m*n*k
		case *kernels.DenseUpdateArgs:
			m, n, k := int(a.M), int(a.N), int(a.K)
			weight, bias := 2*given(a.Weight.W, a.Weight.M, a.Weight.V), 2*given(a.Bias.W, a.Bias.M, a.Bias.V) // read and written
			values, multiplications = k*m+k*n+m*n*(weight+given(a.DW))+m*(bias+given(a.DB)), m*n*k
		case *kernels.AdamArgs:
			values = 7 * int(a.N)
		case *kernels.RowsArgs:
			values = int(a.Rows * (2*a.Cols + 1))
		case *kernels.ListArgs:
			for _, in := range a.List[:a.Count] {
				values += listed(in)
			}
		default:
			return c, fmt.Errorf("%s takes %T, whose bytes are not counted here", l.Kernel, l.Args)
		}
		c.moved += 4 * values
		if multiplications > 0 {
			c.operations += 2 * multiplications
			c.products++
			blocks := l.X * l.Y
			c.mostBlocks = max(c.mostBlocks, blocks)
			if c.leastBlocks == 0 || blocks < c.leastBlocks {
				c.leastBlocks = blocks
			}
		}
	}
	return c, nil
}

// given returns how many of the addresses are there.
func given(of ...kernels.Ptr) (n int) {
	for _, p := range of {
		if p != 0 {
			n++
		}
	}
	return n
}

// listed returns how many values an instruction reads and writes.
func listed(in kernels.Instruction) int {
	n, rows := int(in.N), int(in.N)/max(1, int(in.Cols))
	switch in.Op {
	case kernels.Mean, kernels.Broadcast:
		return n + 1
	case kernels.Record, kernels.Check:
		return given(in.A, in.Y)
	case kernels.BernoulliLogits, kernels.KLMean, kernels.KLLogVar, kernels.CategoricalLogits: // c has a value for each row
		return n*given(in.A, in.B, in.Y) + rows
	}
	return n * given(in.A, in.B, in.C, in.Y)
}
