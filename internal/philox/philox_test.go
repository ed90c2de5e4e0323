package philox

import (
	"math"
	"slices"
	"testing"
)

// TestBlock checks the known-answer vectors of Random123 (tests/kat_vectors, philox4x32 10).
func TestBlock(t *testing.T) {
	for _, kat := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{
			[4]uint32{0, 0, 0, 0}, [2]uint32{0, 0},
			[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Block(kat.counter, kat.key); got != kat.want {
			t.Errorf("Block(%08x, %08x) = %08x, want %08x", kat.counter, kat.key, got, kat.want)
		}
	}
}

// TestSourceCounts checks that a Source hands out the blocks of its counter in order.
func TestSourceCounts(t *testing.T) {
	s := New(0x299f31d0a4093822, Epsilon, 0x0370734413198a2e)
	for block := range uint32(3) {
		want := Block([4]uint32{block, uint32(Epsilon), 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0})
		for i, w := range want {
			if got := s.Uint32(); got != w {
				t.Fatalf("block %d, word %d is %08x, want %08x", block, i, got, w)
			}
		}
	}
}

// TestSequencesDiffer checks that seed, stream and step each select another sequence.
func TestSequencesDiffer(t *testing.T) {
	first := func(s *Source) [4]uint32 { return [4]uint32{s.Uint32(), s.Uint32(), s.Uint32(), s.Uint32()} }
	base := first(New(1, Weights, 1))
	if again := first(New(1, Weights, 1)); again != base {
		t.Error("the same seed, stream and step draw other numbers")
	}
	for name, s := range map[string]*Source{
		"seed's low half":  New(2, Weights, 1),
		"seed's high half": New(1+1<<32, Weights, 1),
		"stream":           New(1, Shuffle, 1),
		"step's low half":  New(1, Weights, 2),
		"step's high half": New(1, Weights, 1+1<<32),
	} {
		if first(s) == base {
			t.Errorf("another %s draws the same numbers", name)
		}
	}
}

// TestNormalMoments checks mean, variance, skewness and kurtosis of N(0, 1), each to five standard errors.
func TestNormalMoments(t *testing.T) {
	const n = 1 << 20
	values := make([]float32, n)
	New(3, Epsilon, 0).Normal(values)
	var moments [5]float64
	for _, v := range values {
		power := 1.0
		for k := range moments {
			moments[k] += power / n
			power *= float64(v)
		}
	}
	for k, want := range []float64{1, 0, 1, 0, 3} {
		variance := []float64{0, 1, 2, 15, 96}[k] // of v^k
		if got := moments[k]; math.Abs(got-want) > 5*math.Sqrt(variance/n)+1e-12 {
			t.Errorf("moment %d is %v, want %v", k, got, want)
		}
	}
}

// TestNormalTails checks the distribution function at some published quantiles.
func TestNormalTails(t *testing.T) {
	const n = 1 << 20
	values := make([]float32, n)
	New(4, Latent, 9).Normal(values)
	for _, q := range []struct{ z, p float64 }{{-2.3263479, 0.01}, {-1.2815516, 0.1}, {-0.6744898, 0.25}, {0, 0.5}, {1.6448536, 0.95}, {3.0902323, 0.999}} {
		below := 0
		for _, v := range values {
			if float64(v) < q.z {
				below++
			}
		}
		got := float64(below) / n
		if math.Abs(got-q.p) > 5*math.Sqrt(q.p*(1-q.p)/n) {
			t.Errorf("P(v < %v) is %v, want %v", q.z, got, q.p)
		}
	}
}

// TestNormalPairs checks both halves of a pair against the transform of Box and Muller, and an odd length.
func TestNormalPairs(t *testing.T) {
	var odd, even [3]float32
	New(5, Epsilon, 1).Normal(odd[:])
	New(5, Epsilon, 1).Normal(even[:2])
	if !slices.Equal(odd[:2], even[:2]) {
		t.Errorf("the first two of three are %v, and of two %v", odd[:2], even[:2])
	}
	s := New(5, Epsilon, 1)
	u := (float64(s.Uint32()) + 0.5) / math.Exp2(32)
	angle := 2 * math.Pi * float64(s.Uint32()) / math.Exp2(32)
	radius := math.Sqrt(-2 * math.Log(u))
	if want := [2]float32{float32(radius * math.Cos(angle)), float32(radius * math.Sin(angle))}; [2]float32(odd[:2]) != want {
		t.Errorf("the first pair is %v, want %v", odd[:2], want)
	}
	if odd[2] == 0 {
		t.Error("the odd last number was not drawn")
	}
}

func TestUniform(t *testing.T) {
	values := make([]float32, 1<<16)
	New(6, Weights, 0).Uniform(values, -0.25, 0.75)
	sum := 0.0
	for _, v := range values {
		if v < -0.25 || v > 0.75 {
			t.Fatalf("%v is not in [-0.25, 0.75]", v)
		}
		sum += float64(v)
	}
	if mean := sum / (1 << 16); math.Abs(mean-0.25) > 5*math.Sqrt(1.0/12/(1<<16)) {
		t.Errorf("mean is %v, want 0.25", mean)
	}
}

// TestBelow checks that all numbers below n are drawn, equally often, for an n that does not divide 2³².
func TestBelow(t *testing.T) {
	const n, draws = 7, 70000
	var counts [n]int
	s := New(8, Shuffle, 0)
	for range draws {
		counts[s.Below(n)]++
	}
	chi2 := 0.0
	for _, c := range counts {
		chi2 += math.Pow(float64(c)-draws/n, 2) / (draws / n)
	}
	if chi2 > 22.46 { // the 0.1% point of χ² with 6 degrees of freedom
		t.Errorf("counts %v have χ² = %.1f", counts, chi2)
	}
}
