package sgemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var nan = float32(math.NaN())

// view returns a rows × cols view into a larger buffer of NaN, filled with numbers drawn by next. The view is transposed in memory
// if asked, its leading dimension is gap larger than it need be, and guard elements lie before and after it.
func view(rows, cols, gap, guard int, transposed bool, next func() float32) (m Matrix, buffer []float32) {
	if transposed {
		m, buffer = view(cols, rows, gap, guard, false, next)
		return m.T(), buffer
	}
	stride := cols + gap
	buffer = make([]float32, guard+rows*stride+guard)
	for i := range buffer {
		buffer[i] = nan
	}
	end := guard
	if rows > 0 && cols > 0 {
		end += (rows-1)*stride + cols
	}
	m = Matrix{buffer[guard:end:end], rows, cols, stride, 1}
	for i := range rows {
		for j := range cols {
			buffer[guard+i*stride+j] = next()
		}
	}
	return m, buffer
}

func (m Matrix) at(i, j int) float32 { return m.Data[i*m.RowStride+j*m.ColStride] }

// reference returns element (i, j) of relu?(a·b + bias) in float64, and the sum of the magnitudes of its terms.
func reference(a, b Matrix, bias []float32, relu bool, i, j int) (sum, magnitude float64) {
	for p := range a.Cols {
		term := float64(a.at(i, p)) * float64(b.at(p, j))
		sum += term
		magnitude += math.Abs(term)
	}
	if bias != nil {
		sum += float64(bias[j])
		magnitude += math.Abs(float64(bias[j]))
	}
	if relu {
		sum = max(sum, 0)
	}
	return sum, magnitude
}

// compare checks c against the reference, within the error bound of a float32 sum, and that the elements of c's buffer outside c
// are still NaN.
func compare(t rapid.TB, c Matrix, buffer []float32, a, b Matrix, bias []float32, relu bool) {
	t.Helper()
	inside := 0
	for i := range c.Rows {
		for j := range c.Cols {
			want, magnitude := reference(a, b, bias, relu, i, j)
			tolerance := magnitude * float64(a.Cols+2) / (1 << 24)
			if got := float64(c.at(i, j)); !(math.Abs(got-want) <= tolerance) {
				t.Fatalf("element (%d, %d) is %v, want %v ± %v", i, j, got, want, tolerance)
			}
			inside++
		}
	}
	for _, v := range buffer {
		if v == v {
			inside--
		}
	}
	if inside != 0 {
		t.Fatalf("%d elements outside c were written", -inside)
	}
}

// forKernels runs a test with every kernel that this processor can run.
func forKernels(t *testing.T, test func(t *testing.T)) {
	defer func() { best = kernels[0] }()
	for _, best = range kernels {
		t.Run(fmt.Sprintf("tiles of %d by %d", best.rows, best.cols), test)
	}
}

func TestAgainstFloat64(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			size := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 40), rapid.IntRange(1, 300))
			m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
			if rapid.Bool().Draw(t, "deep") {
				k += maxDepth // more than one block
				m = min(m, 50)
			}
			gap := rapid.IntRange(0, 9)
			crowded := rapid.Bool().Draw(t, "rows or columns of a 2048 bytes apart, or a multiple")
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			next := func() float32 { return float32(random.NormFloat64()) }
			aGap, aTransposed := gap.Draw(t, "gap of a"), rapid.Bool().Draw(t, "aᵀ")
			if crowded {
				adjacent := k
				if aTransposed {
					adjacent = m
				}
				aGap = (512 - adjacent%512) % 512
			}
			a, _ := view(m, k, aGap, 7, aTransposed, next)
			b, _ := view(k, n, gap.Draw(t, "gap of b"), 7, rapid.Bool().Draw(t, "bᵀ"), next)
			c, buffer := view(m, n, gap.Draw(t, "gap of c"), 7, false, func() float32 { return nan })
			var bias []float32
			if rapid.Bool().Draw(t, "bias") {
				biases, _ := view(1, n, 0, 7, false, next)
				bias = biases.Data
			}
			relu := rapid.Bool().Draw(t, "relu")
			MulBias(c, a, b, bias, relu)
			compare(t, c, buffer, a, b, bias, relu)
		})
	})
}

