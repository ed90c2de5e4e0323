package model

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/formats/dot"
	"gonum.org/v1/gonum/graph/formats/dot/ast"

	"govae/internal/graphtest"
	"govae/internal/philox"
)

// tiny is a network small enough to be run in no time, with no two sizes alike.
func tiny() Config {
	cfg := DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = Image{Height: 3, Width: 5, Channels: 1}, []int{7}, 2
	return cfg
}

// random returns n values between 0 and 1.
func random(n int, stream philox.Stream) []float32 {
	values := make([]float32, n)
	philox.New(9, stream, 0).Uniform(values, 0, 1)
	return values
}

// newNetwork returns a part of a model over weights of seed 1.
func newNetwork(t *testing.T, cfg Config, part Part, batch int, weights Tensors) *Network {
	t.Helper()
	n, err := New(cfg, part, batch, weights)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fed returns what a Train or a Score of 4 tiny images is fed.
func fed() map[string]any {
	return map[string]any{"x": random(4*15, philox.Latent), "epsilon": random(4*2, philox.Epsilon)}
}

// TestBetaWeighsTheKL checks that the loss is reconstruction + β·KL for a β that changes between runs of one graph.
func TestBetaWeighsTheKL(t *testing.T) {
	n := newNetwork(t, tiny(), Train, 4, InitialWeights(tiny(), 1))
	for _, beta := range []float32{0, 1, 4} {
		feed := fed()
		feed["beta"] = beta
		graphtest.Run(t, n.Graph, feed)
		loss, reconstruction, kl := graphtest.Scalar(n.Terms[0].Node), graphtest.Scalar(n.Terms[1].Node), graphtest.Scalar(n.Terms[2].Node)
		if want := reconstruction + float64(beta)*kl; math.Abs(loss-want) > 1e-5*want || kl <= 0 {
			t.Errorf("β = %v: loss is %v, want %v", beta, loss, want)
		}
	}
}

// TestScoreIsTrainOfEachImage checks that the terms of a batch are the means of those of its images, with β 1.
func TestScoreIsTrainOfEachImage(t *testing.T) {
	weights := InitialWeights(tiny(), 1)
	trained, scored := newNetwork(t, tiny(), Train, 4, weights), newNetwork(t, tiny(), Score, 4, weights)
	feed := fed()
	graphtest.Run(t, scored.Graph, feed)
	feed["beta"] = float32(1)
	graphtest.Run(t, trained.Graph, feed)
	if len(scored.Terms) != 3 || len(trained.Terms) != 3 {
		t.Fatalf("%d and %d terms, want 3", len(scored.Terms), len(trained.Terms))
	}
	for i, term := range trained.Terms {
		sum := 0.0
		for _, v := range graphtest.Floats(scored.Terms[i].Node) {
			sum += float64(v)
		}
		if got, want := sum/4, graphtest.Scalar(term.Node); math.Abs(got-want) > 1e-6*math.Abs(want) || scored.Terms[i].Name != term.Name {
			t.Errorf("%s is %v in the mean over images, want %s, %v", scored.Terms[i].Name, got, term.Name, want)
		}
	}
}

// TestPartsAgree checks that encoder and decoder, each alone, compute what they do in the whole network.
func TestPartsAgree(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny(), 1)
	n := newNetwork(t, cfg, Train, 4, weights)
	feed := fed()
	feed["beta"] = float32(1)
	graphtest.Run(t, n.Graph, feed)
	of := func(name string) []float32 { return graphtest.Floats(graphtest.Node(t, n.Graph, name)) }

	encoder := newNetwork(t, cfg, Encode, 4, weights)
	graphtest.Run(t, encoder.Graph, map[string]any{"x": feed["x"]})
	if !slices.Equal(graphtest.Floats(encoder.Outputs[0]), of("mean")) || !slices.Equal(graphtest.Floats(encoder.Outputs[1]), of("logVar")) {
		t.Error("the encoder alone gives another posterior")
	}

	decoder := newNetwork(t, cfg, Decode, 4, weights)
	graphtest.Run(t, decoder.Graph, map[string]any{"z": of("z")})
	logits := of("decoder.2")
	if !slices.Equal(graphtest.Floats(graphtest.Node(t, decoder.Graph, "decoder.2")), logits) {
		t.Error("the decoder alone gives other logits")
	}
	for i, l := range logits {
		if got, want := float64(graphtest.Floats(decoder.Outputs[0])[i]), 1/(1+math.Exp(-float64(l))); math.Abs(got-want) > 1e-6 {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}

// TestWeightsAreShared checks that a graph sees a change of the weights it was built over.
func TestWeightsAreShared(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny(), 1)
	decoder := newNetwork(t, cfg, Decode, 1, weights)
	for name, w := range weights {
		clear(w.Float32s())
		if name == "decoder.2.bias" {
			w.Float32s()[3] = 2.5
		}
	}
	graphtest.Run(t, decoder.Graph, map[string]any{"z": []float32{1, 1}})
	want := make([]float32, 15)
	want[3] = 2.5
	if got := graphtest.Floats(graphtest.Node(t, decoder.Graph, "decoder.2")); !slices.Equal(got, want) {
		t.Errorf("logits are %v, want %v", got, want)
	}
}

// TestLargeLogits checks that logits of ±100 and more leave loss and gradients finite.
func TestLargeLogits(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny(), 1)
	for i := range weights["decoder.2.bias"].Float32s() {
		weights["decoder.2.bias"].Float32s()[i] = float32(100 * (1 - 2*(i%2)))
	}
	n := newNetwork(t, cfg, Train, 4, weights)
	gradients, err := n.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	feed := fed()
	feed["beta"] = float32(1)
	graphtest.Run(t, n.Graph, feed)
	if loss := graphtest.Scalar(n.Terms[0].Node); !(loss > 100 && loss < 1500) {
		t.Errorf("loss is %v, want one between 100 and 1500", loss)
	}
	for i, p := range cfg.Parameters() {
		for _, g := range graphtest.Floats(gradients[i]) {
			if math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) {
				t.Fatalf("gradient of %s has %v", p.Name, g)
			}
		}
	}
}

