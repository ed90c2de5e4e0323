package sgemm

import (
	"math"
	"runtime"
	"sync"

	"govae/internal/parallel"
)

const (
	maxDepth = 384 // a panel of 384 × 16 floats fills three quarters of a first-level cache of 32 KiB

	// maxBlock is how many floats of a a unit works on at a time: they stay in a second-level cache of 512 KiB.
	maxBlock = 96 << 10

	// Where a is copied, it is in slabs of maxCopy floats, but of minSlab rows at least, as each slab packs b anew.
	maxCopy = 1 << 20
	minSlab = 96

	// minUnit is the work, in multiply-adds, that is worth handing to another core.
	minUnit = 128 << 10

	// packRows is how many rows of a tile take about as long as packing one panel.
	packRows = 8
)

// product is one call of MulBias. It is split into units: rows by panels of c, which is split in a grid that
// may depend on the number of cores, because the depth of the blocks, and so the order of each sum, does not.
type product struct {
	kernel  *kernel
	c, a, b Matrix
	bias    []float32
	relu    bool

	depth      int // elements of a sum that are added at a time
	unitRows   int
	unitPanels int
	unitsWide  int // units beside each other

	copy []float32            // of a, where its own layout is slow to read
	body func(start, end int) // p.units, kept because making it allocates
}

// products and workspaces are kept for reuse.
var (
	products = sync.Pool{New: func() any {
		p := new(product)
		p.body = p.units
		return p
	}}
	workspaces = sync.Pool{New: func() any { return new(workspace) }}
)

// workspace is the memory that a unit needs.
type workspace struct {
	panel [maxDepth * maxCols]float32
	tile  [maxRows * maxCols]float32 // a tile that reaches over the edge of c
	bias  [maxCols]float32           // and its bias
}

// The largest tile of any kernel: a kernel with a larger one must raise them.
const (
	maxRows = 6
	maxCols = 16
)

// zero stands for every element of matrices that hold zeros alone.
var zero = []float32{0}

// run computes c, and is to be called for one product at a time.
func (p *product) run(c, a, b Matrix, bias []float32, relu bool) {
	if a.Cols == 0 { // an empty sum is 0, as is the sum over one product of zeros
		a, b = Matrix{Data: zero, Rows: a.Rows, Cols: 1}, Matrix{Data: zero, Rows: 1, Cols: b.Cols}
	}
	p.kernel, p.b, p.bias, p.relu = best, b, bias, relu
	slab := a.Rows
	if crowds(a) {
		slab = max(maxCopy/a.Cols, minSlab)
	}
	for top := 0; top < a.Rows; top += slab {
		p.a, p.c = a.slab(top, slab), c.slab(top, slab)
		if crowds(a) {
			p.a = p.spread(p.a)
		}
		p.plan()
		parallel.For(ceilDiv(p.c.Rows, p.unitRows)*p.unitsWide, 1, p.body)
	}
	p.c, p.a, p.b, p.bias = Matrix{}, Matrix{}, Matrix{}, nil // keep no memory of the caller alive
}

// slab returns the n rows of m from top on, or as many as there are.
func (m Matrix) slab(top, n int) Matrix {
	m.Data, m.Rows = m.from(top, 0), min(n, m.Rows-top)
	return m
}

// crowds reports whether a is stored by columns that are a multiple of 4096 bytes apart: then the elements of a row
// compete for the same few places of the caches, and a is better copied than read where it is.
func crowds(a Matrix) bool {
	const floats = 1024
	return a.RowStride == 1 && a.ColStride != 0 && a.ColStride%floats == 0
}

// spread copies a, which is stored by columns, to columns that are an odd number of cache lines apart.
func (p *product) spread(a Matrix) Matrix {
	stride := ceilDiv(a.Rows, 16)*16 | 16
	if size := a.Cols * stride; cap(p.copy) < size {
		p.copy = make([]float32, size)
	}
	out := Matrix{p.copy[:cap(p.copy)], a.Rows, a.Cols, 1, stride}
	for j := range a.Cols {
		copy(out.from(0, j)[:a.Rows], a.from(0, j))
	}
	return out
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }

func (p *product) units(start, end int) {
	w := workspaces.Get().(*workspace)
	for unit := start; unit < end; unit++ {
		p.unit(unit/p.unitsWide, unit%p.unitsWide, w)
	}
	workspaces.Put(w)
}

