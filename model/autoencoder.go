package model

import (
	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// AE is the plain autoencoder (Rumelhart, Hinton and Williams, Nature 323, 1986; Hinton and Salakhutdinov, Science 313, 2006): the
// code of an image is a point z, and the loss is its reconstruction term alone. No distribution of z is learned, so there is none to
// draw from.
const AE Kind = "ae"

var autoencoder = family{parts: map[Part]func(*builder){
	Train:  func(b *builder) { b.reconstructionLoss(b.aeLogP()) },
	Score:  func(b *builder) { b.reconstructionLossOfEach(b.aeLogP()) },
	Encode: func(b *builder) { b.Outputs = gorgonia.Nodes{b.code(b.pixels())} },
	Decode: vaeDecode,
}}

// aeLogP is x → z → log p(x|z), [batch].
func (b *builder) aeLogP() *gorgonia.Node {
	x := b.pixels()
	return b.logLikelihood(b.decoder(b.code(x)), x)
}

// code adds the encoder with a last layer that makes z of x: [batch, pixels] to [batch, latent]. It is named like the decoder's last, so
// that two torch.nn.Sequential are an autoencoder.
func (b *builder) code(x *gorgonia.Node) *gorgonia.Node {
	return b.dense(encoderLayer(len(b.Config.Hidden)), b.encoder(x), b.Config.Latent, op.Identity)
}
