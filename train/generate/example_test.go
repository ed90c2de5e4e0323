package generate_test

import (
	"fmt"

	"govae/model"
	"govae/train/generate"
)

// A service opens a trained model once, with generate.Open, and draws from it as often as it likes.
// Here a model with its initial weights takes its place.
func ExampleGenerator_Sample() {
	cfg := model.DefaultConfig()
	g, err := generate.New(cfg, model.InitialWeights(cfg))
	if err != nil {
		fmt.Println(err)
		return
	}
	images, err := g.Sample(64, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	pixels := g.Config().Image.Pixels()
	first := images[:pixels]
	fmt.Println(len(images)/pixels, "images, the first of", len(first), "pixels")
	// Output: 64 images, the first of 784 pixels
}
