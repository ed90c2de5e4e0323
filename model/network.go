// Package model builds the expression graphs: a Config becomes a Network with named inputs, outputs and parameters.
//
// This file holds the mathematics. parameters.go lists the layers and their weights, likelihood.go what the decoder's output means,
// builder.go adds a layer to a graph, and gradients.go the backward graph; what a node computes is in package op.
package model

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model/op"
)

// Network is the expression graph of a variational autoencoder for one batch size.
type Network struct {
	Config Config
	Batch  int
	Graph  *gorgonia.ExprGraph

	X       *gorgonia.Node // [batch, pixels], in [0, 1]
	Epsilon *gorgonia.Node // [batch, latent], drawn from N(0, I)
	Beta    *gorgonia.Node // scalar, the weight of the KL

	Parameters gorgonia.Nodes // in the order of Config.Parameters, and with those names

	Mean, LogVar *gorgonia.Node // [batch, latent], of the posterior q(z|x)
	Z            *gorgonia.Node // [batch, latent]
	Logits       *gorgonia.Node // [batch, pixels]

	Reconstruction *gorgonia.Node // scalar, nats per image: −log p(x|z), mean over the batch
	KL             *gorgonia.Node // scalar, nats per image: KL(q(z|x) ‖ N(0, I)), mean over the batch
	Loss           *gorgonia.Node // scalar, nats per image: Reconstruction + β·KL, the negative ELBO where β is 1
}

// New returns the network that cfg describes, for batches of the given size, with freshly initialized weights.
func New(cfg Config, batch int) (*Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return NewWithWeights(cfg, batch, InitialWeights(cfg))
}

// NewWithWeights is New over given weights, which the graph shares and does not copy.
func NewWithWeights(cfg Config, batch int, weights Tensors) (n *Network, err error) {
	defer catch(&err)
	b, err := newBuilder(cfg, batch, weights)
	if err != nil {
		return nil, err
	}
	n = &Network{
		Config:  cfg,
		Batch:   batch,
		Graph:   b.graph,
		X:       b.input("x", cfg.Image.Pixels()),
		Epsilon: b.input("epsilon", cfg.Latent),
		Beta:    gorgonia.NewScalar(b.graph, tensor.Float32, gorgonia.WithName("beta")),
	}

	// x → (μ, log σ²) → z → logits
	n.Mean, n.LogVar = b.encode(n.X)
	n.Z = named("z", must(op.Reparameterize(n.Mean, n.LogVar, n.Epsilon)))
	n.Logits = b.decode(n.Z)

	// −ELBO = −log p(x|z) + β·KL(q(z|x) ‖ p(z))
	logP := named("log p(x|z)", must(likelihoods[cfg.Likelihood].logP(n.Logits, n.X)))
	n.Reconstruction = named("reconstruction", must(op.BatchMean(logP, -1)))
	kl := named("KL(q‖p)", must(op.StandardNormalKL(n.Mean, n.LogVar)))
	n.KL = named("KL", must(op.BatchMean(kl, 1)))
	n.Loss = named("loss", must(op.AddScaled(n.Reconstruction, n.Beta, n.KL)))

	n.Parameters = b.parameters
	return n, nil
}

// encode adds the encoder, whose layers Config.layers lists: x, [batch, pixels], to the posterior's mean and logVar, each [batch, latent].
func (b *builder) encode(x *gorgonia.Node) (mean, logVar *gorgonia.Node) {
	layers, meanHead, logVarHead, _ := b.config.layers()
	h := x
	for _, l := range layers {
		h = b.dense(h, l, b.config.Activation)
	}
	return b.dense(h, meanHead, op.Identity), b.dense(h, logVarHead, op.Identity)
}

// decode adds the decoder: z, [batch, latent], to the logits, [batch, pixels].
func (b *builder) decode(z *gorgonia.Node) *gorgonia.Node {
	_, _, _, layers := b.config.layers()
	h := z
	for _, l := range layers[:len(layers)-1] {
		h = b.dense(h, l, b.config.Activation)
	}
	return b.dense(h, layers[len(layers)-1], op.Identity)
}

// Gradients adds the backward graph and returns the loss's gradient by each parameter, in the order of Parameters.
// Call it once.
func (n *Network) Gradients() (gorgonia.Nodes, error) {
	gradients, err := differentiate(n.Graph, n.Loss, n.Parameters)
	if err != nil {
		return nil, fmt.Errorf("model: differentiating the loss: %w", err)
	}
	for i, g := range gradients {
		named("∂loss/∂"+n.Parameters[i].Name(), g)
	}
	// An operation's derivative may have made more than is wanted, such as the first layer's gradient by x, a whole matrix product.
	n.Graph = n.Graph.SubgraphRoots(append(slices.Clone(gradients), n.Loss, n.Reconstruction, n.KL)...)
	return gradients, nil
}

// Encoder is the graph from an image to the posterior of its latent.
type Encoder struct {
	Graph        *gorgonia.ExprGraph
	X            *gorgonia.Node // [batch, pixels], in [0, 1]
	Mean, LogVar *gorgonia.Node // [batch, latent]
}

// NewEncoder returns the encoder alone, over weights that the graph shares.
func NewEncoder(cfg Config, batch int, weights Tensors) (e *Encoder, err error) {
	defer catch(&err)
	b, err := newBuilder(cfg, batch, weights)
	if err != nil {
		return nil, err
	}
	e = &Encoder{Graph: b.graph, X: b.input("x", cfg.Image.Pixels())}
	e.Mean, e.LogVar = b.encode(e.X)
	return e, nil
}

// Decoder is the graph from a latent to the pixels.
type Decoder struct {
	Graph  *gorgonia.ExprGraph
	Z      *gorgonia.Node // [batch, latent]
	Logits *gorgonia.Node // [batch, pixels]
	Pixels *gorgonia.Node // [batch, pixels]: the mean of p(x|z), in [0, 1]
}

// NewDecoder returns the decoder alone, over weights that the graph shares.
func NewDecoder(cfg Config, batch int, weights Tensors) (d *Decoder, err error) {
	defer catch(&err)
	b, err := newBuilder(cfg, batch, weights)
	if err != nil {
		return nil, err
	}
	d = &Decoder{Graph: b.graph, Z: b.input("z", cfg.Latent)}
	d.Logits = b.decode(d.Z)
	d.Pixels = named("pixels", must(likelihoods[cfg.Likelihood].mean(d.Logits)))
	return d, nil
}
