// Package graphtest runs expression graphs in tests.
package graphtest

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Node returns the node of that name.
func Node(t testing.TB, g *gorgonia.ExprGraph, name string) *gorgonia.Node {
	t.Helper()
	found := g.ByName(name)
	if len(found) != 1 {
		t.Fatalf("the graph has %d nodes named %s, want one", len(found), name)
	}
	return found[0]
}

// Run feeds a graph's inputs, by name, each a float32 or a []float32 of its node's shape, and executes it once. The values are then
// in the nodes.
func Run(t testing.TB, g *gorgonia.ExprGraph, feed map[string]any) {
	t.Helper()
	for name, value := range feed {
		node := Node(t, g, name)
		if values, ok := value.([]float32); ok {
			value = tensor.New(tensor.WithShape(node.Shape()...), tensor.WithBacking(values))
		}
		if err := gorgonia.Let(node, value); err != nil {
			t.Fatalf("feeding %v: %v", node, err)
		}
	}
	m := gorgonia.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

// Scalar returns the value of a scalar node.
func Scalar(n *gorgonia.Node) float64 { return float64(n.Value().Data().(float32)) }

// Floats returns the values of a vector or matrix node.
func Floats(n *gorgonia.Node) []float32 { return n.Value().Data().([]float32) }
