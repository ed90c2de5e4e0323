//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"testing"

	"govae/cuda/driver"
	"govae/cuda/kernels"
	"govae/internal/philox"
)

// bench is a card on which single launches are tried.
type bench struct {
	testing.TB
	device *driver.Device
	seed   uint64 // of the random values that were put there last
	at     string // what is tried, for messages
}

func newBench(t testing.TB) *bench { return &bench{TB: t, device: openCard(t)} }

// put copies values to the card, and returns where they are.
func (b *bench) put(values ...float32) kernels.Ptr {
	b.Helper()
	p, err := b.device.Alloc(4 * len(values))
	if err == nil {
		err = b.device.Write(p, memory(values))
	}
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// random returns n values in [-1, 1), others with every call, and where on the card they are.
func (b *bench) random(n int) ([]float32, kernels.Ptr) {
	b.Helper()
	values := make([]float32, n)
	b.seed++
	philox.New(b.seed, philox.Latent, 0).Uniform(values, -1, 1)
	return values, b.put(values...)
}

// capture makes launches a graph.
func (b *bench) capture(launches ...launch) func(times int) error {
	b.Helper()
	run, err := card{b.device}.Capture(launches)
	if err != nil {
		b.Fatal(err)
	}
	return run
}

// run makes one launch.
func (b *bench) run(l launch) {
	b.Helper()
	if err := b.capture(l)(1); err != nil {
		b.Fatal(err)
	}
}

// same compares n values on the card with those wanted, bit by bit.
func (b *bench) same(what string, at kernels.Ptr, n int, want func(i int) float32) {
	b.Helper()
	got := make([]float32, n)
	if err := b.device.Read(memory(got), at); err != nil {
		b.Fatal(err)
	}
	for i := range got {
		if w := want(i); math.Float32bits(got[i]) != math.Float32bits(w) {
			b.Errorf("%s: value %d of %d of %s is %v, want %v", b.at, i, n, what, got[i], w)
			return
		}
	}
}

// tiled is a launch of one of the three products in float32, whose result is [m, n], by tiles of that size.
func tiled[A any](form string, tile [2]int, m, n int, args A) launch {
	kernel := fmt.Sprintf("%s_%dx%d", form, tile[0], tile[1])
	return launch{kernel, (n + tile[1] - 1) / tile[1], (m + tile[0] - 1) / tile[0], memory([]A{args})}
}

// TestProductsToTheBit checks the three products and the update by Adam against the same in exact_test.go, for every size of tiles.
// So all cards, and what stands in for one, agree to the bit in these.
func TestProductsToTheBit(t *testing.T) {
	b := newBench(t)
	for _, tile := range [][2]int{{16, 32}, {32, 32}, {64, 64}} {
		for _, size := range [][3]int{{1, 1, 1}, {3, 5, 16}, {33, 31, 67}, {65, 70, 200}, {130, 20, 784}} {
			b.at = fmt.Sprintf("tiles of %v, [m n k] = %v", tile, size)
			checkForward(b, tile, size[0], size[1], size[2])
			checkInputGradient(b, tile, size[0], size[1], size[2])
			checkUpdate(b, tile, size[0], size[1], size[2])
		}
	}
}

func checkForward(b *bench, tile [2]int, m, n, k int) {
	x, atX := b.random(m * k)
	w, atW := b.random(n * k)
	bias, atB := b.random(n)
	_, y := b.random(m * n)
	b.run(tiled("dense_forward", tile, m, n, kernels.DenseForwardArgs{
		X: atX, W: atW, B: atB, Y: y, M: int32(m), N: int32(n), K: int32(k), Activation: kernels.ReLU,
	}))
	b.same("y", y, m*n, func(at int) float32 {
		i, j := at/n, at%n
		sum := exactProduct(k, func(at int) float32 { return x[i*k+at] }, func(at int) float32 { return w[j*k+at] })
		return max(0, sum+bias[j])
	})
}

func checkInputGradient(b *bench, tile [2]int, m, n, k int) {
	da, atDA := b.random(m * k)
	w, atW := b.random(k * n)
	y, atY := b.random(m * n)
	_, dx := b.random(m * n)
	b.run(tiled("dense_input_gradient", tile, m, n, kernels.DenseInputGradientArgs{
		DA: atDA, W: atW, Y: atY, DX: dx, M: int32(m), N: int32(n), K: int32(k), Activation: kernels.Tanh,
	}))
	b.same("dx", dx, m*n, func(at int) float32 {
		i, j := at/n, at%n
		sum := exactProduct(k, func(at int) float32 { return da[i*k+at] }, func(at int) float32 { return w[at*n+j] })
		return sum * (1 - float32(y[at]*y[at]))
	})
}

// parameter is one on the card, with moments, and what it was at first.
type parameter struct {
	w, m, v []float32
	at      kernels.Parameter
}

func (b *bench) parameter(n int) (p parameter) {
	b.Helper()
	p.w, p.at.W = b.random(n)
	p.m, p.at.M = b.random(n)
	p.v, _ = b.random(n)
	for i := range p.v {
		p.v[i] *= p.v[i]
	}
	p.at.V = b.put(p.v...)
	return p
}

// sameAfter checks a parameter after its update by gradients.
func (b *bench) sameAfter(what string, p parameter, s adam, gradient func(i int) float32) {
	b.Helper()
	for i := range p.w {
		s.update(&p.w[i], &p.m[i], &p.v[i], gradient(i))
	}
	b.same(what, p.at.W, len(p.w), func(i int) float32 { return p.w[i] })
	b.same(what+"'s first moment", p.at.M, len(p.w), func(i int) float32 { return p.m[i] })
	b.same(what+"'s second moment", p.at.V, len(p.w), func(i int) float32 { return p.v[i] })
}

func checkUpdate(b *bench, tile [2]int, m, n, k int) {
	da, atDA := b.random(k * m)
	x, atX := b.random(k * n)
	weight, bias := b.parameter(m*n), b.parameter(m)
	_, dw := b.random(m * n)
	_, db := b.random(m)
	s := adam{beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rate: 0.01, correction: 1.25}
	b.run(tiled("dense_update", tile, m, n, kernels.DenseUpdateArgs{
		DA: atDA, X: atX, DW: dw, DB: db, Weight: weight.at, Bias: bias.at, M: int32(m), N: int32(n), K: int32(k),
		Adam: kernels.AdamSettings{
			Control: b.put(make([]float32, 6)...), Rates: b.put(s.rate, s.correction), Beta1: s.beta1, Beta2: s.beta2, Epsilon: s.epsilon,
		},
	}))
	gradients := make([]float32, m*n)
	for at := range gradients {
		i, j := at/n, at%n
		gradients[at] = exactProduct(k, func(at int) float32 { return da[at*m+i] }, func(at int) float32 { return x[at*n+j] })
	}
	biasGradient := func(i int) float32 { return exactSum(k, func(at int) float32 { return da[at*m+i] }) }
	b.same("dw", dw, m*n, func(at int) float32 { return gradients[at] })
	b.same("db", db, m, biasGradient)
	b.sameAfter("the weight", weight, s, func(at int) float32 { return gradients[at] })
	b.sameAfter("the bias", bias, s, biasGradient)
}
