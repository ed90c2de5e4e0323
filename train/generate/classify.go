package generate

import (
	"fmt"
	"slices"

	"govae/model"
)

// Classify returns the probabilities p(y|x) of the classes, [n, classes], of the images x, [n, pixels] in [0, 1]: each row sums to 1,
// but for rounding, and its largest is that of the class that the model reads the image as. It returns ErrInput where Encode does,
// model.ErrCannot where the model is no classifier, and an error of its own where weights of great size make a probability that is none.
func (g *Generator) Classify(x []float32) ([]float32, error) {
	n, err := g.countImages(x)
	if err != nil {
		return nil, err
	}
	outputs, err := g.forward(model.Classify, fed{n: n, x: x})
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(outputs[0], notFinite); i >= 0 {
		return nil, fmt.Errorf("generate: classify: value %d of the probabilities is %v: the weights are too large", i, outputs[0][i])
	}
	return outputs[0], nil
}
