package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"govae/internal/files"
	"govae/internal/setting"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/report"
	"govae/train/rundir"
)

// opener returns what opens the machine.
func (r *run) opener() opener {
	if r.open != nil {
		return r.open
	}
	return device.Open
}

// start makes a new run ready. The out folder comes last, so that nothing is touched before all else is in order,
// nor if ctx is cancelled by then.
func (r *run) start(ctx context.Context) (err error) {
	if err := r.openData(ctx); err != nil {
		return r.stopped(ctx, err)
	}
	if r.trainer, err = newTrainer(r.Model, r.Settings, r.set, r.Device, r.opener()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return r.stopped(ctx, context.Cause(ctx))
	}
	if r.dir, err = rundir.New(r.Out, r.Force); err != nil {
		return err
	}
	r.note()
	return nil
}

// stopped returns err, as an *Interrupted where it is that ctx is done before the run has begun.
func (r *run) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, ctx.Err()) {
		return err
	}
	r.console.Line("stopped before the run began; nothing was written")
	return &Interrupted{cause: fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))}
}

// note notes what a user should know of the data and of the folder.
func (r *run) note() {
	r.notes = append(r.notes, r.set.Notes...)
	r.notes = append(r.notes, r.dir.Notes()...)
	if err := files.Durable(r.dir.Name()); err != nil {
		r.notes = append(r.notes, err.Error())
	}
}

// openData reads the data set, and shows how far it is where that takes long.
func (r *run) openData(ctx context.Context) (err error) {
	bar := terminal.NewBar(r.Output)
	defer bar.Clear()
	r.set, err = r.Data.Open(ctx, func(done, of int) { bar.Show(done, of, "reading pictures") })
	return err
}

// resume makes a run ready to go on where its last checkpoint left it. The model and all that fixes the numbers come from there.
func (r *run) resume(ctx context.Context) (err error) {
	if r.dir, err = rundir.Resume(r.Out); err != nil {
		return err
	}
	path := r.dir.Path(rundir.Checkpoint)
	saved, err := checkpoint.Load(path)
	if err != nil {
		return err
	}
	if saved.Run == nil {
		return fmt.Errorf("%w in %s: %s holds weights alone", rundir.ErrNothingToResume, r.dir.Name(), rundir.Checkpoint)
	}
	r.saved = true
	if err := r.adopt(saved); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := r.openData(ctx); err != nil {
		return r.stopped(ctx, r.unread(saved.Run.Data, err))
	}
	r.note()
	if r.trainer, err = resumeTrainer(r.Settings, saved, r.set, r.Device, r.opener()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range r.trainer.changes[len(saved.Run.Changes):] {
		r.notes = append(r.notes, fmt.Sprintf("%s was %s, and is %s from here on", c.Name, c.From, c.To))
	}
	if saved.Run.BestEpoch > 0 && r.trainer.bestEpoch == 0 {
		r.notes = append(r.notes, "losses mean another thing from here on: the lowest is looked for anew")
	}
	return r.findFiles()
}

// adopt makes model, settings and the data's source those of the saved run, but for what was given. In the model nothing may change.
func (r *run) adopt(saved *checkpoint.Checkpoint) (err error) {
	if r.Model, err = setting.Merge(model.Fields, r.Given, r.Model, saved.Config); err != nil {
		return err
	}
	if _, _, err := setting.Changes(model.Fields, r.Model, saved.Config); err != nil {
		return err
	}
	if err := machine.CheckTaken(saved.Config.Kind, r.Given...); err != nil {
		return err
	}
	if r.Settings, err = setting.Merge(machine.Fields, r.Given, r.Settings, saved.Run.Settings); err != nil {
		return err
	}
	source, err := setting.SetTexts(dataset.Fields, saved.Run.Data.Source, dataset.DefaultSource())
	if err != nil {
		return fmt.Errorf("run: data.source: %w", err)
	}
	if len(saved.Run.Data.Source) > 0 { // else it may not be known
		r.Data, err = setting.Merge(dataset.Fields, r.Given, r.Data, source)
	}
	return err
}

// findFiles reads the metrics of the epochs that a resumed run has behind it, and notes what is missing of its files.
func (r *run) findFiles() (err error) {
	done := r.trainer.epoch
	if r.history, err = r.readMetrics(done); err != nil {
		return err
	}
	if n := len(r.history); n != done {
		r.notes = append(r.notes, fmt.Sprintf("%s has %s of %s: what is missing is lost", rundir.Metrics, words.Counted(n, "row"), words.Counted(done, "epoch")))
	}
	if _, err := os.Stat(r.dir.Path(rundir.Best)); r.trainer.bestEpoch > 0 && errors.Is(err, fs.ErrNotExist) {
		r.notes = append(r.notes, fmt.Sprintf("%s is missing: the next epoch's state takes its place", rundir.Best))
		r.trainer.bestEpoch, r.trainer.bestLoss = 0, 0
	}
	return nil
}

// readMetrics reads the metrics of the epochs that are done. A file that cannot be read is no reason not to go on: what can be read of it is
// taken, and it is kept under another name, unless nothing is going to be written in its place.
func (r *run) readMetrics(done int) ([]report.Epoch, error) {
	path, terms := r.dir.Path(rundir.Metrics), r.trainer.Config().Terms()
	history, broken := report.ReadMetrics(path, terms, done)
	if broken == nil || done >= r.Epochs {
		return history, nil
	}
	aside, err := report.SetAside(path)
	if err != nil {
		return nil, fmt.Errorf("%w; it cannot be moved out of the way: %w", broken, err)
	}
	r.notes = append(r.notes, fmt.Sprintf("%v. It is kept as %s, and what comes before that is taken", broken, aside))
	if len(history) == 0 {
		return nil, nil
	}
	return history, report.WriteMetrics(path, terms, history)
}

// close lets go of the machine and of the out folder, as far as the run has come by them.
func (r *run) close() {
	if r.trainer != nil {
		r.trainer.Close()
	}
	if r.dir != nil {
		r.dir.Close()
	}
}
