package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"govae/internal/setting"
	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
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
	if r.trainer, err = newTrainer(r.Model, r.Settings, r.set, r.Device, r.opener()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		r.console.Line("stopped before the run began; nothing was written")
		return &Interrupted{cause: context.Cause(ctx)}
	}
	r.dir, err = rundir.New(r.Out, r.Force)
	return err
}

// resume makes a run ready to go on where its last checkpoint left it. The model and all that fixes the numbers come from there.
func (r *run) resume() (err error) {
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
	if err := r.adopt(saved); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if r.trainer, err = resumeTrainer(saved, r.set, r.Device, r.opener()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return r.findFiles()
}

// adopt makes the model and the settings those of the saved run, but for what was given and may change, which it records there.
func (r *run) adopt(saved *checkpoint.Checkpoint) error {
	if _, _, err := setting.Resume(model.Fields, r.Given, r.Model, saved.Config); err != nil { // none may change
		return err
	}
	settings, changes, err := setting.Resume(machine.Fields, r.Given, r.Settings, saved.Run.Settings)
	if err != nil {
		return err
	}
	for _, c := range changes {
		saved.Run.Changes = append(saved.Run.Changes, checkpoint.Change{Step: saved.State.Step, Change: c})
		r.notes = append(r.notes, fmt.Sprintf("%s was %s, and is %s from here on", c.Name, c.From, c.To))
	}
	saved.Run.Settings, r.Settings = settings, settings
	return nil
}

// findFiles reads the metrics of the epochs that a resumed run has behind it, and notes what is missing of its files.
func (r *run) findFiles() (err error) {
	done := r.trainer.epoch
	if r.history, err = report.ReadMetrics(r.dir.Path(rundir.Metrics), r.trainer.Config().Terms(), done); err != nil {
		return err
	}
	if n := len(r.history); n != done {
		r.notes = append(r.notes, fmt.Sprintf("%s has %s of %s: what is missing is lost", rundir.Metrics, report.Counted(n, "row"), report.Counted(done, "epoch")))
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
