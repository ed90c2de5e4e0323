package model

import (
	"errors"

	"gorgonia.org/gorgonia"

	"govae/model/op"
)

// Classifier is a network that tells the class y of an image x: the hidden layers of an encoder, then a logit l for each class, with
// log p(y|x) = log softmax(l) at y (softmax regression: Bridle, NATO ASI F68, 1990). There is neither a latent nor a decoder; the last
// hidden layer's values are an image's features, which take the code's place.
const Classifier Kind = "classifier"

var classifier = family{
	parts: map[Part]func(*builder){
		Train:    func(b *builder) { b.crossEntropy(b.classifierLogP()) },
		Score:    func(b *builder) { b.crossEntropyOfEach(b.classifierLogP()) },
		Encode:   func(b *builder) { b.Outputs = gorgonia.Nodes{b.encoder(b.pixels())} },
		Classify: func(b *builder) { b.Outputs = gorgonia.Nodes{b.probabilities(b.logits(b.pixels()))} },
	},
	check: func(c Config) error {
		if c.Classes == 0 {
			return errors.New("kind is classifier, which learns the class of each image, and the data have no labels")
		}
		return nil
	},
}

// classifierLogP is x → l and l, y → log p(y|x), [batch].
func (b *builder) classifierLogP() *gorgonia.Node {
	return b.named("log p(y|x)", must(op.CategoricalLogLikelihood(b.logits(b.pixels()), b.labels())))
}

// logitsLayer is the name of the layer that makes logits of features.
const logitsLayer = "logits"

// logits adds the encoder's hidden layers and a last one: x, [batch, pixels], to a logit for each class, [batch, classes].
func (b *builder) logits(x *gorgonia.Node) *gorgonia.Node {
	return b.dense(logitsLayer, b.encoder(x), b.Config.Classes, op.Identity)
}

// probabilities adds the softmax of logits, each [batch, classes].
func (b *builder) probabilities(logits *gorgonia.Node) *gorgonia.Node {
	return b.named("p(y|x)", must(op.Softmax(logits)))
}
