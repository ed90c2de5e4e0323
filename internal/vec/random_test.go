package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// edges are the words at which something in the transform changes, and those around them: the least and the greatest, the powers of
// two, and the odd eighths of a turn.
func edges() []uint32 {
	var words []uint32
	for _, eighth := range []uint32{0, 1, 3, 5, 7} {
		for power := range 33 {
			for near := range uint32(7) {
				from, distance := eighth<<29, uint32(uint64(1)<<power)
				words = append(words, from+distance+near-3, from-distance+near-3)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// pair is the transform of Box and Muller in float64. It takes the quarter turns from the angle before the sine does.
func pair(radius, angle uint32) [2]float64 {
	r := math.Sqrt(-2 * math.Log((float64(radius)+0.5)/(1<<32)))
	quarters := (angle + 1<<29) >> 30
	sin, cos := math.Sincos(2 * math.Pi / (1 << 32) * float64(int32(angle-quarters<<30)))
	for range quarters {
		cos, sin = -sin, cos
	}
	return [2]float64{r * cos, r * sin}
}

func randomWords(n int) []uint32 {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]uint32, n)
	for i := range words {
		words[i] = random.Uint32()
	}
	return words
}

// TestBoxMuller checks pairs of all edges, of edges with random words, and of random words against float64.
func TestBoxMuller(t *testing.T) {
	words := randomWords(1 << 18)
	place := 0
	for _, radius := range edges() {
		words[place], words[place+3] = radius, radius
		place += 4
	}
	for _, radius := range []uint32{0, 1, 2, 1 << 30, 1<<31 - 1, 1 << 31, 3 << 30, math.MaxUint32 - 1, math.MaxUint32} {
		for _, angle := range edges() {
			words[place], words[place+1] = radius, angle
			place += 2
		}
	}
	forEachKernel(t, func(t *testing.T) {
		dst := make([]float32, len(words))
		BoxMuller(dst, words)
		for i := 0; i < len(words); i += 2 {
			for j, want := range pair(words[i], words[i+1]) {
				if got := dst[i+j]; !isClose(got, want, 3*ulp, 1e-14) {
					t.Fatalf("number %d of the pair of %#x and %#x is %v, want %v", j, words[i], words[i+1], got, want)
				}
			}
		}
	})
}

// TestBoxMullerPlaces checks that a number's bits depend on its words alone, of odd lengths too, and that nothing around is written.
func TestBoxMullerPlaces(t *testing.T) {
	words := randomWords(256)
	forEachKernel(t, func(t *testing.T) {
		want := make([]float32, len(words))
		for i := 0; i < len(words); i += 2 {
			BoxMuller(want[i:i+2], words[i:])
		}
		each(func(from, n int) {
			first := from &^ 1 // of a pair
			dst := guarded(from + n + 16)
			BoxMuller(dst[from:from+n], words[first:first+n+n%2])
			expected := guarded(len(dst))
			copy(expected[from:from+n], want[first:])
			if i := firstDifference(dst, expected); i >= 0 {
				t.Fatalf("%d from %d on: number %d is %v, want %v", n, from, i, dst[i], expected[i])
			}
		})
	})
}
