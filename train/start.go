package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"govae/internal/setting"
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
		return err
	}
	if r.trainer, err = newTrainer(r.Model, r.Settings, r.set, r.Device, r.opener()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		r.console.Line("stopped before the run began; nothing was written")
		return &Interrupted{cause: fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))}
	}
	r.dir, err = rundir.New(r.Out, r.Force)
	return err
}

// openData reads the data set.
func (r *run) openData(ctx context.Context) (err error) {
	r.set, err = r.Data.Open(ctx, nil)
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
		return r.unread(saved.Run.Data, err)
	}
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
	if r.history, err = report.ReadMetrics(r.dir.Path(rundir.Metrics), r.trainer.Config().Terms(), done); err != nil {
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

// close lets go of the machine and of the out folder, as far as the run has come by them.
func (r *run) close() {
	if r.trainer != nil {
		r.trainer.Close()
	}
	if r.dir != nil {
		r.dir.Close()
	}
}
