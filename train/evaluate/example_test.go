package evaluate_test

import (
	"context"
	"fmt"
	"log"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/evaluate"
	"govae/train/generate"
)

// What a model makes of images: here one that has learned nothing yet, for which each pixel is as likely to be dark as bright, which is
// log 2 = 0.693 nats.
func ExampleOver() {
	cfg := model.DefaultConfig()
	cfg.Image, cfg.Hidden, cfg.Latent = model.Image{Height: 4, Width: 4, Channels: 1}, []int{8}, 2
	weights := model.InitialWeights(cfg, 1)
	for _, w := range weights {
		clear(w.Float32s())
	}
	g, err := generate.New(&checkpoint.Checkpoint{Config: cfg, State: machine.State{Weights: weights}}, device.Auto)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()

	images := &model.Images{Shape: cfg.Image, Values: make([]byte, 100*16)}
	r, err := evaluate.Over(context.Background(), g, images, evaluate.Options{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	for k, term := range r.Terms {
		fmt.Printf("%s %.3f ± %.3f\n", term.Name, r.Mean[k], r.StandardError[k])
	}
	fmt.Printf("%d of %d dimensions are active\n", len(r.Active()), len(r.Variance))
	// Output:
	// loss 11.090 ± 0.000
	// reconstruction 11.090 ± 0.000
	// kl 0.000 ± 0.000
	// 0 of 2 dimensions are active
}

// Of six pairs of a usual and another score, the other is higher in four, and in one the two are equal.
func ExampleAUROC() {
	usual, others := []float64{80, 95, 102}, []float64{95, 131}
	fmt.Println(evaluate.AUROC(usual, others))
	// Output: 0.75
}

// Clusters are found without labels, so what matters is which images are together. One of six is not with its like.
func ExampleAgree() {
	a, err := evaluate.Agree([]int{1, 1, 0, 0, 0, 2}, []byte{3, 3, 8, 8, 5, 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("accuracy %.3f, NMI %.3f, ARI %.3f\n", a.Accuracy, a.NMI, a.ARI)
	// Output: accuracy 0.833, NMI 0.740, ARI 0.444
}
