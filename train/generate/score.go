package generate

import (
	"govae/model"
	"govae/model/machine"
)

// Score returns the terms of each image of x, [n, pixels] in [0, 1], in nats and in the order of Config().Terms(): first the
// loss, which for a VAE is the negative ELBO, with the KL at its full weight whatever β the model was trained with; then what
// it is the sum of, if it is one. It returns ErrInput where Encode does.
//
// The expectation in the ELBO is estimated with one draw, as in training: ε of an image depends on the seed and on its place in
// x, as in an evaluation on its place among the test images. So with the seed of the run, the test images in their order have
// as their mean the run's test loss, if β is 1.
func (g *Generator) Score(x []float32, seed uint64) ([]machine.Terms, error) {
	return g.ScoreFrom(x, seed, 0)
}

// ScoreFrom is Score of some of a larger number of images, whose first is at the place first among all: what each gets is what it would
// get if all were scored at once.
func (g *Generator) ScoreFrom(x []float32, seed uint64, first int) ([]machine.Terms, error) {
	n, err := g.countImages(x)
	if err != nil {
		return nil, err
	}
	outputs, err := g.forward(model.Score, fed{n: n, x: x, seed: seed, first: first})
	if err != nil {
		return nil, err
	}
	scores, terms := make([]machine.Terms, n), len(outputs)
	values := make(machine.Terms, n*terms)
	for i := range scores {
		scores[i] = values[i*terms:][:terms:terms]
		for k, output := range outputs {
			scores[i][k] = float64(output[i])
		}
	}
	return scores, nil
}
