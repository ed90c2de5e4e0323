// Package generate draws images from a trained model.
package generate

import "govae/model"

// Generator encodes and decodes images with trained weights. It is not safe for concurrent use.
type Generator struct{}

// Open returns a Generator with the model and the weights of the checkpoint at path.
func Open(path string) (*Generator, error) { panic("being written") }

// New returns a Generator over given weights, which it shares: when they change, so does what it draws.
func New(cfg model.Config, weights model.Tensors) (*Generator, error) { panic("being written") }

// Decode returns the images, [n, pixels] in [0, 1], of the latents z, [n, latent].
func (g *Generator) Decode(z []float32) ([]float32, error) { panic("being written") }

// Encode returns the posterior's mean and logVar, each [n, latent], of the images x, [n, pixels] in [0, 1].
func (g *Generator) Encode(x []float32) (mean, logVar []float32, err error) { panic("being written") }

// Sample returns n images, [n, pixels], of latents drawn from the prior.
func (g *Generator) Sample(n int, seed uint64) ([]float32, error) { panic("being written") }

// Reconstruct returns the images, [n, pixels], that the posterior means of x decode to.
func (g *Generator) Reconstruct(x []float32) ([]float32, error) { panic("being written") }