// TestKernelsAgreeExactly multiplies small whole numbers, whose sums no order and no fused multiply-add can round.
func TestKernelsAgreeExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	next := func() float32 { return float32(random.IntN(33) - 16) }
	for _, shape := range [][3]int{{50, 784, 100}, {128, 400, 20}, {20, 128, 400}, {7, 385, 17}, {1, 1, 1}, {5, 1000, 33}, {1100, 512, 40}} {
		for transposed := range 4 {
			m, k, n := shape[0], shape[1], shape[2]
			a, _ := view(m, k, 3, 0, transposed&1 != 0, next)
			b, _ := view(k, n, 5, 0, transposed&2 != 0, next)
			bias, _ := view(1, n, 0, 0, false, next)
			var first Matrix
			for _, best = range kernels {
				c := RowMajor(make([]float32, m*n), m, n)
				MulBias(c, a, b, bias.Data, true)
				if best == kernels[0] {
					first = c
				}
				for i := range c.Data {
					if c.Data[i] != first.Data[i] {
						t.Fatalf("%v, transposed %02b: element %d is %v and %v", shape, transposed, i, first.Data[i], c.Data[i])
					}
				}
			}
			best = kernels[0]
		}
	}
}

func TestBitsDoNotDependOnTheCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	random := rand.New(rand.NewPCG(3, 4))
	next := func() float32 { return float32(random.NormFloat64()) }
	forKernels(t, func(t *testing.T) {
		for _, shape := range [][3]int{{50, 784, 100}, {128, 400, 20}, {20, 128, 400}, {200, 64, 100}, {601, 30, 9}, {13, 900, 70}, {1100, 512, 40}, {30, 1200, 50}, {700, 600, 20}} {
			m, k, n := shape[0], shape[1], shape[2]
			a, _ := view(m, k, 0, 0, false, next)
			columns, _ := view(k, n, 0, 0, true, next)
			rows := RowMajor(make([]float32, k*n), k, n) // the same b, of which the cores get different steps
			for p := range k {
				for j := range n {
					rows.Data[p*n+j] = columns.at(p, j)
				}
			}
			for _, b := range []Matrix{columns, rows} {
				var first []float32
				for _, procs := range []int{1, 2, 4, 7} {
					runtime.GOMAXPROCS(procs)
					c := RowMajor(make([]float32, m*n), m, n)
					Mul(c, a, b)
					if first == nil {
						first = c.Data
					}
					for i, got := range c.Data {
						if math.Float32bits(got) != math.Float32bits(first[i]) {
							t.Fatalf("%v: element %d is %v on one core and %v on %d", shape, i, first[i], got, procs)
						}
					}
				}
			}
		}
	})
}

// TestNaN puts NaNs into a row of a, into columns of b and into elements of the bias: each must get through the ReLU, and
// no further than it belongs. Of tiles of every height, one or two registers wide, each register gets one.
func TestNaN(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		const k = 400
		n := 2*best.cols + min(8, best.cols/2) // two whole panels and an edge
		inB, inBias := []int{1, best.cols - 1}, []int{best.cols + 1, 2*best.cols - 1, n - 1}
		one := func() float32 { return 1 }
		for m := 1; m <= 2*best.rows+1; m++ {
			a, _ := view(m, k, 0, 0, false, one)
			b, _ := view(k, n, 0, 0, false, one)
			c, _ := view(m, n, 0, 0, false, one)
			bias := make([]float32, n)
			a.Data[m/2*k+3] = nan
			for _, j := range inB {
				b.Data[n+j] = nan
			}
			for _, j := range inBias {
				bias[j] = nan
			}
			MulBias(c, a, b, bias, true)
			for i := range m {
				for j := range n {
					v := c.at(i, j)
					if isNaN := v != v; isNaN != (i == m/2 || slices.Contains(inB, j) || slices.Contains(inBias, j)) {
						t.Fatalf("%d rows: element (%d, %d) is %v", m, i, j, v)
					}
				}
			}
		}
	})
}

func TestNoMemoryIsKept(t *testing.T) {
	p := products.New().(*product)
	m := RowMajor(make([]float32, 4), 2, 2)
	p.run(m, m, m, m.Data[:2], false)
	if p.a.Data != nil || p.b.Data != nil || p.c.Data != nil || p.bias != nil {
		t.Error("a product for reuse holds on to its matrices")
	}
}

