package machine

import (
	"math"
	"math/rand/v2"
	"testing"
)

// newValues returns n weights and their gradients and moments, all 0.
func newValues(n int) values {
	return values{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
}

// TestAdam checks every step against the update as the paper writes it, in float64, for several parameters, and that the bits
// are the same on every number of cores.
func TestAdam(t *testing.T) {
	const alpha, beta1, beta2, epsilon = 3e-3, 0.9, 0.999, 1e-8
	type reference struct{ theta, m, v float64 }
	var first []values
	onCores(func(cores int) {
		random := rand.New(rand.NewPCG(1, 2))
		parameters := []values{newValues(40000), newValues(3), newValues(1000)} // more than one core's share, and less than a share
		want := make([][]reference, len(parameters))
		for i, p := range parameters {
			want[i] = make([]reference, len(p.w))
			for k := range p.w {
				p.w[k] = float32(random.NormFloat64())
				want[i][k].theta = float64(p.w[k])
			}
		}
		for step := 1; step <= 50; step++ {
			for i, p := range parameters {
				for k := range p.g {
					p.g[k] = float32(random.NormFloat64() * math.Pow(10, float64(k%7-4)))
					r, g := &want[i][k], float64(p.g[k])
					r.m = beta1*r.m + (1-beta1)*g
					r.v = beta2*r.v + (1-beta2)*g*g
					mHat := r.m / (1 - math.Pow(beta1, float64(step)))
					vHat := r.v / (1 - math.Pow(beta2, float64(step)))
					r.theta -= alpha * mHat / (math.Sqrt(vHat) + epsilon)
				}
			}
			if !adam(parameters, alpha, uint64(step)) {
				t.Fatalf("%d cores, step %d: not finite", cores, step)
			}
			for i, p := range parameters {
				for k, r := range want[i] {
					if math.Abs(float64(p.w[k])-r.theta) > 2e-6*(1+math.Abs(r.theta)) {
						t.Fatalf("%d cores, step %d: weight %d of parameter %d is %v, want %v", cores, step, k, i, p.w[k], r.theta)
					}
				}
			}
		}
		if first == nil {
			first = parameters
		}
		for i, p := range parameters {
			if !sameBits(p.w, first[i].w) || !sameBits(p.m, first[i].m) || !sameBits(p.v, first[i].v) {
				t.Errorf("%d cores: parameter %d has other bits than on one", cores, i)
			}
		}
	})
}

// TestAdamReportsAnUpdateThatIsNotFinite checks that a gradient too large for the second moment is seen wherever it is, at that
// step alone if the moment is mended, and that the step is taken.
func TestAdamReportsAnUpdateThatIsNotFinite(t *testing.T) {
	const n = 40000
	onCores(func(cores int) {
		a, b := newValues(n), newValues(3)
		step := uint64(0)
		makeStep := func() bool {
			step++
			return adam([]values{a, b}, 1e-3, step)
		}
		for _, c := range []struct {
			of    values
			place int
		}{{a, 0}, {a, n / 2}, {a, n - 1}, {b, 2}} {
			c.of.g[c.place] = 1e30
			if makeStep() {
				t.Errorf("%d cores: gradient %d of %d is 1e30, and the update finite", cores, c.place, len(c.of.w))
			}
			c.of.g[c.place] = 1
			if makeStep() {
				t.Errorf("%d cores: second moment %d of %d is infinite, and the update finite", cores, c.place, len(c.of.w))
			}
			c.of.m[c.place], c.of.v[c.place] = 0, 0
			if !makeStep() {
				t.Errorf("%d cores: all is finite again, and the update not", cores)
			}
			if got := c.of.w[c.place]; got >= 0 {
				t.Errorf("%d cores: weight %d of %d is %v, want it to have moved", cores, c.place, len(c.of.w), got)
			}
		}
	})
}

// TestCut checks that the shares are all of the values, and begin at lines of the cache.
func TestCut(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 1000, 313600} {
		for _, shares := range []int{1, 8, 16, 200} {
			before := 0
			for share := range shares + 1 {
				at := cut(n, share, shares)
				if at < before || share < shares && at%16 != 0 || at-before > n/shares+16 {
					t.Errorf("share %d of %d of %d values begins at %d, the one before at %d", share, shares, n, at, before)
				}
				before = at
			}
			if first := cut(n, 0, shares); first != 0 || before != n {
				t.Errorf("%d shares of %d values are from %d to %d", shares, n, first, before)
			}
		}
	}
}
