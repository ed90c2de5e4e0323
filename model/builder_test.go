package model

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestParameterIsAddedOnce checks that a layer which a graph has in two places has one weight, which is not another layer's.
func TestParameterIsAddedOnce(t *testing.T) {
	b := &builder{Network: Network{Graph: gorgonia.NewGraph()}}
	first, second, again := b.parameter("first", 3, 2, 3), b.parameter("second", 3, 2, 3), b.parameter("second", 3, 2, 3)
	if again != second || again == first {
		t.Error("a parameter is another at its second use")
	}
	if len(b.Parameters) != 2 || len(b.specs) != 2 {
		t.Errorf("there are %d parameters and %d specs, want 2", len(b.Parameters), len(b.specs))
	}
}

// TestInputWidth checks that all rows count which an input has for an image.
func TestInputWidth(t *testing.T) {
	in := Input{Node: gorgonia.NewMatrix(gorgonia.NewGraph(), tensor.Float32, gorgonia.WithShape(6, 4))}
	if got := in.Width(2); got != 12 {
		t.Errorf("three rows of four values are %d values, want 12", got)
	}
}
