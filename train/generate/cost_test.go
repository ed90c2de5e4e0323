package generate

import (
	"fmt"
	"testing"

	"govae/model"
	"govae/model/op"
)

// TestAllocationsDoNotGrow counts the allocations of a call early and late.
func TestAllocationsDoNotGrow(t *testing.T) {
	cfg := small(op.ReLU)
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	for _, c := range calls(cfg, 0) {
		count := func() float64 {
			return testing.AllocsPerRun(10, func() {
				if _, err := c.make(g); err != nil {
					t.Fatal(err)
				}
			})
		}
		early := count()
		for range 50 {
			if _, err := c.make(g); err != nil {
				t.Fatal(err)
			}
		}
		if late := count(); late > early+early/10+2 { // a pool may be emptied meanwhile
			t.Errorf("%s: %v allocations a call at first and %v later", c.name, early, late)
		}
	}
}

// BenchmarkGenerator times one call with the default network, for one image and for 64.
func BenchmarkGenerator(b *testing.B) {
	cfg := model.DefaultConfig()
	g := newGenerator(b, cfg, model.InitialWeights(cfg, 1))
	for _, n := range []int{1, 64} {
		z, x := make([]float32, n*cfg.Latent), uniform(n*cfg.Image.Pixels())
		for _, c := range []call{
			{"decode", func(g *Generator) ([]float32, error) { return g.Decode(z) }},
			{"encode", func(g *Generator) ([]float32, error) { _, _, err := g.Encode(x); return nil, err }},
			{"score", func(g *Generator) ([]float32, error) { _, err := g.Score(x, 1); return nil, err }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.make(g); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
