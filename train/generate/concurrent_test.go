package generate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/model/op"
	"govae/train/device"
)

// medium is a model whose matrices are large enough that the cores share them.
func medium() model.Config {
	cfg := model.DefaultConfig()
	cfg.Image = model.Image{Height: 10, Width: 10, Channels: 1}
	cfg.Hidden = []int{80}
	cfg.Latent = 8
	return cfg
}

// call is one use of a Generator, with all that it returns in one list.
type call struct {
	name string
	make func(*Generator) ([]float32, error)
}

// calls returns a call of every method, with arguments that k makes others.
func calls(cfg model.Config, k int) []call {
	n := 1 + k*13%(batchSize+20)
	x := uniform((n + k) * cfg.Image.Pixels())[k*cfg.Image.Pixels():]
	z := x[:len(x)/cfg.Latent*cfg.Latent]
	return []call{
		{"sample", func(g *Generator) ([]float32, error) { return g.Sample(n, uint64(k)) }},
		{"decode", func(g *Generator) ([]float32, error) { return g.Decode(z) }},
		{"encode", func(g *Generator) ([]float32, error) {
			mean, logVar, err := g.Encode(x)
			return append(mean, logVar...), err
		}},
		{"reconstruct", func(g *Generator) ([]float32, error) { return g.Reconstruct(x) }},
		{"score", func(g *Generator) ([]float32, error) {
			scores, err := g.Score(x, uint64(k))
			var values []float32
			for _, terms := range scores {
				for _, v := range terms {
					values = append(values, float32(v))
				}
			}
			return values, err
		}},
		{"interpolate", func(g *Generator) ([]float32, error) { return g.Interpolate(x, x, 2) }},
		{"manifold", func(g *Generator) ([]float32, error) { return g.Manifold(2+k%3, 0, 1) }},
		{"traverse", func(g *Generator) ([]float32, error) { return g.Traverse(2 + k%3) }},
	}
}

// alone returns what a lone caller gets.
func alone(t *testing.T, g *Generator, calls []call) (results [][]float32) {
	t.Helper()
	for _, c := range calls {
		result, err := c.make(g)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		results = append(results, result)
	}
	return results
}

