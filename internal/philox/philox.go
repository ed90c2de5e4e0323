// Package philox draws random numbers from a counter: Philox4x32-10 of Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3" (SC'11).
//
// A number depends on its seed, its stream, its step and its place, and on nothing that was drawn before it.
// So a resumed run continues with the same bits, any part of a sequence can be made by itself,
// and another device can draw the same numbers.
//
// The words of a sequence, and what Below and Uniform make of them, are the same on every processor. Normal may round differently from
// one kind to the next, as package vec says.
package philox

import (
	"math/bits"
	"slices"
	"sync"

	"govae/internal/vec"
)

//go:generate env GOWORK=off go run -C _asm . -out ../avx2_amd64.s -stubs ../avx2_amd64.go -pkg philox

// Stream keeps the numbers drawn for one purpose apart from those drawn for another.
type Stream uint32

// The streams. Their values are part of what a seed means: never change one, add new ones at the end.
const (
	Weights      Stream = iota + 1 // initial parameters; step is the parameter's place
	Shuffle                        // order of the training images; step is the epoch
	Epsilon                        // ε of a training step; step is the step
	TestEpsilon                    // ε of an evaluation; step is the test image's place
	Latent                         // z drawn from the prior for generated images
	Holdout                        // which images are tested on where a set has no test images; step is how many there are in all
	MixtureStart                   // rows around which a fit of a mixture begins; step is the start's number
	MixtureRows                    // rows drawn from a mixture; step is the row's place
	Letters                        // slant and place of a letter drawn from a font; step is its place in the set
	PixelNoise                     // noise and squares that are laid on images; step is the image's place
)

const (
	multiplier0 = 0xD2511F53
	multiplier1 = 0xCD9E8D57
	weyl0       = 0x9E3779B9
	weyl1       = 0xBB67AE85
	rounds      = 10
)

// Block applies the ten rounds of Philox4x32 to a counter.
func Block(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range rounds {
		high0, low0 := bits.Mul32(multiplier0, counter[0])
		high1, low1 := bits.Mul32(multiplier1, counter[2])
		counter = [4]uint32{high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0}
		key[0] += weyl0
		key[1] += weyl1
	}
	return counter
}

// A Source is the sequence of numbers of one (seed, stream, step).
// Its counter is (block, stream, step's low half, step's high half), its key the seed.
type Source struct {
	key     [2]uint32
	counter [4]uint32
	block   [4]uint32
	used    int
}

// New returns the sequence of (seed, stream, step), from its start.
func New(seed uint64, stream Stream, step uint64) *Source {
	return &Source{
		key:     [2]uint32{uint32(seed), uint32(seed >> 32)},
		counter: [4]uint32{0, uint32(stream), uint32(step), uint32(step >> 32)},
		used:    4,
	}
}

// Uint32 returns the next 32 bits. A sequence has 2³⁴ of them before it repeats.
func (s *Source) Uint32() uint32 {
	if s.used == 4 {
		s.block = Block(s.counter, s.key)
		s.counter[0]++
		s.used = 0
	}
	v := s.block[s.used]
	s.used++
	return v
}

// Below returns a number in [0, n), each equally likely, by Lemire's method (arXiv:1805.10941). n must be positive.
func (s *Source) Below(n uint32) uint32 {
	product := uint64(s.Uint32()) * uint64(n)
	if uint32(product) < n {
		for least := -n % n; uint32(product) < least; {
			product = uint64(s.Uint32()) * uint64(n)
		}
	}
	return uint32(product >> 32)
}

// chunk is how many words are drawn at a time: few enough to stay in the first-level cache until they are used.
const chunk = 1024

var chunks = sync.Pool{New: func() any { return new([chunk]uint32) }}

// Uniform fills dst with numbers from low to high, both included: rounding can reach high.
func (s *Source) Uniform(dst []float32, low, high float32) {
	words := chunks.Get().(*[chunk]uint32)
	for part := range slices.Chunk(dst, chunk) {
		s.fill(words[:len(part)])
		for i := range part {
			unit := float32(words[i]>>8) * (1.0 / (1 << 24)) // 24 bits: every float32 step of [½, 1)
			part[i] = low + (high-low)*unit
		}
	}
	chunks.Put(words)
}

// Normal fills dst with numbers from N(0, 1), by the transform of Box and Muller. Each pair takes two draws,
// and an odd last one takes two as well. vec.BoxMuller has the formula.
func (s *Source) Normal(dst []float32) {
	words := chunks.Get().(*[chunk]uint32)
	for part := range slices.Chunk(dst, chunk) {
		drawn := words[:len(part)+len(part)%2]
		s.fill(drawn)
		vec.BoxMuller(part, drawn)
	}
	chunks.Put(words)
}

// fill draws len(dst) times.
func (s *Source) fill(dst []uint32) {
	drawn := copy(dst, s.block[s.used:])
	s.used += drawn
	dst = dst[drawn:]
	whole := len(dst) &^ 3
	blocks(dst[:whole], s.counter, s.key)
	s.counter[0] += uint32(whole / 4)
	for i := whole; i < len(dst); i++ {
		dst[i] = s.Uint32()
	}
}

// blocksPlain fills dst with the blocks of consecutive counters, the first of which is given. len(dst) is a multiple of 4.
func blocksPlain(dst []uint32, counter [4]uint32, key [2]uint32) {
	for ; len(dst) > 0; dst = dst[4:] {
		block := Block(counter, key)
		copy(dst, block[:])
		counter[0]++
	}
}
