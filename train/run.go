// Package train trains a model.
//
// A Trainer, in trainer.go, takes a model through a data set; epoch.go tells what an epoch is. The steps themselves are made by
// a machine, of package govae/model/machine. Run is a training with a folder around it, from the options to the last epoch's
// files: start.go makes it ready, run.go goes from epoch to epoch, and files.go writes what each leaves.
package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"govae/internal/words"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/report"
	"govae/train/rundir"
)

// Interrupted is the error of a Run that was stopped before its end. It is ErrInterrupted, and what the context says of its end.
type Interrupted struct {
	Out   string // the run's folder, in which its state is saved; empty: it had not begun, and nothing was written
	cause error
}

func (e *Interrupted) Error() string { return e.cause.Error() }
func (e *Interrupted) Unwrap() error { return e.cause }

// Failed is the error of a Run whose device failed, which device.ErrFailed says, or whose loss was no longer finite, which
// machine.ErrNotFinite says.
type Failed struct {
	Out      string           // the run's folder, with the checkpoint that it can go on from; empty: it has none
	Settings machine.Settings // with which it failed
	Err      error
}

func (e *Failed) Error() string { return e.Err.Error() }
func (e *Failed) Unwrap() error { return e.Err }

// run is a Run under way.
type run struct {
	Options
	set     *dataset.Set
	dir     *rundir.Dir
	trainer *Trainer
	saved   bool           // whether the folder has a checkpoint of this run
	history []report.Epoch // one for each epoch completed
	console *report.Console
	notes   []string // on what is missing of a resumed run, and what changes in it
}

// Run trains a model as o says and leaves its files in the out folder, the state after each epoch among them.
//
// When ctx is cancelled, Run stops after the step at hand, or some more where they are quick, saves, and returns an
// *Interrupted. An epoch whose last step is done is completed first, and with it the run, if it is the last.
// A *Failed says that the loss was no longer finite, or that the device failed, for which no other takes over; the checkpoint on disk stays
// the last one before that. The errors of the packages govae/train/rundir, govae/train/dataset and govae/train/device say what is in the way of a run.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	r := &run{Options: o, console: report.NewConsole(o.Output, o.Verbose)}
	defer r.close()
	begin := r.start
	if o.Resume {
		begin = r.resume
	}
	if err := begin(ctx); err != nil {
		return err
	}
	return r.failed(r.train(ctx))
}

// failed returns an error of a run, as a *Failed if it is one of those.
func (r *run) failed(err error) error {
	if !errors.Is(err, device.ErrFailed) && !errors.Is(err, machine.ErrNotFinite) {
		return err
	}
	failed := &Failed{Settings: r.Settings, Err: err}
	if r.saved {
		failed.Out = r.dir.Name()
	}
	return failed
}

// train runs the epochs that are left.
func (r *run) train(ctx context.Context) error {
	r.describe()
	if r.trainer.epoch >= r.Epochs {
		r.console.Line("\nnothing is left to do: %s of %d done", words.Counted(r.trainer.epoch, "epoch"), r.Epochs)
		return nil
	}
	defer r.console.Clear()
	r.console.Table(r.trainer.Config().Terms(), r.Epochs, r.trainer.Progress())
	for r.trainer.epoch < r.Epochs {
		epoch, err := r.trainer.Epoch(ctx, r.console.Progress)
		if errors.Is(err, ErrInterrupted) {
			return r.interrupted(err)
		}
		if err != nil {
			return err
		}
		r.history = append(r.history, epoch)
		if err := r.writeFiles(); err != nil {
			return err
		}
		r.console.Row(epoch)
	}
	r.console.Line("\nlowest test loss %s, after epoch %d: %s", report.Loss(r.trainer.bestLoss), r.trainer.bestEpoch, words.Printable(r.dir.Path(rundir.Best)))
	return nil
}

// describe prints what is trained, on what data and device, and into which folder.
func (r *run) describe() {
	cfg, s := r.trainer.Config(), r.Settings
	line := r.console.Line
	line("data     %s", described(r.set))
	if r.Verbose {
		line("         from %s, fingerprint %s", words.Printable(r.set.Dir), r.trainer.data.Fingerprint)
	}
	line("model    %s, %s parameters", cfg, words.Thousands(cfg.ParameterCount()))
	line("device   %s", r.trainer.Device())
	line("out      %s", words.Printable(r.dir.Name()))
	line("run      %s of %s, batch %d, %s, seed %d",
		words.Counted(r.Epochs, "epoch"), words.Counted(r.trainer.steps(), "step"), s.Batch, r.trainer.rates(), s.Seed)
	if r.Resume {
		line("resumed  after %s, at step %s", words.Counted(r.trainer.epoch, "epoch"), words.Thousands(r.trainer.step))
	}
	if r.trainer.epoch < r.Epochs { // else nothing comes of them
		for _, note := range r.notes {
			line("note     %s", note)
		}
	}
}

// described returns what a data set holds, in words: MNIST, 60,000 training and 10,000 test images of 28×28.
func described(set *dataset.Set) string {
	shape := set.Train.Shape
	text := fmt.Sprintf("%s, %s training and %s of %d×%d", words.Printable(set.Name), words.Thousands(set.Train.Len()),
		words.Counted(set.Test.Len(), "test image"), shape.Height, shape.Width)
	if shape.Channels == 3 {
		text += ", RGB"
	}
	return text
}

// noteOnce prints a note, unless it has been printed before.
func (r *run) noteOnce(note string) {
	if !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
		r.console.Line("note     %s", note)
	}
}

// interrupted saves the state and says so.
func (r *run) interrupted(cause error) error {
	c, err := r.trainer.Checkpoint()
	if err == nil {
		err = r.save(c)
	}
	if err != nil {
		return fmt.Errorf("stopped, but the state is not saved: %w", err)
	}
	at := r.trainer.Progress()
	where := fmt.Sprintf("after step %s, in epoch %d/%d", words.Thousands(int(at.Step)), at.Epoch, r.Epochs)
	if at.Images == 0 {
		where = "after " + words.Counted(r.trainer.epoch, "epoch")
	}
	r.console.Line("\nstopped %s, and saved %s", where, words.Printable(r.dir.Path(rundir.Checkpoint)))
	return &Interrupted{Out: r.dir.Name(), cause: cause}
}
