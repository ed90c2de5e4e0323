// Package stock builds the variational autoencoder from Gorgonia's own operations alone, as one does who has no
// others. It is the reference that package model's networks are checked against, and that their speed is compared with.
package stock

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/model"
	"govae/model/op"
)

// Network is the graph, with the inputs and the terms of model.Train. Its weights are [in, out], so that a
// layer is x·W: with [out, in], a stock graph would transpose every weight at every step.
type Network struct {
	Graph                    *gorgonia.ExprGraph
	X, Epsilon, Beta         *gorgonia.Node
	Parameters               gorgonia.Nodes // in the order of model.Config.Parameters
	Loss, Reconstruction, KL *gorgonia.Node
	config                   model.Config
	weights                  model.Tensors
}

// New returns the network over a copy of the weights. It panics where Gorgonia reports an error.
func New(cfg model.Config, batch int, weights model.Tensors) *Network {
	g := gorgonia.NewGraph()
	input := func(name string, width int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, width), gorgonia.WithName(name))
	}
	n := &Network{
		Graph:   g,
		X:       input("x", cfg.Image.Pixels()),
		Epsilon: input("epsilon", cfg.Latent),
		Beta:    gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("beta")),
		config:  cfg,
		weights: weights,
	}
	must := gorgonia.Must

	h := n.X
	for i := range cfg.Hidden {
		h = n.activate(n.layer(fmt.Sprintf("encoder.%d", 2*i), h))
	}
	mean, logVar := n.layer("mean", h), n.layer("logVar", h)

	half := gorgonia.NewConstant(float32(0.5))
	std := must(gorgonia.Exp(must(gorgonia.HadamardProd(logVar, half))))
	h = must(gorgonia.Add(mean, must(gorgonia.HadamardProd(std, n.Epsilon))))

	for i := range cfg.Hidden {
		h = n.activate(n.layer(fmt.Sprintf("decoder.%d", 2*i), h))
	}
	logits := n.layer(fmt.Sprintf("decoder.%d", 2*len(cfg.Hidden)), h)

	perImage := gorgonia.NewConstant(1 / float32(batch))
	nll := must(gorgonia.Sub(must(gorgonia.Softplus(logits)), must(gorgonia.HadamardProd(n.X, logits))))
	n.Reconstruction = must(gorgonia.Mul(must(gorgonia.Sum(nll)), perImage))

	one := gorgonia.NewConstant(float32(1))
	squares := must(gorgonia.Add(must(gorgonia.Square(mean)), must(gorgonia.Exp(logVar))))
	kl := must(gorgonia.Sub(must(gorgonia.Sub(squares, one)), logVar))
	n.KL = must(gorgonia.Mul(must(gorgonia.Mul(must(gorgonia.Sum(kl)), half)), perImage))

	n.Loss = must(gorgonia.Add(n.Reconstruction, must(gorgonia.Mul(n.Beta, n.KL))))
	return n
}

// layer adds x·W + b.
func (n *Network) layer(name string, x *gorgonia.Node) *gorgonia.Node {
	w, err := tensor.T(n.weights[name+".weight"])
	if err != nil {
		panic(err)
	}
	w = tensor.Materialize(w)
	weight := gorgonia.NodeFromAny(n.Graph, w, gorgonia.WithName(name+".weight"))
	bias := gorgonia.NodeFromAny(n.Graph, n.weights[name+".bias"].Clone(), gorgonia.WithName(name+".bias"))
	n.Parameters = append(n.Parameters, weight, bias)
	return gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(x, weight)), bias, nil, []byte{0}))
}

func (n *Network) activate(a *gorgonia.Node) *gorgonia.Node {
	switch n.config.Activation {
	case op.ReLU:
		return gorgonia.Must(gorgonia.Rectify(a))
	case op.Tanh:
		return gorgonia.Must(gorgonia.Tanh(a))
	case op.Sigmoid:
		return gorgonia.Must(gorgonia.Sigmoid(a))
	}
	panic("stock: unknown activation " + n.config.Activation)
}
