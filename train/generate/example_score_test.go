package generate_test

import (
	"context"
	"fmt"
	"log"

	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/dataset"
	"govae/train/device"
)

// A model that has learned what images usually look like gives a high score, the negative ELBO, to one that looks otherwise.
// Here the usual ones are bright in one half, left or right, and the odd one in its upper half.
func ExampleGenerator_Score() {
	const side = 8
	image := func(bright func(x, y int) bool) (values []byte) {
		for y := range side {
			for x := range side {
				level := byte(20)
				if bright(x, y) {
					level = 230
				}
				values = append(values, level)
			}
		}
		return values
	}
	usual := model.Images{Shape: model.Image{Height: side, Width: side, Channels: 1}}
	for i := range 256 {
		usual.Values = append(usual.Values, image(func(x, _ int) bool { return (x < side/2) == (i%2 == 0) })...)
	}
	set := &dataset.Set{Name: "halves", Train: usual, Test: usual}

	cfg, settings := model.DefaultConfig(), machine.DefaultSettings()
	cfg.Hidden, cfg.Latent = []int{32}, 2
	settings.Batch, settings.LearningRate = 16, 0.01
	trainer, err := train.New(cfg, settings, set, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	for range 20 {
		if _, err := trainer.Epoch(context.Background(), nil); err != nil {
			log.Fatal(err)
		}
	}

	// Bytes become values from 0 to 1, as Images has it: those of the first two images, and the odd one.
	images := model.Images{Shape: usual.Shape, Values: append(usual.Values[:2*side*side:2*side*side], image(func(_, y int) bool { return y < side/2 })...)}
	x := make([]float32, len(images.Values))
	images.Fill(x, 0)

	g := trainer.Generator()
	mean, logVar, err := g.Encode(x)
	if err != nil {
		log.Fatal(err)
	}
	scores, err := g.Score(x, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(mean), "means and", len(logVar), "logarithms of variances, of", images.Len(), "images")
	for _, term := range g.Config().Terms() {
		fmt.Print(term.Name, " ")
	}
	fmt.Println("of each, in nats")
	const threshold = 40 // between the scores of the usual images, some 20 nats, and what is to be found
	for i, terms := range scores {
		fmt.Printf("image %d is odd: %v\n", i, terms[0] > threshold)
	}
	// Output:
	// 6 means and 6 logarithms of variances, of 3 images
	// loss reconstruction kl of each, in nats
	// image 0 is odd: false
	// image 1 is odd: false
	// image 2 is odd: true
}
