package generate

import (
	"fmt"

	"govae/model"
	"govae/model/machine"
)

// Score returns the terms of each image of x, [n, pixels] in [0, 1], in nats and in the order of Config().Terms(): first the
// loss, which for a VAE is the negative ELBO, with the KL at its full weight whatever β the model was trained with; then what
// it is the sum of. It returns ErrInput where Encode does.
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
	inputs, err := g.scored()
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, len(inputs))
	for k, in := range inputs {
		switch {
		case in.Source == model.Pixels:
			rows[k] = x
		case in.IsDrawn():
			width := in.Width(1)
			rows[k] = make([]float32, n*width)
			for i := range n {
				in.Draw(row(rows[k], i, width), seed, in.TestStream, uint64(first+i))
			}
		default:
			return nil, fmt.Errorf("generate: %w: kind %s does not score images without its input %s", model.ErrCannot, g.config.Kind, in.Name())
		}
	}
	outputs, err := g.forward(model.Score, rows...)
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
