package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
	"govae/train/report"
)

// A program that trains on images of its own, in memory: with a deadline and with a function that is told how far it is. It
// then hands the weights on, without a file.
func ExampleTrainer() {
	stripes := model.Images{Shape: model.Image{Height: 4, Width: 4, Channels: 1}}
	for i := range 100 {
		for pixel := range stripes.Shape.Pixels() {
			stripes.Values = append(stripes.Values, byte(255*((pixel+i)%2)))
		}
	}
	set := &dataset.Set{Name: "stripes", Train: stripes, Test: stripes}
	cfg, settings := model.DefaultConfig(), machine.DefaultSettings()
	cfg.Hidden, cfg.Latent, settings.Batch = []int{16}, 2, 10
	trainer, err := train.New(cfg, settings, set, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	var last report.Progress
	for range 3 {
		epoch, err := trainer.Epoch(ctx, func(p report.Progress) { last = p })
		if errors.Is(err, train.ErrInterrupted) {
			break // the deadline has passed; what has been learned until then can be saved all the same
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("epoch %d: step %d, %d of %d images, %d terms\n", epoch.Number, epoch.Step, last.Images, last.Of, len(epoch.Test))
	}

	c, err := trainer.Checkpoint()
	if err != nil {
		log.Fatal(err)
	}
	var stored bytes.Buffer // or a file, or the body of a request
	if err := checkpoint.Write(&stored, c.Weights()); err != nil {
		log.Fatal(err)
	}

	opened, err := checkpoint.Read(&stored)
	if err != nil {
		log.Fatal(err)
	}
	g, err := generate.New(opened, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	images, err := g.Sample(5, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(images)/g.Config().Image.Pixels(), "images of", g.Config())
	// Output:
	// epoch 1: step 10, 100 of 100 images, 3 terms
	// epoch 2: step 20, 100 of 100 images, 3 terms
	// epoch 3: step 30, 100 of 100 images, 3 terms
	// 5 images of vae 16-16-(2+2)-16-16, relu, bernoulli
}
