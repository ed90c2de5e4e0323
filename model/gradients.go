package model

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// differentiate adds what computes the derivative of the scalar y by each node of by, and returns those derivatives.
//
// It is reverse-mode differentiation from each operation's SymDiff, as gorgonia.Grad does it, which adds up with its own
// addition where a value is used more than once: here op.Add does that. It goes only where a node of by lies behind: no other
// operation need have a derivative. What an operation's SymDiff makes beyond that stays in the graph, unread.
func differentiate(g *gorgonia.ExprGraph, y *gorgonia.Node, by gorgonia.Nodes) (gorgonia.Nodes, error) {
	nodes, err := gorgonia.Sort(g) // each comes before its inputs
	if err != nil {
		return nil, err
	}
	leads := dependents(g, nodes, by)
	// What the gradient of a node is the sum of, one term for each use. It is complete when the loop comes to the node.
	terms := map[*gorgonia.Node]gorgonia.Nodes{y: {g.AddNode(gorgonia.NewConstant(float32(1)))}}
	for _, node := range nodes {
		if len(terms[node]) == 0 || node.Op() == nil || !leads[node] {
			continue // y does not depend on it, or it is an input, or it does not depend on a node of by
		}
		gradient, err := op.Add(terms[node]...)
		if err != nil {
			return nil, err
		}
		if err := backward(g, node, gradient, leads, terms); err != nil {
			return nil, err
		}
	}
	var gradients gorgonia.Nodes
	for _, node := range by {
		if len(terms[node]) == 0 {
			return nil, fmt.Errorf("%v does not depend on %v", y, node)
		}
		gradient, err := op.Add(terms[node]...)
		if err != nil {
			return nil, err
		}
		gradients = append(gradients, gradient)
	}
	return gradients, nil
}

// backward adds to the terms of node's inputs, as far as they lead to what is differentiated by, what comes to them through
// node, whose gradient is given.
func backward(g *gorgonia.ExprGraph, node, gradient *gorgonia.Node, leads map[*gorgonia.Node]bool, terms map[*gorgonia.Node]gorgonia.Nodes) error {
	operation, ok := node.Op().(gorgonia.SDOp)
	if !ok {
		return fmt.Errorf("%v has no derivative", node)
	}
	var inputs gorgonia.Nodes
	for children := g.From(node.ID()); children.Next(); {
		inputs = append(inputs, children.Node().(*gorgonia.Node))
	}
	gradients, err := operation.SymDiff(inputs, node, gradient)
	if err != nil {
		return fmt.Errorf("%v: %w", node, err)
	}
	for i, has := range operation.DiffWRT(len(inputs)) {
		if !has || !leads[inputs[i]] {
			continue
		}
		if got, want := gradients[i].Shape(), inputs[i].Shape(); !got.Eq(want) {
			return fmt.Errorf("the gradient of %v by %v has shape %v, want %v", node, inputs[i], got, want)
		}
		terms[inputs[i]] = append(terms[inputs[i]], gradients[i])
	}
	return nil
}

// dependents returns the nodes of by and all that is computed from them. Of the graph's nodes, each comes before its inputs.
func dependents(g *gorgonia.ExprGraph, nodes, by gorgonia.Nodes) map[*gorgonia.Node]bool {
	found := make(map[*gorgonia.Node]bool)
	for _, node := range by {
		found[node] = true
	}
	for _, node := range slices.Backward(nodes) {
		for children := g.From(node.ID()); children.Next(); {
			if found[children.Node().(*gorgonia.Node)] {
				found[node] = true
			}
		}
	}
	return found
}
