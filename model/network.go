// Package model builds the expression graphs: a Config becomes a Network with named inputs, outputs and parameters.
package model

import (
	"gorgonia.org/gorgonia"
)

// Network is the expression graph of a variational autoencoder for one batch size.
type Network struct {
	Config Config
	Batch  int
	Graph  *gorgonia.ExprGraph

	X       *gorgonia.Node // [batch, pixels], in [0, 1]
	Epsilon *gorgonia.Node // [batch, latent], drawn from N(0, I)
	Beta    *gorgonia.Node // scalar, the weight of the KL

	Parameters gorgonia.Nodes // in the order of Config.Parameters

	Mean, LogVar *gorgonia.Node // [batch, latent], of the posterior q(z|x)
	Z            *gorgonia.Node // [batch, latent]
	Logits       *gorgonia.Node // [batch, pixels]

	Reconstruction *gorgonia.Node // scalar, nats per image: −log p(x|z), mean over the batch
	KL             *gorgonia.Node // scalar, nats per image: KL(q(z|x) ‖ N(0, I)), mean over the batch
	Loss           *gorgonia.Node // scalar, nats per image: Reconstruction + β·KL, the negative ELBO
}

// Decoder is the graph from a latent to the pixels.
type Decoder struct {
	Graph  *gorgonia.ExprGraph
	Z      *gorgonia.Node // [batch, latent]
	Logits *gorgonia.Node // [batch, pixels]
	Pixels *gorgonia.Node // [batch, pixels]: the mean of p(x|z), in [0, 1]
}

// Encoder is the graph from an image to the posterior of its latent.
type Encoder struct {
	Graph        *gorgonia.ExprGraph
	X            *gorgonia.Node // [batch, pixels], in [0, 1]
	Mean, LogVar *gorgonia.Node // [batch, latent]
}

// New returns the network that cfg describes, for batches of the given size, with freshly initialized weights.
func New(cfg Config, batch int) (*Network, error) { panic("being written") }

// NewWithWeights is New over given weights, which the graph shares and does not copy.
func NewWithWeights(cfg Config, batch int, weights Tensors) (*Network, error) { panic("being written") }

// NewDecoder returns the decoder alone, over weights that the graph shares.
func NewDecoder(cfg Config, batch int, weights Tensors) (*Decoder, error) { panic("being written") }

// NewEncoder returns the encoder alone, over weights that the graph shares.
func NewEncoder(cfg Config, batch int, weights Tensors) (*Encoder, error) { panic("being written") }
