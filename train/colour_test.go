package train

import (
	"bytes"
	"math"
	"testing"

	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
)

// colour is the shape of the images here: no two of its sizes are the same.
var colour = model.Image{Height: 2, Width: 4, Channels: 3}

// level returns the value of a pixel in a channel of image i. Each channel, row and column has others.
func level(i, channel, y, x int) byte {
	return byte((i*31 + []int{200, 90, 10}[channel] + 13*y + 5*x) % 256)
}

// inColour returns n images, channels first.
func inColour(first, n int) (images model.Images) {
	images.Shape = colour
	for i := range n {
		for channel := range colour.Channels {
			for y := range colour.Height {
				for x := range colour.Width {
					images.Values = append(images.Values, level(first+i, channel, y, x))
				}
			}
		}
	}
	return images
}

// TestColour trains on RGB images, and compares the losses of a model whose weights are made by hand with their closed form: the code's
// mean is twice the green of one pixel, and the logits are those of the decoder's bias, one for each pixel and channel.
func TestColour(t *testing.T) {
	cfg, settings, _ := inMemory(t)
	cfg.Hidden, cfg.Latent = []int{1}, 1
	set := &dataset.Set{Name: "colour", Train: inColour(0, 20), Test: inColour(20, 9)}
	trainer, err := New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if first, second := mustEpoch(t, trainer), mustEpoch(t, trainer); second.Test[0] >= first.Test[0] {
		t.Errorf("the test loss goes from %v to %v", first.Test[0], second.Test[0])
	}
	var file bytes.Buffer
	if err := checkpoint.Write(&file, mustCheckpoint(t, trainer)); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.Image != colour {
		t.Errorf("the checkpoint is of images of %v, want %v", c.Config.Image, colour)
	}

	const channel, y, x = 1, 0, 2 // whose place is another where channels come last
	logit := func(channel, y, x int) float64 {
		return 0.5*float64(channel) - 0.25*float64(y) + 0.125*float64(x) - 0.75
	}
	for _, weight := range c.State.Weights {
		clear(weight.Float32s())
	}
	c.State.Weights["encoder.0.weight"].Float32s()[channel*colour.Height*colour.Width+y*colour.Width+x] = 1
	c.State.Weights["mean.weight"].Float32s()[0] = 2
	bias := c.State.Weights["decoder.2.bias"].Float32s()[:0]
	for channel := range colour.Channels {
		for y := range colour.Height {
			for x := range colour.Width {
				bias = append(bias, float32(logit(channel, y, x)))
			}
		}
	}
	var want [3]float64 // loss, reconstruction term and KL, means over the test images
	for i := 20; i < 29; i++ {
		mean := 2 * float64(level(i, channel, y, x)) / 255
		want[2] += mean * mean / 2 / 9 // ½(μ² + σ² − 1 − log σ²) for σ = 1
		for channel := range colour.Channels {
			for y := range colour.Height {
				for x := range colour.Width {
					p := 1 / (1 + math.Exp(-logit(channel, y, x)))
					v := float64(level(i, channel, y, x)) / 255
					want[1] -= (v*math.Log(p) + (1-v)*math.Log(1-p)) / 9
				}
			}
		}
	}
	want[0] = want[1] + want[2]

	settings.LearningRate = 1e-30 // which changes no weight that is not zero, and those that are by nothing that counts
	still, err := ResumeWith(settings, c, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer still.Close()
	got := mustEpoch(t, still).Test
	for i, v := range got {
		if math.Abs(v-want[i]) > 1e-5*want[0] {
			t.Errorf("term %d is %v, want %v", i, v, want[i])
		}
	}
}
