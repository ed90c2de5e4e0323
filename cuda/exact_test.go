//go:build cuda

package cuda

import (
	"math"
	"math/big"
	"testing"

	"govae/internal/philox"
)

// What the kernels compute with additions, products, quotients and roots alone is the same to the bit on every card: each of them is
// rounded once. Here is the same in Go, one value at a time, and in the kernels' order.

// fma returns a·b + c, rounded once. In float64 the product is exact. Their sum is not, and is then made odd in its last bit, so that
// rounding it a second time gives what rounding once does (Boldo and Melquiond, IEEE Transactions on Computers 57, 2008).
func fma(a, b, c float32) float32 {
	product, addend := float64(a)*float64(b), float64(c)
	sum := product + addend
	part := sum - product
	left := (product - (sum - part)) + (addend - part) // of the exact sum, what sum lacks
	if bits := math.Float64bits(sum); left != 0 && bits&1 == 0 {
		if (left > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
		sum = math.Float64frombits(bits)
	}
	return float32(sum)
}

// The k's of a sum are cut into slices, which take turns in going to the groups: see product.cuh.
const (
	sumGroups = 4
	sumSlice  = 16
)

// exactProduct returns Σ_k a(k)·b(k), and exactSum Σ_k a(k), as a block makes them.
func exactProduct(depth int, a, b func(k int) float32) float32 {
	var of [sumGroups]float32
	for k := range depth {
		group := &of[k/sumSlice%sumGroups]
		*group = fma(a(k), b(k), *group)
	}
	return inTheirOrder(of)
}

func exactSum(depth int, a func(k int) float32) float32 {
	var of [sumGroups]float32
	for k := range depth {
		of[k/sumSlice%sumGroups] += a(k)
	}
	return inTheirOrder(of)
}

func inTheirOrder(groups [sumGroups]float32) float32 {
	sum := groups[0]
	for _, group := range groups[1:] {
		sum += group
	}
	return sum
}

// adam is what an update makes of one value of a parameter: see adam.cuh. Conversions keep products from being fused.
type adam struct {
	beta1, beta2, epsilon, rate, correction float32
}

func (s adam) update(w, m, v *float32, g float32) {
	*m = float32(s.beta1**m) + float32((1-s.beta1)*g)
	*v = float32(s.beta2**v) + float32(float32((1-s.beta2)*g)*g)
	root := float32(math.Sqrt(float64(*v)))
	*w -= float32(s.rate**m) / (float32(root*s.correction) + s.epsilon)
}

// TestFMA compares fma with exact arithmetic that is rounded once: over random numbers, and over sums next to the middle between two
// float32, where rounding twice is wrong.
func TestFMA(t *testing.T) {
	random := philox.New(1, philox.Latent, 0)
	values := make([]float32, 3)
	twice := 0
	for i := range 200_000 {
		random.Uniform(values, -1, 1)
		a, b, c := values[0], values[1], values[2]
		if i%2 == 1 { // c in [1, 2), and a·b a little less than half a unit in its last place
			j := math.Ldexp(float64(random.Uint32()&0xff), -23)
			a, b, c = float32(1+j), float32(math.Ldexp(1-j, -24)), 1+float32(math.Abs(float64(c)))/2
		}
		sum := new(big.Float).SetPrec(300).SetFloat64(float64(a))
		sum.Mul(sum, new(big.Float).SetPrec(300).SetFloat64(float64(b)))
		sum.Add(sum, new(big.Float).SetPrec(300).SetFloat64(float64(c)))
		want, _ := sum.Float32()
		if got := fma(a, b, c); got != want {
			t.Fatalf("%v·%v + %v is %v, want %v", a, b, c, got, want)
		}
		if float32(math.FMA(float64(a), float64(b), float64(c))) != want {
			twice++
		}
	}
	if twice == 0 {
		t.Error("none of the sums is one that rounding twice gets wrong")
	}
}