func TestShapesThatDoNotFit(t *testing.T) {
	matrix := func(rows, cols int) Matrix { return RowMajor(make([]float32, rows*cols), rows, cols) }
	short := matrix(2, 3)
	short.Data = short.Data[:5]
	around := Matrix{make([]float32, 4), 5, 3, math.MaxInt/2 + 1, 1} // 4 strides wrap around to 0
	negative := Matrix{make([]float32, 9), 2, 3, -3, 1}
	for _, c := range []struct {
		name    string
		c, a, b Matrix
		bias    []float32
		want    string
	}{
		{"inner", matrix(2, 4), matrix(2, 3), matrix(5, 4), nil, "a [2, 3] · b [5, 4] does not fit c [2, 4]"},
		{"rows", matrix(3, 4), matrix(2, 3), matrix(3, 4), nil, "a [2, 3] · b [3, 4] does not fit c [3, 4]"},
		{"columns", matrix(2, 5), matrix(2, 3), matrix(3, 4), nil, "a [2, 3] · b [3, 4] does not fit c [2, 5]"},
		{"data", matrix(2, 4), short, matrix(3, 4), nil, "a [2, 3] with strides 3 and 1 does not fit its 5 elements"},
		{"no data", matrix(1, 1), Matrix{nil, 1, 1, 1, 1}, matrix(1, 1), nil, "a [1, 1] with strides 1 and 1 does not fit its 0 elements"},
		{"offsets by rows", matrix(5, 4), around, matrix(3, 4), nil, "a [5, 3] with strides "},
		{"offsets by columns", matrix(3, 4), around.T(), matrix(5, 4), nil, "a [3, 5] with strides "},
		{"stride", matrix(2, 4), negative, matrix(3, 4), nil, "a [2, 3] with strides -3 and 1: none may be negative"},
		{"c by columns", matrix(4, 2).T(), matrix(2, 3), matrix(3, 4), nil, "c [2, 4] must be stored row by row"},
		{"c over itself", Matrix{make([]float32, 9), 2, 4, 3, 1}, matrix(2, 3), matrix(3, 4), nil, "c [2, 4] must be stored row by row"},
		{"bias", matrix(2, 4), matrix(2, 3), matrix(3, 4), make([]float32, 3), "bias has 3 elements, c has 4 columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("panics with %q, want %q", got, c.want)
				}
			}()
			MulBias(c.c, c.a, c.b, c.bias, false)
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
	const m, k, n = 30, 400, 60
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			value := float32(caller + 1)
			constant := func() float32 { return value }
			a, _ := view(m, k, 1024-m, 0, true, constant)
			b, _ := view(k, n, 0, 0, true, constant)
			c, _ := view(m, n, 0, 0, false, constant)
			for range 20 {
				Mul(c, a, b)
				for i, got := range c.Data {
					if want := k * value * value; got != want {
						t.Errorf("element %d is %v, want %v", i, got, want)
						return
					}
				}
			}
		})
	}
	callers.Wait()
}

// TestPackingAgainstItsLoop packs panels of b and tiles of a, whose strides differ, and checks that nothing beyond the slack
// is written.
func TestPackingAgainstItsLoop(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	next := func() float32 { return float32(random.NormFloat64()) }
	forKernels(t, func(t *testing.T) {
		check := func(k, width, stride int, transposed bool) {
			b, _ := view(k, width, 3, 7, transposed, next)
			_, panel := view(1, k*stride+packSlack, 0, 64, false, func() float32 { return 0 })
			panel = panel[64:]
			best.pack(panel, stride, b)
			for p := range k {
				for j := range width {
					if got, want := panel[p*stride+j], b.at(p, j); got != want {
						t.Fatalf("k %d, width %d of %d, transposed %v: (%d, %d) is %v, want %v", k, width, stride, transposed, p, j, got, want)
					}
				}
			}
			for i, v := range panel[k*stride+packSlack:] {
				if v == v {
					t.Fatalf("k %d, width %d of %d, transposed %v: element %d beyond the slack was written", k, width, stride, transposed, i)
				}
			}
		}
		for _, k := range []int{1, 7, 8, 9, 16, 17, 31, 384} {
			for _, transposed := range []bool{false, true} {
				for width := 1; width <= best.cols; width++ {
					check(k, width, best.cols, transposed)
				}
				for width := 1; width <= best.rows; width++ {
					check(k, width, ceilDiv(best.rows, 4)*4, transposed)
				}
			}
		}
	})
}

// TestPackingHasItsSlack checks that the memory for a's tiles and for a panel of b goes on for packSlack elements.
func TestPackingHasItsSlack(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		if best.transpose == nil {
			return // nothing writes there
		}
		kernel, packed := *best, 0
		kernel.transpose = func(panel []float32, panelStride int, _ []float32, _, _, k int) {
			packed++
			if len(panel) < k*panelStride+packSlack {
				t.Errorf("packing %d: %d elements for %d rows of %d", packed, len(panel), k, panelStride)
			}
		}
		rows := best.rows + 1 // two tiles
		a, _ := view(rows, maxDepth, 0, 0, false, func() float32 { return 1 })
		b, _ := view(maxDepth, 1, 0, 0, true, func() float32 { return 1 })
		p := product{kernel: &kernel, c: RowMajor(make([]float32, rows), rows, 1), a: a, b: b}
		p.plan()
		w, band := new(workspace), p.band(0, 0)
		p.pack(&band, 0, p.tall, w)
		p.panel(b, w)
		if packed != 3 {
			t.Errorf("%d packings, want those of two tiles and a panel", packed)
		}
	})
}
