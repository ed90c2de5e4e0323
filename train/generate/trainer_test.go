package generate_test

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"govae/internal/philox"
	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
	"govae/train/report"
)

// inMemory returns a data set of small images with soft edges.
func inMemory(train, test int) *dataset.Set {
	shape := model.Image{Height: 5, Width: 4, Channels: 1}
	images := func(n int, step uint64) model.Images {
		levels := make([]float32, n*shape.Pixels())
		philox.New(3, philox.Shuffle, step).Uniform(levels, 0, 255)
		values := make([]byte, len(levels))
		for i, v := range levels {
			values[i] = byte(v)
		}
		return model.Images{Shape: shape, Values: values}
	}
	return &dataset.Set{Name: "noise", Train: images(train, 0), Test: images(test, 1)}
}

func newTrainer(t *testing.T, set *dataset.Set, change func(*machine.Settings)) *train.Trainer {
	t.Helper()
	cfg := model.DefaultConfig()
	cfg.Hidden, cfg.Latent = []int{24}, 3
	settings := machine.DefaultSettings()
	settings.Batch, settings.Seed = 16, 5
	if change != nil {
		change(&settings)
	}
	trainer, err := train.New(cfg, settings, set, device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer
}

func epoch(t *testing.T, trainer *train.Trainer, progress func(report.Progress)) report.Epoch {
	t.Helper()
	done, err := trainer.Epoch(context.Background(), progress)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// TestScoreIsTheTestLoss compares the means of what Score returns for the test images with what the Trainer reports, in which β
// weights the KL of the loss. There are whole batches and a short one, of the Trainer's and of the Generator's.
func TestScoreIsTheTestLoss(t *testing.T) {
	for _, beta := range []float64{1, 0.25} {
		set := inMemory(100, 150)
		trainer := newTrainer(t, set, func(s *machine.Settings) { s.Beta = beta })
		epoch(t, trainer, nil)
		reported := epoch(t, trainer, nil).Test

		c, err := trainer.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		g, err := generate.New(c, device.CPU)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		x := make([]float32, len(set.Test.Values))
		set.Test.Fill(x, 0)
		for _, from := range []*generate.Generator{g, trainer.Generator()} {
			scores, err := from.Score(x, c.Run.Settings.Seed)
			if err != nil {
				t.Fatal(err)
			}
			means := make([]float64, 3)
			for _, terms := range scores {
				for k, v := range terms {
					means[k] += v / float64(len(scores))
				}
			}
			want := []float64{reported[1] + reported[2], reported[1], reported[2]}
			if beta == 1 {
				want[0] = reported[0]
			}
			for k := range want {
				if math.Abs(means[k]-want[k]) > 1e-5*math.Abs(want[k]) {
					t.Errorf("β %v: term %d is %v on the mean, and the Trainer reports %v", beta, k, means[k], want[k])
				}
			}
		}
	}
}

// TestGeneratorOfATrainer uses it from two goroutines while the Trainer trains. The training waits at its first report until both
// have had a turn.
func TestGeneratorOfATrainer(t *testing.T) {
	set := inMemory(400, 40)
	undisturbed := newTrainer(t, set, nil)
	trainer := newTrainer(t, set, nil)
	g := trainer.Generator()

	var users, used sync.WaitGroup
	ended := make(chan struct{})
	for k := range 2 {
		used.Add(1)
		users.Go(func() {
			for first := true; ; first = false {
				images, err := g.Sample(70, uint64(k))
				if err != nil || len(images) != 70*20 || slices.Min(images) < 0 || slices.Max(images) > 1 {
					t.Errorf("got %d values with error %v", len(images), err)
				}
				if scores, err := g.Score(images, 1); err != nil || len(scores) != 70 {
					t.Errorf("got %d scores with error %v", len(scores), err)
				}
				if first {
					used.Done()
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	for range 3 {
		got := epoch(t, trainer, func(report.Progress) { used.Wait() })
		want := epoch(t, undisturbed, nil)
		if !slices.Equal(got.Train, want.Train) || !slices.Equal(got.Test, want.Test) {
			t.Errorf("epoch %d has %v and %v, and undisturbed %v and %v", got.Number, got.Train, got.Test, want.Train, want.Test)
		}
	}
	close(ended)
	users.Wait()

	c, err := trainer.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	saved, err := generate.New(c.Weights(), device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	live, errLive := g.Sample(3, 9)
	kept, errKept := saved.Sample(3, 9)
	if errLive != nil || errKept != nil || !slices.Equal(live, kept) {
		t.Errorf("the Trainer's Generator and its checkpoint's differ (errors %v, %v)", errLive, errKept)
	}
	epoch(t, trainer, nil)
	if later, err := g.Sample(3, 9); err != nil || slices.Equal(later, live) {
		t.Errorf("an epoch changed nothing (error %v)", err)
	}
	if again, err := saved.Sample(3, 9); err != nil || !slices.Equal(again, kept) {
		t.Errorf("an epoch changed what the checkpoint had (error %v)", err)
	}
}
