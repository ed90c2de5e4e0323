package sgemm

import (
	"runtime"
	"sync"

	"govae/internal/parallel"
	"govae/internal/vec"
)

const (
	// maxDepth is how many elements of a sum are added at a time. With AVX-512, 256 are 8 to 15% slower, because c is read and
	// written more often, and 1024 no faster.
	maxDepth = 512

	// coreShares is how many shares of a product each core gets, so that one that comes late, or is slowed down, does
	// fewer of them.
	coreShares = 2

	addGrain = 1 << 13 // elements to which a core adds others at a time
)

// best is the kernel in use.
var best = kernels[0]

// product is one call of MulBias. The rows of c are cut into bands, its columns into panels as wide as a tile, and a
// panel of a band into tiles, which are numbered band by band, panel by panel and downwards. What a core is given is a
// range of them. A tile's sums are made in one order, in steps that depend on their length alone.
//
// A core's share is chosen so that it reads and writes whole rows of a large matrix, such as a layer's weights or their
// gradient: rows are what it gets when it updates them, and what one core has written costs another long to get.
type product struct {
	kernel  *kernel
	c, a, b Matrix
	bias    []float32
	relu    bool

	depth    int // elements of a sum that are added at a time, in a step
	steps    int
	bands    int
	bandRows int // a multiple of the tile's
	tall     int // tiles above each other in a band
	panels   int

	tiles  int // of c, or if the steps are apart, of all of them together
	shares int // that the tiles are divided into

	// Where the steps are apart, cores work on different ones. The first makes its sums in c, the others in places of
	// their own, from which they are added to c in the same order.
	apart bool
	sums  []float32

	work, add func(start, end int) // p.share and p.addSums, kept because making them allocates
}

// products and workspaces are kept for reuse.
var (
	products = sync.Pool{New: func() any {
		p := new(product)
		p.work, p.add = p.share, p.addSums
		return p
	}}
	workspaces = sync.Pool{New: func() any { return new(workspace) }}
)

// workspace is the memory that one core needs.
type workspace struct {
	panel [maxDepth*maxCols + packSlack]float32 // of b
	band  []float32                             // of a
}

// zero stands for every element of matrices that hold zeros alone.
var zero = []float32{0}

// run computes c, and is to be called for one product at a time.
func (p *product) run(c, a, b Matrix, bias []float32, relu bool) {
	if a.Cols == 0 { // an empty sum is 0, as is the sum over one product of zeros
		a, b = Matrix{Data: zero, Rows: a.Rows, Cols: 1}, Matrix{Data: zero, Rows: 1, Cols: b.Cols}
	}
	p.kernel, p.c, p.a, p.b, p.bias, p.relu = best, c, a, b, bias, relu
	p.plan()
	parallel.For(p.shares, 1, p.work)
	if p.apart {
		parallel.For(c.Rows*c.Cols, addGrain, p.add)
	}
	p.c, p.a, p.b, p.bias = Matrix{}, Matrix{}, Matrix{}, nil // keep no memory of the caller alive
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }

// plan cuts the product into steps, bands, panels and tiles, and the tiles into shares.
func (p *product) plan() {
	rows, depth, cores := p.c.Rows, p.a.Cols, runtime.GOMAXPROCS(0)
	p.steps = ceilDiv(depth, maxDepth)
	p.depth = ceilDiv(depth, p.steps) // even steps
	p.bands = ceilDiv(rows*p.depth, p.kernel.band)
	if rows > depth { // c is large for a product of its arithmetic: a core's share is bands, not panels
		p.bands = ceilDiv(p.bands, cores) * cores
	}
	p.tall = ceilDiv(rows, p.bands*p.kernel.rows)
	p.bandRows = p.tall * p.kernel.rows
	p.bands = ceilDiv(rows, p.bandRows)
	p.panels = ceilDiv(p.c.Cols, p.kernel.cols)

	// Cores that have different panels read parts of each row of b, if that is stored by rows. In different steps they
	// read different rows.
	p.apart = p.steps > 1 && p.steps <= cores && rows <= depth && p.b.ColStride == 1 &&
		p.bias == nil && !p.relu && p.c.RowStride == p.c.Cols
	p.tiles, p.shares = p.bands*p.panels*p.tall, 1
	if p.apart {
		p.tiles *= p.steps
		if size := (p.steps - 1) * rows * p.c.Cols; cap(p.sums) < size {
			p.sums = make([]float32, size)
		}
	}
	if cores > 1 {
		p.shares = min(p.tiles, coreShares*cores)
	}
}