// atOnce calls f so many times at once, and returns when all are done.
func atOnce(n int, f func(k int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for k := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(k)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// TestManyCallersOfOneGenerator makes calls from 50 goroutines, the first ones included, in which the graphs are compiled.
func TestManyCallersOfOneGenerator(t *testing.T) {
	const callers = 50
	for _, test := range []struct {
		name string
		cfg  model.Config
		each int // calls of a caller
	}{{"small", small(op.Tanh), 8}, {"medium", medium(), 3}, {"of a class", ofKind(model.CVAE), 8}} {
		t.Run(test.name, func(t *testing.T) {
			cfg := test.cfg
			weights := model.InitialWeights(cfg, 1)
			lone := newGenerator(t, cfg, weights).OfClasses(2)
			var each [callers][]call
			var want [callers][][]float32
			for k := range callers {
				every := calls(cfg, k)
				for i := range test.each {
					each[k] = append(each[k], every[(k+i)%len(every)])
				}
				want[k] = alone(t, lone, each[k])
			}
			g := newGenerator(t, cfg, weights)
			atOnce(callers, func(k int) {
				for i, c := range each[k] {
					if got, err := c.make(g.OfClasses(2)); err != nil || !slices.Equal(got, want[k][i]) {
						t.Errorf("caller %d: %s differs from a lone caller's (error %v)", k, c.name, err)
					}
				}
			})
		})
	}
}

// TestManyGeneratorsOfOneCheckpoint makes, uses and closes several at once.
func TestManyGeneratorsOfOneCheckpoint(t *testing.T) {
	cfg := medium()
	c := ofWeights(cfg, model.InitialWeights(cfg, 1))
	every := calls(cfg, 3)
	want := alone(t, newGenerator(t, cfg, c.State.Weights), every)
	atOnce(4, func(k int) {
		g, err := New(c, device.CPU)
		if err != nil {
			t.Error(err)
			return
		}
		for i := range every {
			i = (i + k) % len(every)
			if got, err := every[i].make(g); err != nil || !slices.Equal(got, want[i]) {
				t.Errorf("generator %d: %s differs from a lone one's (error %v)", k, every[i].name, err)
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAfterClose(t *testing.T) {
	cfg := small(op.ReLU)
	for _, used := range []bool{false, true} {
		g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
		if used {
			alone(t, g, calls(cfg, 1))
		}
		for range 2 {
			if err := g.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			for _, c := range calls(cfg, 1) {
				if result, err := c.make(g); !errors.Is(err, machine.ErrClosed) || result != nil {
					t.Errorf("%s returns %v and error %v, want machine.ErrClosed", c.name, result, err)
				}
			}
		}
	}
}

// TestCloseWhileOthersCall closes, from two goroutines, what eight others use until it is closed.
func TestCloseWhileOthersCall(t *testing.T) {
	cfg := medium()
	want := alone(t, newGenerator(t, cfg, model.InitialWeights(cfg, 1)), calls(cfg, 2))
	g := newGenerator(t, cfg, model.InitialWeights(cfg, 1))
	var called sync.WaitGroup
	called.Add(8)
	atOnce(10, func(k int) {
		if k >= 8 {
			called.Wait()
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		every := calls(cfg, 2)
		for round := 0; ; round++ {
			i := (round + k) % len(every)
			got, err := every[i].make(g)
			if round == 0 {
				called.Done()
			}
			switch {
			case errors.Is(err, machine.ErrClosed):
				return
			case err != nil || !slices.Equal(got, want[i]):
				t.Errorf("%s before the end differs from a lone caller's (error %v)", every[i].name, err)
				return
			}
		}
	})
}

// broken is a Forwarder that fails, and must not be closed.
type broken struct{ err error }

func (b broken) Forward(model.Part, ...[]float32) ([][]float32, error) { return nil, b.err }

func (b broken) Close() error { return b.err }

func TestErrorsOfTheForwarderPassThrough(t *testing.T) {
	failure := errors.New("the device is on fire")
	cfg := small(op.ReLU)
	g := On(broken{failure}, cfg)
	parts := map[string]model.Part{
		"sample": model.Decode, "decode": model.Decode, "encode": model.Encode, "reconstruct": model.Encode,
		"score": model.Score, "interpolate": model.Encode, "manifold": model.Decode, "traverse": model.Decode,
	}
	for _, c := range calls(cfg, 1) {
		want := fmt.Sprintf("generate: %s: %v", parts[c.name], failure)
		if result, err := c.make(g); !errors.Is(err, failure) || err.Error() != want || errors.Is(err, ErrInput) || result != nil {
			t.Errorf("%s returns %v and error %v, want %q", c.name, result, err, want)
		}
	}
	if err := g.Close(); err != nil {
		t.Errorf("Close of what is not the Generator's own: %v", err)
	}
}

// TestErrorsOfTheSecondPart lets the encoder work and the decoder fail.
func TestErrorsOfTheSecondPart(t *testing.T) {
	cfg := small(op.ReLU)
	g := On(halfBroken{newGenerator(t, cfg, model.InitialWeights(cfg, 1)).machine}, cfg)
	if _, err := g.Reconstruct(make([]float32, 6)); err == nil || !strings.HasPrefix(err.Error(), "generate: decode: ") {
		t.Errorf("got error %v, want one of decode", err)
	}
	if _, err := g.Interpolate(make([]float32, 6), make([]float32, 6), 2); err == nil || !strings.HasPrefix(err.Error(), "generate: decode: ") {
		t.Errorf("got error %v, want one of decode", err)
	}
}

type halfBroken struct{ Forwarder }

func (h halfBroken) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	if part == model.Decode {
		return nil, errors.New("no decoder")
	}
	return h.Forwarder.Forward(part, rows...)
}

// TestOverflowIsNotTheCallersFault gives finite weights that make a code which is not.
func TestOverflowIsNotTheCallersFault(t *testing.T) {
	cfg := small(op.ReLU)
	weights := model.InitialWeights(cfg, 1)
	for _, name := range []string{"encoder.0.weight", "encoder.2.weight", "mean.weight"} {
		for i := range weights[name].Float32s() {
			weights[name].Float32s()[i] = 1e20
		}
	}
	g := newGenerator(t, cfg, weights)
	x := uniform(cfg.Image.Pixels())
	_, _, encoded := g.Encode(x)
	_, reconstructed := g.Reconstruct(x)
	_, walked := g.Interpolate(x, x, 2)
	for _, err := range []error{encoded, reconstructed, walked} {
		if err == nil || errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "value 0 of the codes is +Inf") {
			t.Errorf("error is %v, want one of the codes", err)
		}
	}
}