// plan splits the product into blocks and units.
func (p *product) plan() {
	rows, depth := p.c.Rows, p.a.Cols
	blocks := ceilDiv(depth, maxDepth)
	p.depth = min(ceilDiv(depth, 8*blocks)*8, depth) // even blocks, of whole steps of the kernel

	panels := ceilDiv(p.c.Cols, p.kernel.cols)
	chunks := p.rowChunks(panels)
	p.unitRows = ceilDiv(rows, chunks*p.kernel.rows) * p.kernel.rows
	p.unitPanels = min(ceilDiv(minUnit, p.unitRows*p.kernel.cols*depth), panels)
	p.unitsWide = ceilDiv(panels, p.unitPanels)
}

// rowChunks returns how many chunks the rows of c are best split into: few, because each chunk packs b anew, but
// as many as blocks of a need to fit the cache, and enough of them to keep all cores busy to the end.
func (p *product) rowChunks(panels int) int {
	rows, cores := p.c.Rows, runtime.GOMAXPROCS(0)
	least := ceilDiv(rows*p.depth, maxBlock)
	best, bestTime := least, math.MaxInt
	for chunks := least; chunks < least+cores; chunks++ {
		rounds := ceilDiv(panels*chunks, cores)
		if time := rounds * (ceilDiv(rows, chunks) + packRows); time < bestTime {
			best, bestTime = chunks, time
		}
	}
	return best
}

// unit computes one rectangle of c, whose place in the grid is given.
func (p *product) unit(row, column int, w *workspace) {
	top, left := row*p.unitRows, column*p.unitPanels*p.kernel.cols
	bottom := min(top+p.unitRows, p.c.Rows)
	right := min(left+p.unitPanels*p.kernel.cols, p.c.Cols)
	for k := 0; k < p.a.Cols; k += p.depth {
		depth := min(p.depth, p.a.Cols-k)
		for j := left; j < right; j += p.kernel.cols {
			width := min(p.kernel.cols, right-j)
			p.pack(k, depth, j, width, w)
			for i := top; i < bottom; {
				rows := tileRows(bottom-i, p.kernel.rows)
				p.tile(i, rows, j, width, k, depth, w)
				i += rows
			}
		}
	}
}

// tileRows returns the height of the next of the tiles that share the rows left. It gives the last two the same
// height, because a low tile takes nearly as long as a full one.
func tileRows(left, most int) int {
	if left > most && left < 2*most {
		return (left + 1) / 2
	}
	return min(left, most)
}

// pack fills the panel with depth rows of b from k on, from column j on. What the panel holds beyond width goes into
// sums that are not stored.
func (p *product) pack(k, depth, j, width int, w *workspace) {
	block := Matrix{p.b.from(k, j), depth, width, p.b.RowStride, p.b.ColStride}
	panel := w.panel[:depth*p.kernel.cols]
	if width == p.kernel.cols {
		p.kernel.pack(panel, block)
		return
	}
	for row := range depth {
		for col := range width {
			panel[row*p.kernel.cols+col] = block.Data[row*block.RowStride+col*block.ColStride]
		}
	}
}

// tile computes the tile of c at (i, j) for depth elements of each sum, from k on.
func (p *product) tile(i, rows, j, width, k, depth int, w *workspace) {
	a, c := p.a.from(i, k), p.c.from(i, j)
	accumulate, last := k > 0, k+depth == p.a.Cols
	var bias []float32
	if last && p.bias != nil {
		bias = p.bias[j : j+width]
	}
	panel := w.panel[:depth*p.kernel.cols]
	if width == p.kernel.cols {
		p.kernel.tile(rows, c, p.c.RowStride, a, p.a.RowStride, p.a.ColStride, panel, depth,
			bias, accumulate, last && p.relu)
		return
	}
	if bias != nil {
		copy(w.bias[:], bias)
		bias = w.bias[:]
	}
	whole := w.tile[:]
	for r := range rows {
		copy(whole[r*p.kernel.cols:], c[r*p.c.RowStride:][:width])
	}
	p.kernel.tile(rows, whole, p.kernel.cols, a, p.a.RowStride, p.a.ColStride, panel, depth,
		bias, accumulate, last && p.relu)
	for r := range rows {
		copy(c[r*p.c.RowStride:][:width], whole[r*p.kernel.cols:])
	}
}
