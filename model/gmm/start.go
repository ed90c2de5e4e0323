package gmm

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/parallel"
	"govae/internal/philox"
)

// nearest is, for each row, the centre that is nearest to it, and the square of its distance.
type nearest struct {
	centre  []int
	squared []float64
}

// centres chooses K rows by the rule of k-means++ (Arthur and Vassilvitskii, 2007), the first with equal probabilities and each
// other in proportion to the square of its distance from the nearest before it, and returns which is nearest to each row. Each
// centre keeps the row that it is, so that none is without.
func (e *em) centres(start int) []int {
	source := philox.New(e.Seed, philox.MixtureStart, uint64(start))
	to := nearest{make([]int, e.n), slices.Repeat([]float64{math.Inf(1)}, e.n)}
	chosen := []int{int(unit(source) * float64(e.n))}
	for k := range e.Components {
		if k > 0 {
			chosen = append(chosen, to.draw(unit(source), chosen))
		}
		e.compare(to, k, e.x.RawRowView(chosen[k]))
	}
	for k, row := range chosen {
		to.centre[row] = k
	}
	return to.centre
}

// unit returns a number from 0 on and below 1.
func unit(s *philox.Source) float64 {
	high, low := uint64(s.Uint32()), uint64(s.Uint32())
	return float64((high<<32|low)>>11) / (1 << 53)
}

// compare lets the rows that are nearer to centre k than to any before it belong to it.
func (e *em) compare(to nearest, k int, centre []float64) {
	grain := rowsPerBlock(e.d)
	parallel.For(len(e.blocks), 1, func(at, _ int) {
		b := e.blocks[at]
		memory := borrow(b.n)
		defer memory.giveBack()
		squared := memory.take(b.n)
		clear(squared)
		for j, c := range centre {
			for i, v := range b.column(j) {
				squared[i] += (v - c) * (v - c)
			}
		}
		for i, s := range squared {
			if row := at*grain + i; s < to.squared[row] {
				to.squared[row], to.centre[row] = s, k
			}
		}
	})
}

// draw returns a row that is not among the chosen: the one at which the sum of the squares passes u times all of it. Where all the
// rows are at centres, that is the first.
func (to nearest) draw(u float64, chosen []int) int {
	left := u * floats.Sum(to.squared)
	row := -1
	for i, s := range to.squared {
		if s > 0 {
			row = i // the last, where rounding leaves something
			if left -= s; left < 0 {
				return row
			}
		}
	}
	for row < 0 || slices.Contains(chosen, row) {
		row++
	}
	return row
}

// start lets each row belong to one component alone.
func (e *em) start(component []int) {
	row := 0
	for at, b := range e.blocks {
		clear(e.resp[at])
		for i := range b.n {
			e.resp[at][component[row]*b.n+i] = 1
			row++
		}
	}
}

// closeToOne is how far from 1 the sum of a row's responsibilities may be.
const closeToOne = 1e-6

// startFrom takes responsibilities, [n, K].
func (e *em) startFrom(r *mat.Dense) error {
	if r == nil || r.IsEmpty() {
		return errors.New("there are none")
	}
	if rows, columns := r.Dims(); rows != e.n || columns != e.Components {
		return fmt.Errorf("shape is [%d, %d], want [%d, %d]: a row for each row of x, and a column for each component", rows, columns, e.n, e.Components)
	}
	counts := make([]float64, e.Components)
	for row := range e.n {
		values := r.RawRowView(row)
		for k, v := range values {
			if !(v >= 0) {
				return fmt.Errorf("%v at row %d, component %d, want 0 to 1", v, row, k)
			}
		}
		if sum := floats.Sum(values); !(math.Abs(sum-1) <= closeToOne) {
			return fmt.Errorf("the sum of row %d is %v, want 1", row, sum)
		}
		floats.Add(counts, values)
	}
	for k, count := range counts {
		if count < vanished {
			return fmt.Errorf("those of component %d are all 0, want some rows for it", k)
		}
	}
	grain := rowsPerBlock(e.d)
	for at, b := range e.blocks {
		for i := range b.n {
			for k, v := range r.RawRowView(at*grain + i) {
				e.resp[at][k*b.n+i] = v
			}
		}
	}
	return nil
}