// share computes the shares from first to last.
func (p *product) share(first, last int) {
	w := workspaces.Get().(*workspace)
	start, end := first*p.tiles/p.shares, last*p.tiles/p.shares
	perBand := p.panels * p.tall
	for start < end {
		number := start / perBand
		next := min(end, (number+1)*perBand)
		from, to := start-number*perBand, next-number*perBand
		if p.apart { // all bands of a step, and then those of the next
			p.step(number%p.bands, from, to, number/p.bands*p.depth, w)
		} else {
			for k := 0; k < p.a.Cols; k += p.depth {
				p.step(number, from, to, k, w)
			}
		}
		start = next
	}
	workspaces.Put(w)
}

// addSums adds the elements from start to end of all the sums.
func (p *product) addSums(start, end int) {
	size := p.c.Rows * p.c.Cols
	for step := range p.steps - 1 {
		vec.Add(p.c.Data[start:end], p.sums[step*size+start:step*size+end])
	}
}

// step adds up to p.depth elements of each sum, from k on, in the tiles from start to end of a band.
func (p *product) step(number, start, end, k int, w *workspace) {
	b := p.band(number, k)
	if crowds(b.a.RowStride) || crowds(b.a.ColStride) {
		first, last := 0, p.tall
		if start/p.tall == (end-1)/p.tall { // only one panel needs them
			first, last = start%p.tall, (end-1)%p.tall+1
		}
		p.pack(&b, first, last, w)
	}
	for start < end {
		panel := start / p.tall
		next := min(end, (panel+1)*p.tall)
		p.strip(b, panel, start-panel*p.tall, next-panel*p.tall, w)
		start = next
	}
}

// band is what a step needs of a: the rows from top on, and in the sums the elements from k on.
type band struct {
	top, k     int
	a          Matrix
	tileStride int // from a tile's first row to that of the next
}

func (p *product) band(number, k int) band {
	top := number * p.bandRows
	a := p.a.block(top, min(p.bandRows, p.a.Rows-top), k, min(p.depth, p.a.Cols-k))
	return band{top, k, a, p.kernel.rows * a.RowStride}
}

// crowds reports whether elements that are stride floats apart compete for the same few places of the caches.
func crowds(stride int) bool { return stride != 0 && stride%512 == 0 }

// pack copies the tiles of b from first to last, each on its own: a column of its rows next to the one before.
func (p *product) pack(b *band, first, last int, w *workspace) {
	colStride := ceilDiv(p.kernel.rows, 4) * 4
	tileStride := b.a.Cols * colStride
	if size := p.tall*tileStride + packSlack; cap(w.band) < size {
		w.band = make([]float32, size)
	}
	for tile := first; tile < last; tile++ {
		top := tile * p.kernel.rows
		if rows := min(p.kernel.rows, b.a.Rows-top); rows > 0 {
			p.kernel.pack(w.band[tile*tileStride:cap(w.band)], colStride, b.a.block(top, rows, 0, b.a.Cols).T())
		}
	}
	b.a, b.tileStride = Matrix{w.band[:cap(w.band)], b.a.Rows, b.a.Cols, 1, colStride}, tileStride
}

// strip adds to the tiles from first to last of a panel of a band.
func (p *product) strip(b band, panel, first, last int, w *workspace) {
	top, left := first*p.kernel.rows, panel*p.kernel.cols
	rows := min(last*p.kernel.rows, b.a.Rows) - top
	if rows <= 0 { // the last band may have fewer tiles
		return
	}
	width := min(p.kernel.cols, p.c.Cols-left)
	right := p.panel(p.b.block(b.k, b.a.Cols, left, width), w)
	ends := b.k+b.a.Cols == p.a.Cols
	c, accumulate := p.c, b.k > 0
	if p.apart && accumulate {
		c, accumulate = RowMajor(p.sums[(b.k/p.depth-1)*c.Rows*c.Cols:cap(p.sums)], c.Rows, c.Cols), false
	}
	var bias []float32
	if ends && p.bias != nil {
		bias = p.bias[left : left+width]
	}
	p.kernel.strip(rows, width, c.from(b.top+top, left), c.RowStride,
		b.a.Data[first*b.tileStride:], b.a.RowStride, b.a.ColStride, b.tileStride,
		right.Data, right.RowStride, right.Rows, bias, accumulate, ends && p.relu)
}

// panel returns a panel of b in a layout that the kernel can read: rows of adjacent elements. What it holds beyond its
// width goes into sums that are not stored.
func (p *product) panel(b Matrix, w *workspace) Matrix {
	if b.ColStride == 1 && (b.Cols == p.kernel.cols || !p.kernel.wholeRows) {
		return b
	}
	p.kernel.pack(w.panel[:], p.kernel.cols, b)
	return Matrix{w.panel[:], b.Rows, p.kernel.cols, p.kernel.cols, 1}
}