// everyConfig calls f with a small Config of every kind and every likelihood.
func everyConfig(f func(Config)) {
	for kind := range families {
		for likelihood := range likelihoods {
			cfg := tiny()
			cfg.Kind, cfg.Likelihood, cfg.Classes = kind, likelihood, 10
			f(cfg)
		}
	}
}

// TestEveryPart builds every graph that a Config can name, and checks that all are over the same parameters: those of the
// training graph, which come with names of their own.
func TestEveryPart(t *testing.T) {
	everyConfig(func(cfg Config) {
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		weights := InitialWeights(cfg, 1)
		if len(weights) != len(cfg.Parameters()) {
			t.Errorf("%v: %d names for %d parameters", cfg, len(weights), len(cfg.Parameters()))
		}
		if cfg.Terms()[0].Name != "loss" {
			t.Errorf("%v: the first term is %s, want the loss", cfg, cfg.Terms()[0].Name)
		}
		for part := range families[cfg.Kind].parts {
			n := newNetwork(t, cfg, part, 3, weights)
			for _, p := range n.Parameters {
				if weights[p.Name()] == nil {
					t.Errorf("%v, %s: parameter %v is none of the training graph", cfg, part, p)
				}
			}
			for _, in := range n.Inputs {
				if in.Source == Setting {
					if part != Train {
						t.Errorf("%v, %s: input %v is a setting, of which there are none outside training", cfg, part, in)
					}
					continue
				}
				if rows := in.Shape()[0]; rows%3 != 0 || in.Width(3)*3 != in.Shape().TotalSize() {
					t.Errorf("%v, %s: input %v has %d rows for a batch of 3", cfg, part, in, rows)
				}
			}
			if reports := part == Train || part == Score; reports != (len(n.Terms) > 0) || (part == Train) != (len(n.Outputs) == 0) {
				t.Errorf("%v, %s: %d terms and %d outputs", cfg, part, len(n.Terms), len(n.Outputs))
			}
		}
	})
}

func TestPartThatAKindLacks(t *testing.T) {
	if _, err := New(tiny(), "dream", 1, InitialWeights(tiny(), 1)); err == nil || !strings.Contains(err.Error(), `kind "vae" has no graph to dream`) {
		t.Errorf("error is %v", err)
	}
}

// TestEveryValueIsRead checks that nothing is computed that neither is asked for nor goes into what is: no gradient by x, which
// would be the step's largest product but one, and none by β.
func TestEveryValueIsRead(t *testing.T) {
	everyConfig(func(cfg Config) {
		n := newNetwork(t, cfg, Train, 4, InitialWeights(cfg, 1))
		gradients, err := n.Gradients()
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range n.Graph.AllNodes() {
			isTerm := slices.ContainsFunc(n.Terms, func(r Reported) bool { return r.Node == node })
			if n.Graph.To(node.ID()).Len() == 0 && !isTerm && !slices.Contains(gradients, node) {
				t.Errorf("%v: nobody reads %v", cfg, node)
			}
		}
	})
}

func TestBatchIsChecked(t *testing.T) {
	if _, err := New(tiny(), Train, 0, InitialWeights(tiny(), 1)); err == nil || !strings.Contains(err.Error(), "batch is 0") {
		t.Errorf("error is %v, want one that says that batch is 0", err)
	}
}

// TestWriteDOT reads the drawing with another library's parser.
func TestWriteDOT(t *testing.T) {
	n := newNetwork(t, tiny(), Train, 4, InitialWeights(tiny(), 1))
	if _, err := n.Gradients(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := n.WriteDOT(&text); err != nil {
		t.Fatal(err)
	}
	file, err := dot.ParseBytes(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	clusters, edges := map[string]int{}, 0
	for _, statement := range file.Graphs[0].Stmts {
		switch s := statement.(type) {
		case *ast.Subgraph:
			for _, inner := range s.Stmts {
				if _, ok := inner.(*ast.NodeStmt); ok {
					clusters[s.ID]++
				}
			}
		case *ast.EdgeStmt:
			edges++
		}
	}
	if got, want := clusters["cluster_forward"]+clusters["cluster_backward"], len(n.Graph.AllNodes()); got != want {
		t.Errorf("%d nodes are drawn, want %d", got, want)
	}
	// 3 inputs, 10 parameters, 5 layers, z, 2 terms for each image and 2 means, and the loss
	if got := clusters["cluster_forward"]; got != 24 {
		t.Errorf("the forward part has %d nodes, want 24", got)
	}
	if edges < 40 {
		t.Errorf("%d edges are drawn", edges)
	}
	for _, want := range []string{`label="x\n(4, 15)"`, `label="encoder.0\nDense relu\n(4, 7)"`, `label="z\nReparameterize\n(4, 2)"`, `label="loss`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the drawing does not say %s", want)
		}
	}
}
