package gmm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
	"govae/internal/words"
)

// largest is the size of the largest value that Fit takes: the squares of such, and sums of them, are finite.
const largest = 1e100

// Rows are worked on in blocks, which the number of columns alone determines, and stored there transposed: loops then run over the
// rows of a block, of which there are many, however few columns there are. A block fits the second-level cache.
const (
	mostInBlock  = 256
	leastInBlock = 32
	blockValues  = 1 << 14
)

func rowsPerBlock(d int) int { return min(mostInBlock, max(leastInBlock, blockValues/d)) }

// block is some rows of a matrix, transposed: the values of column j are those from j·n on.
type block struct {
	n      int // rows
	values []float64
}

// column returns the values of column j, one for each row.
func (b block) column(j int) []float64 { return b.values[j*b.n:][:b.n] }

// pack stores the rows of x from start to end in values, which has room for them.
func pack(x *mat.Dense, start, end int, values []float64) block {
	b := block{end - start, values}
	for i := range b.n {
		for j, v := range x.RawRowView(start + i) {
			values[j*b.n+i] = v
		}
	}
	return b
}

// packAll returns all the rows of x.
func packAll(x *mat.Dense) []block {
	n, d := x.Dims()
	grain := rowsPerBlock(d)
	blocks := make([]block, (n-1)/grain+1)
	parallel.For(n, grain, func(start, end int) {
		blocks[start/grain] = pack(x, start, end, make([]float64, (end-start)*d))
	})
	return blocks
}

// checkData says what is wrong with the rows that a mixture of so many components is to be fitted to.
func checkData(x *mat.Dense, components int) error {
	if x == nil || x.IsEmpty() {
		return fmt.Errorf("x is empty, want a row for each of %s at least", words.Counted(components, "component"))
	}
	n, _ := x.Dims()
	if n < components {
		return fmt.Errorf("x has %s, want at least %s: one for each component", words.Counted(n, "row"), words.Thousands(components))
	}
	for i := range n {
		for j, v := range x.RawRowView(i) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("x is %v at row %d, column %d, want finite numbers", v, i, j)
			}
			if math.Abs(v) > largest {
				return fmt.Errorf("x is %v at row %d, column %d, want at most %v in size: scale the data", v, i, j, largest)
			}
		}
	}
	return nil
}
