// Package model builds the expression graphs of models: a Config becomes a Network with listed inputs, terms, outputs and
// parameters.
//
// A kind of model has several graphs over the same parameters, each a Part: one that is trained, and others that encode, decode
// and score. For the mathematics read vae.go, then mlp.go; autoencoder.go, conditional.go and classifier.go are the other kinds. network.go says what
// a Network is, builder.go how one is put together; family.go and likelihood.go list what there is to choose from, gradients.go adds the backward graph, and
// parameters.go finds out what the weights are. What a node computes is in package op.
package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"govae/internal/philox"
)

// ErrCannot says that a kind of model cannot do what it is asked: it has no graph for that, or one that takes more than it is
// given, or no prior.
var ErrCannot = errors.New("the model cannot do that")

// Part names one of the graphs of a model.
type Part string

// The parts. A kind of model need not have all of them.
const (
	Train    Part = "train"    // from the inputs to the terms, means over the batch; it is differentiated
	Score    Part = "score"    // from the same inputs to the same terms of each image, the KL with weight 1
	Encode   Part = "encode"   // from images to their codes: the first output is the code's mean, or the features of a classifier
	Decode   Part = "decode"   // from latents to pixels, the means of p(x|z)
	Classify Part = "classify" // from images to the probabilities of their classes, p(y|x)
)

// Source says what fills an input of a graph that is trained.
type Source int

// The sources.
const (
	Given   Source = iota // no source but the caller's rows
	Pixels                // the images, in [0, 1]
	Labels                // their labels, one-hot
	Normal                // draws from N(0, 1)
	Uniform               // draws from [0, 1]
	Setting               // the setting of a run that has the input's name, as it is at the step
)

// Input is a node that is fed from outside: a matrix of one or more rows for each image of a batch, or, where it is a Setting,
// a scalar.
type Input struct {
	*gorgonia.Node
	Source Source

	// What is drawn comes in training from Stream at the step, for all images of the batch, and in evaluation from TestStream
	// at the image's place in its set.
	Stream, TestStream philox.Stream
}

// Width returns how many values the input has for each image of a batch.
func (in Input) Width(batch int) int { return in.Shape().TotalSize() / batch }

// IsDrawn says whether the input is random numbers.
func (in Input) IsDrawn() bool { return in.Source == Normal || in.Source == Uniform }

// Draw fills dst with what is drawn for the input from a step of one of its streams.
func (in Input) Draw(dst []float32, seed uint64, stream philox.Stream, step uint64) {
	random := philox.New(seed, stream, step)
	if in.Source == Uniform {
		random.Uniform(dst, 0, 1)
		return
	}
	random.Normal(dst)
}

// Term is a quantity that a model reports, in nats per image.
type Term struct {
	Name    string // in files: reconstruction
	Title   string // above a curve: Reconstruction term
	Column  string // above a column of numbers, filled up with spaces to the column's width
	Formula string // that it is computed by: from the other terms' columns, where there are any
}

// Reported is a Term as a network computes it.
type Reported struct {
	Term
	Node *gorgonia.Node // a scalar, the mean over the batch, or in a Score a vector, [batch]
}

// Network is one part of a model as an expression graph, for one batch size.
type Network struct {
	Config     Config
	Part       Part
	Batch      int
	Graph      *gorgonia.ExprGraph
	Inputs     []Input
	Parameters gorgonia.Nodes // in the order in which the graph uses them, with the names that Config.Parameters has
	Terms      []Reported     // of a Train or a Score: the loss first, which is minimized
	Outputs    gorgonia.Nodes // of a part other than Train, [batch, …] each; of a Score its terms

	names map[*gorgonia.Node]string // given to what is computed; the others have names that Gorgonia makes up
}

// named gives a node the name under which it is drawn and reported.
func (n *Network) named(name string, node *gorgonia.Node) *gorgonia.Node {
	gorgonia.WithName(name)(node)
	if n.names == nil {
		n.names = make(map[*gorgonia.Node]string)
	}
	n.names[node] = name
	return node
}

// New returns the part of the model that cfg describes, for batches of the given size. The graph shares the weights and copies
// none; without weights, which are nil then, it can be compiled for another device, and not be run. Its error names the field, the weight or the operation that does not fit.
func New(cfg Config, part Part, batch int, weights Tensors) (*Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("model: batch is %d, want at least 1", batch)
	}
	if weights != nil {
		if err := weights.Check(cfg); err != nil {
			return nil, err
		}
	}
	b, err := build(cfg, part, batch, weights)
	if err != nil {
		return nil, err
	}
	return &b.Network, nil
}

// Images returns how many images the rows are, which are given for each of the network's inputs, in their order. None of them
// is a setting.
func (n *Network) Images(rows [][]float32) (int, error) {
	if len(rows) != len(n.Inputs) {
		var names []string
		for _, in := range n.Inputs {
			names = append(names, in.Name())
		}
		return 0, fmt.Errorf("%w: the graph to %s takes %s, and is given %d of them", ErrCannot, n.Part, strings.Join(names, ", "), len(rows))
	}
	for i, in := range n.Inputs {
		width := in.Width(n.Batch)
		if len(rows[i])%width != 0 || len(rows[i])/width != len(rows[0])/n.Inputs[0].Width(n.Batch) {
			return 0, fmt.Errorf("model: %d values are given for %s, of which an image takes %d, and %d for %s",
				len(rows[i]), in.Name(), width, len(rows[0]), n.Inputs[0].Name())
		}
	}
	return len(rows[0]) / n.Inputs[0].Width(n.Batch), nil
}

// Gradients adds the backward graph and returns the loss's gradient by each parameter, in the order of Parameters.
// Call it once.
func (n *Network) Gradients() (gorgonia.Nodes, error) {
	gradients, err := differentiate(n.Graph, n.Terms[0].Node, n.Parameters)
	if err != nil {
		return nil, fmt.Errorf("model: differentiating the loss: %w", err)
	}
	for i, g := range gradients {
		n.named("∂loss/∂"+n.Parameters[i].Name(), g)
	}
	// An operation's derivative may have made more than is wanted, such as the first layer's gradient by x, a whole matrix product.
	roots := slices.Clone(gradients)
	for _, term := range n.Terms {
		roots = append(roots, term.Node)
	}
	n.Graph = n.Graph.SubgraphRoots(roots...)
	return gradients, nil
}
