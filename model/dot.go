package model

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// WriteDOT writes the graph in Graphviz's language. What computes the loss stands in one box and, where
// Gradients was called, what computes the gradients in another. Arrows follow the data.
func (n *Network) WriteDOT(w io.Writer) error {
	forward := ancestors(n.Graph, n.Loss)
	var first, second []*gorgonia.Node
	for _, node := range n.Graph.AllNodes() {
		if forward[node.ID()] {
			first = append(first, node)
		} else {
			second = append(second, node)
		}
	}

	out := bufio.NewWriter(w) // keeps the first error for Flush
	fmt.Fprintf(out, "digraph %q {\n", n.Config.Kind)
	fmt.Fprintln(out, `  node [shape=box style="rounded,filled" fillcolor=white fontname="Helvetica" fontsize=11];`)
	fmt.Fprintln(out, `  edge [color="#555555" arrowsize=0.7];`)
	n.writeCluster(out, "forward", "#eef4fb", first)
	if len(second) > 0 {
		n.writeCluster(out, "backward", "#f6f1ea", second)
	}
	for _, node := range n.Graph.AllNodes() {
		for children := n.Graph.From(node.ID()); children.Next(); {
			fmt.Fprintf(out, "  n%d -> n%d;\n", children.Node().ID(), node.ID())
		}
	}
	fmt.Fprintln(out, "}")
	return out.Flush()
}

func (n *Network) writeCluster(out io.Writer, name, color string, nodes []*gorgonia.Node) {
	fmt.Fprintf(out, "  subgraph cluster_%s {\n    label=%q; style=filled; color=%q; fontname=\"Helvetica\";\n", name, name, color)
	for _, node := range nodes {
		fmt.Fprintf(out, "    n%d [label=\"%s\"%s];\n", node.ID(), label(node), n.style(node))
	}
	fmt.Fprintln(out, "  }")
}

// label is the node's name, the operation that makes it, and its shape, a line each.
func label(node *gorgonia.Node) string {
	var lines []string
	var operation string
	if o := node.Op(); o != nil {
		operation = o.String()
	}
	// A name that nobody gave is the operation with its inputs in brackets.
	if name := node.Name(); name != operation && !strings.HasPrefix(name, operation+"(") {
		lines = append(lines, name)
	}
	if operation != "" {
		lines = append(lines, operation)
	}
	if shape := node.Shape(); shape.Dims() > 0 {
		lines = append(lines, fmt.Sprint(shape))
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for i, line := range lines {
		lines[i] = escape.Replace(line)
	}
	return strings.Join(lines, `\n`)
}

// style sets the inputs, the parameters and the outputs apart from what is computed on the way.
func (n *Network) style(node *gorgonia.Node) string {
	switch {
	case slices.Contains([]*gorgonia.Node{n.X, n.Epsilon, n.Beta}, node):
		return ` shape=ellipse fillcolor="#ffe9a8"`
	case slices.Contains(n.Parameters, node):
		return ` shape=ellipse fillcolor="#d7ecd0" fontsize=9`
	case slices.Contains([]*gorgonia.Node{n.Loss, n.Reconstruction, n.KL}, node):
		return ` fillcolor="#f8cfcf"`
	}
	return ""
}

// ancestors returns the ids of root and of all that it is computed from.
func ancestors(g *gorgonia.ExprGraph, root *gorgonia.Node) map[int64]bool {
	seen := map[int64]bool{root.ID(): true}
	for queue := []int64{root.ID()}; len(queue) > 0; queue = queue[1:] {
		for children := g.From(queue[0]); children.Next(); {
			if id := children.Node().ID(); !seen[id] {
				seen[id] = true
				queue = append(queue, id)
			}
		}
	}
	return seen
}
