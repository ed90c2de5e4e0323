package train

// Here is what goes on in an epoch. The machine's side of a step is govae/model/machine's cpu.go, sums.go adds up what steps give,
// and files.go writes what is left after the last one.

import (
	"context"
	"fmt"
	"slices"
	"time"

	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/report"
)

// Epoch trains on every image once, from where training stands, and evaluates on the test images. Now and then, after one step or
// after a twentieth of a second, it calls progress, which may be nil.
//
// When ctx is done, it stops between two such calls and returns ErrInterrupted, with the cause that ctx has; a later call goes
// on from there. Once the last step is made, the evaluation is, too. It returns machine.ErrNotFinite, with the epoch, the step
// and the settings, if the loss is not finite any more; the Trainer can then go on no further.
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
		Train:           t.partial.mean(),
		Test:            test,
		Seconds:         t.partial.seconds,
		ImagesPerSecond: float64(t.partial.images) / t.partial.seconds,
	}
	t.epoch, t.partial = done.Number, sums{}
	if t.bestEpoch == 0 || test[0] < t.bestLoss {
		t.bestEpoch, t.bestLoss = done.Number, test[0]
	}
	return done, nil
}

// train makes the steps of the epoch that are left.
func (t *Trainer) train(ctx context.Context, progress func(report.Progress)) error {
	n, batch := t.job.Train.Len(), t.job.Settings.Batch
	order := dataset.Order(n, t.job.Settings.Seed, t.epoch+1)
	for t.partial.images < n {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
		}
		indices := order[t.partial.images:min(n, t.partial.images+t.training.next()*batch)]
		began := time.Now() // the steps, with the making of their batches
		steps, err := t.machine.Train(indices)
		took := time.Since(began)
		if err != nil {
			return t.failed(t.step+uint64(len(steps)), err)
		}
		t.partial.add(steps, len(indices), batch)
		t.partial.seconds += took.Seconds()
		t.step += uint64(len(steps))
		t.training.note(took)
		if progress != nil {
			progress(t.Progress())
		}
	}
	return nil
}

// evaluate returns the terms over the whole test set, in order and each image once. What is drawn for an image is the same
// after every epoch. It is done at a pace for the sake of those who use the machine meanwhile, through a Generator.
func (t *Trainer) evaluate() (machine.Terms, error) {
	n, batch := t.job.Test.Len(), t.job.Settings.Batch
	order := dataset.Sequence(n)
	var total sums
	for total.images < n {
		indices := order[total.images:min(n, total.images+t.testing.next()*batch)]
		began := time.Now()
		batches, err := t.machine.Evaluate(indices)
		if err != nil {
			return nil, t.failed(t.step, err)
		}
		total.add(batches, len(indices), batch)
		t.testing.note(time.Since(began))
	}
	terms := total.mean()
	if !terms.Finite() {
		return nil, t.failed(t.step, fmt.Errorf("test loss %v: %w", terms[0], machine.ErrNotFinite))
	}
	return terms, nil
}

// failed says where in the run the machine failed, and with which settings.
func (t *Trainer) failed(step uint64, err error) error {
	t.err = fmt.Errorf("epoch %d, step %d, %s: %w", t.epoch+1, step, t.rates(), err)
	return t.err
}

// rates names the settings that may be too large: learning rate 0.001, β 1. The latter is left out where the model has no use for it.
func (t *Trainer) rates() string {
	rates := fmt.Sprintf("learning rate %v", t.job.Settings.LearningRate)
	if slices.Contains(t.job.Model.Kind.Settings(), "beta") {
		rates += fmt.Sprintf(", β %v", t.job.Settings.Beta)
	}
	return rates
}

// pace is how many steps a machine is given at a time: one at first, and as many more as take some time, so that there is
// little between two calls, and nobody waits long for one.
type pace struct{ steps int }

// shortCall is how long a call takes that may be given twice as many steps. It is a variable for tests, to whom time must not
// matter.
var shortCall = 50 * time.Millisecond

func (p *pace) next() int { return max(1, p.steps) }

func (p *pace) note(took time.Duration) {
	p.steps = p.next()
	if took < shortCall && p.steps < 1<<20 {
		p.steps *= 2
	}
}
