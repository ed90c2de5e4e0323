package model

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// WriteDOT writes the graph in Graphviz's language. What computes terms and outputs stands in one box and, where
// Gradients was called, what computes the gradients in another. Arrows follow the data.
func (n *Network) WriteDOT(w io.Writer) error {
	forward := make(map[int64]bool)
	for _, term := range n.Terms {
		addAncestors(forward, n.Graph, term.Node)
	}
	for _, output := range n.Outputs {
		addAncestors(forward, n.Graph, output)
	}
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
		fmt.Fprintf(out, "    n%d [label=\"%s\"%s];\n", node.ID(), n.label(node), n.style(node))
	}
	fmt.Fprintln(out, "  }")
}

// label is the node's name, the operation that makes it, and its shape, a line each.
func (n *Network) label(node *gorgonia.Node) string {
	var lines []string
	if name := n.names[node]; name != "" {
		lines = append(lines, name)
	}
	if o := node.Op(); o != nil {
		lines = append(lines, o.String())
	} else {
		lines = append(lines, node.Name()) // an input has one
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
	case slices.ContainsFunc(n.Inputs, func(in Input) bool { return in.Node == node }):
		return ` shape=ellipse fillcolor="#ffe9a8"`
	case slices.Contains(n.Parameters, node):
		return ` shape=ellipse fillcolor="#d7ecd0" fontsize=9`
	case slices.Contains(n.Outputs, node), slices.ContainsFunc(n.Terms, func(r Reported) bool { return r.Node == node }):
		return ` fillcolor="#f8cfcf"`
	}
	return ""
}

// addAncestors adds the ids of root and of all that it is computed from to those seen.
func addAncestors(seen map[int64]bool, g *gorgonia.ExprGraph, root *gorgonia.Node) {
	seen[root.ID()] = true
	for queue := []int64{root.ID()}; len(queue) > 0; queue = queue[1:] {
		for children := g.From(queue[0]); children.Next(); {
			if id := children.Node().ID(); !seen[id] {
				seen[id] = true
				queue = append(queue, id)
			}
		}
	}
}
