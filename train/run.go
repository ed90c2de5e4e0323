// Package train trains a model: it takes a data set through a Machine epoch by epoch, and keeps the run's files.
//
// This file tells the whole story, from the options to the last epoch's files. start.go makes a run ready, batch.go makes what
// a step is fed, tape.go executes a step on the CPU, and files.go writes what an epoch leaves.
package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"govae/train/checkpoint"
	"govae/train/dataset"
)

// ErrInterrupted says that a run was stopped before its end. If it had begun, its state is saved and it can be resumed.
var ErrInterrupted = errors.New("interrupted")

// run is a training under way.
type run struct {
	Options
	set     *dataset.Set
	out     *outDir
	machine Machine
	device  string         // what the machine runs on, in words
	at      checkpoint.Run // where the run stands
	history []record       // one for each epoch completed
	batches *batcher
	console *console
	notes   []string // on what is missing of a resumed run
}

// Run trains a model as o says and leaves its files in the out folder, the state after each epoch among them.
// With o.Graph it writes the model's expression graph instead.
//
// When ctx is cancelled, Run stops after the step at hand, saves, prints how to resume, and returns ErrInterrupted.
// An epoch whose last step is done is completed first, and with it the run, if it is the last.
// ErrNotFinite says that the loss was no longer finite; the checkpoint on disk stays the last one before that.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Graph != "" {
		return writeGraph(ctx, o)
	}
	set, err := dataset.Open(o.Data)
	if err != nil {
		return err
	}
	r := &run{Options: o, set: set, console: newConsole(o.Output, o.Verbose)}
	defer r.close()
	if o.Resume {
		err = r.resume()
	} else {
		err = r.start(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.train(ctx); err != nil {
		r.out.remove()
		return err
	}
	return nil
}

// train runs the epochs that are left.
func (r *run) train(ctx context.Context) error {
	r.console.start(r)
	if r.at.Epoch >= r.Epochs {
		r.console.nothingLeft(r)
		return nil
	}
	r.console.startTable(r)
	for r.at.Epoch < r.Epochs {
		err := r.epoch(ctx)
		if errors.Is(err, ErrInterrupted) {
			if err := r.save(); err != nil {
				return fmt.Errorf("stopped, but the state is not saved: %w", err)
			}
			r.console.interrupted(r)
		}
		if err != nil {
			return err
		}
	}
	r.console.done(r)
	return nil
}

// epoch trains on every image once, from where the run stands, evaluates on the test images, and writes the files.
func (r *run) epoch(ctx context.Context) error {
	if err := r.trainEpoch(ctx); err != nil {
		return err
	}
	test, err := r.evaluate()
	if err != nil {
		return err
	}
	done := record{
		Epoch:           r.at.Epoch + 1,
		Step:            r.at.Step,
		Train:           mean(r.at.Partial, r.Beta),
		Test:            test,
		Seconds:         r.at.Partial.Seconds,
		ImagesPerSecond: float64(r.at.Partial.Images) / r.at.Partial.Seconds,
	}
	r.at.Epoch = done.Epoch
	r.at.Partial = checkpoint.Sums{}
	r.history = append(r.history, done)
	if err := r.writeFiles(); err != nil {
		return err
	}
	r.console.epochDone(r, done)
	return nil
}

// trainEpoch takes the steps of the epoch that are left. Between two steps it may be interrupted.
func (r *run) trainEpoch(ctx context.Context) error {
	order := dataset.Order(r.set.Train.Len(), r.Model.Seed, r.at.Epoch+1)
	began := time.Now() // a step, with the making of its batch
	for n, batch := range r.batches.training(order[r.position()*r.Batch:], r.at.Step) {
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		// On the CPU this is TapeMachine.Step: forward, backward, Adam.
		terms, err := r.machine.Step(batch)
		if err != nil {
			return r.failed(r.at.Step+1, err)
		}
		r.at.Step++
		add(&r.at.Partial, terms, n)
		r.at.Partial.Seconds += time.Since(began).Seconds()
		r.console.step(r, n)
		began = time.Now()
	}
	return nil
}

// evaluate returns the terms over the whole test set, in order and each image once. Its ε are the same after every epoch.
func (r *run) evaluate() (Terms, error) {
	var sums checkpoint.Sums
	for n, batch := range r.batches.test() {
		terms, err := r.machine.Evaluate(batch)
		if err != nil {
			return Terms{}, r.failed(r.at.Step, err)
		}
		add(&sums, terms, n)
	}
	terms := mean(sums, r.Beta)
	if !terms.finite() {
		return Terms{}, r.failed(r.at.Step, fmt.Errorf("test loss %v: %w", terms.Loss, ErrNotFinite))
	}
	return terms, nil
}

// failed says where in the run the machine failed, and with what learning rate, the usual cause of a loss that is not finite.
func (r *run) failed(step uint64, err error) error {
	err = fmt.Errorf("epoch %d, step %d, learning rate %v: %w", r.at.Epoch+1, step, r.LearningRate, err)
	if errors.Is(err, ErrNotFinite) {
		return fmt.Errorf("%w: try a smaller -lr; the last checkpoint, if there is one, stays", err)
	}
	return err
}

// add adds the means over a batch of n images to sums over images.
func add(sums *checkpoint.Sums, batch Terms, n int) {
	sums.Images += n
	sums.Reconstruction += float64(n) * batch.Reconstruction
	sums.KL += float64(n) * batch.KL
}

// mean returns the terms per image.
func mean(sums checkpoint.Sums, beta float64) Terms {
	n := float64(sums.Images)
	t := Terms{Reconstruction: sums.Reconstruction / n, KL: sums.KL / n}
	t.Loss = t.Reconstruction + beta*t.KL
	return t
}

// steps returns how many steps an epoch has. The last takes the images that are left over from whole batches.
func (r *run) steps() int { return stepsPerEpoch(r.set.Train.Len(), r.Batch) }

func stepsPerEpoch(images, batch int) int { return (images + batch - 1) / batch }

// position returns how many steps of the epoch at hand are done.
func (r *run) position() int { return int(r.at.Step % uint64(r.steps())) }
