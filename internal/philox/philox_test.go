package philox

import (
	"math"
	"slices"
	"testing"
)

// forEachKernel runs a test with every way to make blocks that this machine has.
func forEachKernel(t *testing.T, test func(t *testing.T)) {
	fastest := blocks
	defer func() { blocks = fastest }()
	for name, kernel := range map[string]func([]uint32, [4]uint32, [2]uint32){"fastest": fastest, "plain": blocksPlain} {
		blocks = kernel
		t.Run(name, test)
	}
}

// TestBlock checks the known-answer vectors of Random123 (tests/kat_vectors, philox4x32 10), in the place of each of 8 blocks that
// are made side by side.
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
		forEachKernel(t, func(t *testing.T) {
			for place := range 8 {
				counter := kat.counter
				counter[0] -= uint32(place)
				var words [32]uint32
				blocks(words[:], counter, kat.key)
				if got := [4]uint32(words[4*place:]); got != kat.want {
					t.Errorf("block %d from %08x with %08x on is %08x, want %08x", place, counter, kat.key, got, kat.want)
				}
			}
		})
	}
}

// TestBlocks checks consecutive blocks against Block, over the counter's end too, and that nothing around is written.
func TestBlocks(t *testing.T) {
	const guard = 0x5A5A5A5A
	counter, key := [4]uint32{math.MaxUint32 - 40, 0x9abcdef0, 0x80000001, 0xfedcba98}, [2]uint32{0xdeadbeef, 0x80000000}
	forEachKernel(t, func(t *testing.T) {
		for n := range 100 {
			want := []uint32{guard}
			for i := range n {
				block := Block([4]uint32{counter[0] + uint32(i), counter[1], counter[2], counter[3]}, key)
				want = append(want, block[:]...)
			}
			want = append(want, guard)
			got := slices.Repeat([]uint32{guard}, len(want))
			blocks(got[1:1+4*n], counter, key)
			if !slices.Equal(got, want) {
				t.Fatalf("%d blocks are %08x, want %08x", n, got, want)
			}
		}
	})
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

// TestStreamsNeverChange checks the first words of each stream, over the end of a block, for a seed and a step whose halves all
// differ.
//
// They come from another program: Philox4x32-10 in thirty lines of Python, which gave the known-answer vectors of TestBlock,
// fed with the counters (block, stream, step's low half, step's high half) and the key (seed's low half, seed's high half), for
// streams 1 to 5.
func TestStreamsNeverChange(t *testing.T) {
	const seed, step = 0x0123456789abcdef, 0xfedcba9876543210
	for _, test := range []struct {
		name   string
		stream Stream
		want   [6]uint32
	}{
		{"weights", Weights, [6]uint32{0x969e80e7, 0x2e103e4c, 0xae5a459a, 0x0f1e946c, 0xfa249394, 0x2accffa1}},
		{"shuffle", Shuffle, [6]uint32{0x2a9dc6db, 0x3acfa35b, 0xed241198, 0x1b4e15ad, 0x452a1b24, 0x5032e563}},
		{"ε", Epsilon, [6]uint32{0x78b41c55, 0x0e74f23d, 0xc88f7775, 0x5c8ce30d, 0x8ece139a, 0x383b0c15}},
		{"test ε", TestEpsilon, [6]uint32{0xfe078bd8, 0xfad74cfe, 0xc40895ca, 0x47b7eaa4, 0x9f0df525, 0xdc76bc17}},
		{"latent", Latent, [6]uint32{0xb839141f, 0x5b53f6cb, 0x4a8ccf02, 0xd2fa59ce, 0xd89000ff, 0x5832bb0c}},
	} {
		var got [6]uint32
		for i, s := 0, New(seed, test.stream, step); i < len(got); i++ {
			got[i] = s.Uint32()
		}
		if got != test.want {
			t.Errorf("stream %d, %s, begins with %08x, want %08x", test.stream, test.name, got, test.want)
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

// TestDrawsContinue checks that Normal and Uniform take the next words of the sequence, wherever in a block that is, in the
// order of Uint32, and each as many as it says, and that the numbers are what Box and Muller make of them, whatever their
// count.
func TestDrawsContinue(t *testing.T) {
	forEachKernel(t, func(t *testing.T) {
		for before := range 6 {
			for _, n := range []int{0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, chunk - 1, chunk, chunk + 1, 2*chunk + 37} {
				got, want := New(5, Epsilon, 1), New(5, Epsilon, 1)
				for range before {
					got.Uint32()
					want.Uint32()
				}
				dst := make([]float32, n+1)
				dst[n] = 7 // is to stay
				got.Normal(dst[:n])
				for i := 0; i < n; i += 2 {
					first, second := want.Uint32(), want.Uint32()
					checkPair(t, dst[i:min(i+2, n)], first, second)
				}
				if dst[n] != 7 {
					t.Fatalf("Normal of %d numbers wrote number %d", n, n)
				}
				got.Uniform(dst[:n], 0, 1<<24)
				for i, v := range dst[:n] {
					if w := float32(want.Uint32() >> 8); v != w {
						t.Fatalf("after %d words: uniform number %d is %v, want %v", before, i, v, w)
					}
				}
				if g, w := got.Uint32(), want.Uint32(); g != w {
					t.Fatalf("after %d words and %d numbers twice the next word is %08x, want %08x", before, n, g, w)
				}
			}
		}
	})
}

// checkPair checks the transform of Box and Muller, or its first number alone.
func checkPair(t *testing.T, got []float32, first, second uint32) {
	t.Helper()
	radius := math.Sqrt(-2 * math.Log((float64(first)+0.5)/math.Exp2(32)))
	sin, cos := math.Sincos(2 * math.Pi * float64(second) / math.Exp2(32))
	for i, v := range got {
		if want := radius * []float64{cos, sin}[i]; math.Abs(float64(v)-want) > 0x3p-23*math.Abs(want)+1e-14 {
			t.Fatalf("number %d of the pair of %08x and %08x is %v, want %v", i, first, second, v, want)
		}
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
