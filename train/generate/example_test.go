package generate_test

import (
	"fmt"
	"log"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/generate"
)

// A service opens a trained model once, with generate.Open, and draws from it as often as it likes.
// Here a model with its initial weights takes its place.
func ExampleGenerator_Sample() {
	cfg := model.DefaultConfig()
	weights := machine.State{Weights: model.InitialWeights(cfg, 1)}
	g, err := generate.New(&checkpoint.Checkpoint{Config: cfg, State: weights}, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()

	images, err := g.Sample(64, 1)
	if err != nil {
		log.Fatal(err)
	}
	pixels := g.Config().Image.Pixels()
	first := images[:pixels]
	fmt.Println(len(images)/pixels, "images, the first of", len(first), "pixels")
	// Output: 64 images, the first of 784 pixels
}
