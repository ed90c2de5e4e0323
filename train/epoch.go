package train

import (
	"context"
	"fmt"
	"time"

	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/report"
)

// Epoch trains on every image once, from where training stands, and evaluates on the test images. Now and then, after one step or
// after a twentieth of a second, it calls progress, which may be nil.
//
// When ctx is done, it stops between two such calls and returns ErrInterrupted, with the cause that ctx has; a later call goes on from there.
// Once the last step is made, the evaluation is, too. It returns machine.ErrNotFinite, with the epoch, the step and the settings, if the loss
// is not finite any more; the Trainer can then go on no further.
func (t *Trainer) Epoch(ctx context.Context, progress func(report.Progress)) (report.Epoch, error) {
	if t.err != nil {
		return report.Epoch{}, t.err
	}
	if err := t.train(ctx, progress); err != nil {
		return report.Epoch{}, err
	}
	test, err := t.evaluate()
	if err != nil {
		return report.Epoch{}, err
	}
	done := report.Epoch{
		Number:          t.epoch + 1,
		Step:            t.step,
		Train:           mean(t.partial),
		Test:            test,
		Seconds:         t.partial.Seconds,
		ImagesPerSecond: float64(t.partial.Images) / t.partial.Seconds,
	}
	t.epoch, t.partial = done.Number, checkpoint.Sums{}
	if t.bestEpoch == 0 || test[0] < t.bestLoss {
		t.bestEpoch, t.bestLoss = done.Number, test[0]
	}
	return done, nil
}

// train makes the steps of the epoch that are left.
func (t *Trainer) train(ctx context.Context, progress func(report.Progress)) error {
	n, batch := t.job.Train.Len(), t.job.Settings.Batch
	order := dataset.Order(n, t.job.Settings.Seed, t.epoch+1)
	for t.partial.Images < n {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
		}
		indices := order[t.partial.Images:min(n, t.partial.Images+t.training.next()*batch)]
		began := time.Now() // the steps, with the making of their batches
		steps, err := t.machine.Train(indices)
		took := time.Since(began)
		if err != nil {
			return t.failed(t.step+uint64(len(steps)), err)
		}
		add(&t.partial, steps, len(indices), batch)
		t.partial.Seconds += took.Seconds()
		t.step += uint64(len(steps))
		t.training.note(took)
		if progress != nil {
			progress(t.Progress())
		}
	}
	return nil
}

// evaluate returns the terms over the whole test set, in order and each image once. What is drawn for an image is the same after every epoch.
func (t *Trainer) evaluate() (machine.Terms, error) {
	n, batch := t.job.Test.Len(), t.job.Settings.Batch
	order := dataset.Sequence(n)
	var sums checkpoint.Sums
	for sums.Images < n {
		indices := order[sums.Images:min(n, sums.Images+t.testing.next()*batch)]
		began := time.Now()
		batches, err := t.machine.Evaluate(indices)
		if err != nil {
			return nil, t.failed(t.step, err)
		}
		add(&sums, batches, len(indices), batch)
		t.testing.note(time.Since(began))
	}
	terms := mean(sums)
	if !terms.Finite() {
		return nil, t.failed(t.step, fmt.Errorf("test loss %v: %w", terms[0], machine.ErrNotFinite))
	}
	return terms, nil
}

// failed says where in the run the machine failed, and with which settings.
func (t *Trainer) failed(step uint64, err error) error {
	t.err = fmt.Errorf("epoch %d, step %d, learning rate %v, β %v: %w", t.epoch+1, step, t.job.Settings.LearningRate, t.job.Settings.Beta, err)
	return t.err
}

// pace is how many steps a machine is given at a time: one at first, and as many more as take some time, so that there is little between
// two calls, and nobody waits long for one.
type pace struct{ steps int }

// shortCall is how long a call takes that may be given twice as many steps. It is a variable for tests, to whom time must not matter.
var shortCall = 50 * time.Millisecond

func (p *pace) next() int { return max(1, p.steps) }

func (p *pace) note(took time.Duration) {
	p.steps = p.next()
	if took < shortCall && p.steps < 1<<20 {
		p.steps *= 2
	}
}

// add adds the means over batches to sums over images. There are n images in all, size in each batch and in the last what is left.
func add(sums *checkpoint.Sums, batches []machine.Terms, n, size int) {
	for i, terms := range batches {
		images := min(size, n-i*size)
		if sums.Terms == nil {
			sums.Terms = make(machine.Terms, len(terms))
		}
		for k, v := range terms {
			sums.Terms[k] += float64(images) * v
		}
		sums.Images += images
	}
}

// mean returns the terms per image.
func mean(sums checkpoint.Sums) machine.Terms {
	terms := make(machine.Terms, len(sums.Terms))
	for i, sum := range sums.Terms {
		terms[i] = sum / float64(sums.Images)
	}
	return terms
}
