package model

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/formats/dot"
	"gonum.org/v1/gonum/graph/formats/dot/ast"
	"gorgonia.org/gorgonia"

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

// TestBetaWeighsTheKL checks that the loss is reconstruction + β·KL for a β that changes between runs of one graph.
func TestBetaWeighsTheKL(t *testing.T) {
	n, err := New(tiny(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, beta := range []float32{0, 1, 4} {
		graphtest.Run(t, n.Graph, map[*gorgonia.Node]any{
			n.X: random(4*15, philox.Latent), n.Epsilon: random(4*2, philox.Epsilon), n.Beta: beta,
		})
		want := graphtest.Scalar(n.Reconstruction) + float64(beta)*graphtest.Scalar(n.KL)
		if got := graphtest.Scalar(n.Loss); math.Abs(got-want) > 1e-5*want || graphtest.Scalar(n.KL) <= 0 {
			t.Errorf("β = %v: loss is %v, want %v", beta, got, want)
		}
	}
}

// TestPartsAgree checks that encoder and decoder, each alone, compute what they do in the whole network.
func TestPartsAgree(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny())
	n, err := NewWithWeights(cfg, 4, weights)
	if err != nil {
		t.Fatal(err)
	}
	x := random(4*15, philox.Latent)
	graphtest.Run(t, n.Graph, map[*gorgonia.Node]any{n.X: x, n.Epsilon: random(4*2, philox.Epsilon), n.Beta: float32(1)})

	encoder, err := NewEncoder(cfg, 4, weights)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, encoder.Graph, map[*gorgonia.Node]any{encoder.X: x})
	if !slices.Equal(graphtest.Floats(encoder.Mean), graphtest.Floats(n.Mean)) || !slices.Equal(graphtest.Floats(encoder.LogVar), graphtest.Floats(n.LogVar)) {
		t.Error("the encoder alone gives another posterior")
	}

	decoder, err := NewDecoder(cfg, 4, weights)
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, decoder.Graph, map[*gorgonia.Node]any{decoder.Z: graphtest.Floats(n.Z)})
	if !slices.Equal(graphtest.Floats(decoder.Logits), graphtest.Floats(n.Logits)) {
		t.Error("the decoder alone gives other logits")
	}
	for i, l := range graphtest.Floats(n.Logits) {
		if got, want := float64(graphtest.Floats(decoder.Pixels)[i]), 1/(1+math.Exp(-float64(l))); math.Abs(got-want) > 1e-6 {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}

// TestWeightsAreShared checks that a graph sees a change of the weights it was built over.
func TestWeightsAreShared(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny())
	decoder, err := NewDecoder(cfg, 1, weights)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range weights {
		clear(w.Float32s())
		if name == "decoder.2.bias" {
			w.Float32s()[3] = 2.5
		}
	}
	graphtest.Run(t, decoder.Graph, map[*gorgonia.Node]any{decoder.Z: []float32{1, 1}})
	want := make([]float32, 15)
	want[3] = 2.5
	if !slices.Equal(graphtest.Floats(decoder.Logits), want) {
		t.Errorf("logits are %v, want %v", graphtest.Floats(decoder.Logits), want)
	}
}

// TestLargeLogits checks that logits of ±100 and more leave loss and gradients finite.
func TestLargeLogits(t *testing.T) {
	cfg, weights := tiny(), InitialWeights(tiny())
	for i := range weights["decoder.2.bias"].Float32s() {
		weights["decoder.2.bias"].Float32s()[i] = float32(100 * (1 - 2*(i%2)))
	}
	n, err := NewWithWeights(cfg, 4, weights)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := n.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Run(t, n.Graph, map[*gorgonia.Node]any{
		n.X: random(4*15, philox.Latent), n.Epsilon: random(4*2, philox.Epsilon), n.Beta: float32(1),
	})
	if loss := graphtest.Scalar(n.Loss); !(loss > 100 && loss < 1500) {
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

// TestEveryValueIsRead checks that nothing is computed that neither is asked for nor goes into what is: no gradient by x, which
// would be the step's largest product but one, and none by β.
func TestEveryValueIsRead(t *testing.T) {
	n, err := New(tiny(), 4)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := n.Gradients()
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range n.Graph.AllNodes() {
		if n.Graph.To(node.ID()).Len() == 0 && node != n.Loss && !slices.Contains(gradients, node) {
			t.Errorf("nobody reads %v", node)
		}
	}
}

func TestBatchIsChecked(t *testing.T) {
	if _, err := New(tiny(), 0); err == nil || !strings.Contains(err.Error(), "batch is 0") {
		t.Errorf("error is %v, want one that says that batch is 0", err)
	}
}

// TestWriteDOT reads the drawing with another library's parser.
func TestWriteDOT(t *testing.T) {
	n, err := New(tiny(), 4)
	if err != nil {
		t.Fatal(err)
	}
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
