package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gorgonia.org/tensor"

	"govae/internal/parallel"
	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
)

// shownEpochs are the epochs on all images after which both are measured, as far as there are so many; and after the last.
var shownEpochs = []int{1, 2, 3, 5, 10}

// measured is how many training images the reconstruction is measured on, of those that there are: as many as test images.
const measured = 10_000

// The trainer's own evaluation, which is of no use here, is on so few images.
const evaluated = 64

// curve is how a model's reconstruction went.
type curve struct {
	name
	Points []point
}

// point is the mean of −log p(x|z) with z = μ, in nats per image, after some epochs.
type point struct {
	Epoch, Steps int
	Train, Test  float64
}

// Gap is by how much the model does better on what it was trained on.
func (p point) Gap() float64 { return p.Test - p.Train }

// Last is the last point.
func (c curve) Last() point { return c.Points[len(c.Points)-1] }

// Best is the point with the lowest test value.
func (c curve) Best() point {
	return slices.MinFunc(c.Points, func(a, b point) int { return int(math.Copysign(1, a.Test-b.Test)) })
}

// fitAll trains all models.
func (s *study) fitAll(r *results) error {
	s.models = make(map[name]*autoencoder)
	for _, latent := range []int{wide, plane} {
		for _, images := range []int{few, s.set.Train.Len()} {
			for _, kind := range kinds {
				if latent == plane && images == few {
					continue
				}
				c, err := s.fit(name{kind, images, latent})
				if err != nil {
					return err
				}
				r.Curves = append(r.Curves, c)
				s.note("%s on %d images, latent of %d: train %.1f, test %.1f", kind, images, latent, c.Last().Train, c.Last().Test)
			}
		}
	}
	return nil
}

// fit trains the default network as a model of that name and keeps it.
func (s *study) fit(n name) (curve, error) {
	cfg := model.DefaultConfig()
	cfg.Kind, cfg.Latent = n.Kind, n.Latent
	t, err := s.trainer(cfg, n.Images)
	if err != nil {
		return curve{}, err
	}
	defer t.Close()
	x := values(&s.set.Train, 0, min(n.Images, measured))
	c, epoch := curve{name: n}, 0
	for _, shown := range s.shown() {
		steps := shown * s.steps(s.set.Train.Len())
		last := (steps + s.steps(n.Images)/2) / s.steps(n.Images) // the epoch with the nearest number of steps
		for ; epoch < last; epoch++ {
			if _, err := t.Epoch(context.Background(), nil); err != nil {
				return curve{}, err
			}
		}
		a, err := open(t)
		if err != nil {
			return curve{}, err
		}
		p := point{Epoch: epoch, Steps: epoch * s.steps(n.Images)}
		if p.Train, err = a.meanCost(x, x); err != nil {
			return curve{}, err
		}
		if p.Test, err = a.meanCost(s.test, s.test); err != nil {
			return curve{}, err
		}
		c.Points = append(c.Points, p)
		if before := s.models[n]; before != nil {
			before.close()
		}
		s.models[n] = a
	}
	return c, nil
}

// trainer returns a trainer on the first of the training images.
func (s *study) trainer(cfg model.Config, images int) (*train.Trainer, error) {
	part := func(all model.Images, n int) model.Images {
		return model.Images{Shape: all.Shape, Values: all.Values[:n*all.Shape.Pixels()], Labels: all.Labels[:n]}
	}
	set := &dataset.Set{Name: s.set.Name, Train: part(s.set.Train, images), Test: part(s.set.Test, evaluated)}
	settings := machine.DefaultSettings()
	settings.Seed = seed
	return train.New(cfg, settings, set, device.CPU)
}

// steps returns how many steps an epoch on so many images has.
func (s *study) steps(images int) int { return machine.Steps(images, machine.DefaultSettings().Batch) }

// shown returns the epochs on all images after which to measure.
func (s *study) shown() []int {
	earlier := slices.DeleteFunc(slices.Clone(shownEpochs), func(e int) bool { return e >= s.epochs })
	return append(earlier, s.epochs)
}

// autoencoder is a model with what measures its reconstruction exactly.
type autoencoder struct {
	*generate.Generator
	complement *generate.Generator // which decodes a latent to one minus each pixel
}

// open returns the model of a trainer as it is.
func open(t *train.Trainer) (*autoencoder, error) {
	c, err := t.Checkpoint()
	if err != nil {
		return nil, err
	}
	g, err := generate.New(c, device.CPU)
	if err != nil {
		return nil, err
	}
	negateLogits(c)
	complement, err := generate.New(c, device.CPU)
	if err != nil {
		return nil, err
	}
	return &autoencoder{g, complement}, nil
}

// close lets go of what the model runs on.
func (a *autoencoder) close() {
	a.Close()
	a.complement.Close()
}

// negateLogits makes of a model one that has −l for each logit l of a pixel, and so 1 − p for its probability p = sigmoid(l). Where p is
// near to 1, 1 − p has no digits left in float32, and sigmoid(−l) has all.
func negateLogits(c *checkpoint.Checkpoint) {
	last := fmt.Sprintf("decoder.%d.", 2*len(c.Config.Hidden))
	for name, t := range c.State.Weights {
		if !strings.HasPrefix(name, last) {
			continue
		}
		negated := t.Clone().(*tensor.Dense)
		for i, v := range negated.Data().([]float32) {
			negated.Data().([]float32)[i] = -v
		}
		c.State.Weights[name] = negated
	}
}

// cost returns −log p(x|z) of each image x that was to come out, in nats, where z is the code of the image that was shown: of a VAE the
// posterior mean, so that nothing is drawn.
func (a *autoencoder) cost(shown, x []float32) ([]float64, error) {
	z, _, err := a.Encode(shown)
	if err != nil {
		return nil, err
	}
	p, err := a.Decode(z)
	if err != nil {
		return nil, err
	}
	q, err := a.complement.Decode(z)
	if err != nil {
		return nil, err
	}
	return costs(x, p, q, a.Config().Image.Pixels()), nil
}

// costs returns −Σ x·log p + (1−x)·log q over the pixels of each image, for probabilities p of ones and q of zeros.
func costs(x, p, q []float32, pixels int) []float64 {
	const grain, least = 16, 0x1p-126 // below it float32 has fewer digits
	costs := make([]float64, len(x)/pixels)
	parallel.For(len(costs), grain, func(start, end int) {
		for i := start * pixels; i < end*pixels; i++ {
			v := float64(x[i])
			costs[i/pixels] -= v*math.Log(max(float64(p[i]), least)) + (1-v)*math.Log(max(float64(q[i]), least))
		}
	})
	return costs
}

// entropies returns what no model can go below: the cost of each image where each pixel's probability is the pixel itself.
func entropies(x []float32, pixels int) []float64 {
	q := make([]float32, len(x))
	for i, v := range x {
		q[i] = 1 - v
	}
	return costs(x, x, q, pixels)
}

func (a *autoencoder) meanCost(shown, x []float32) (float64, error) {
	costs, err := a.cost(shown, x)
	if err != nil {
		return 0, err
	}
	return stat.Mean(costs, nil), nil
}
