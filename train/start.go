package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
)

// start makes a new run ready. The out folder comes last, so that nothing is touched before all else is in order,
// nor if ctx is cancelled by then.
func (r *run) start(ctx context.Context) (err error) {
	r.Model.Image = imageOf(r.set)
	if r.machine, r.device, err = openMachine(r.Options); err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(r.Output, "stopped before the run began; nothing was written")
		return ErrInterrupted
	}
	if r.out, err = newOutDir(r.Out, r.Force); err != nil {
		return err
	}
	r.at = checkpoint.Run{Batch: r.Batch, LearningRate: r.LearningRate, Beta: r.Beta, Data: identify(r.set)}
	r.batches = newBatcher(r.Options, r.set)
	return nil
}

// resume makes a run ready to go on where its last checkpoint left it. The model and all that fixes the numbers come from there.
func (r *run) resume() (err error) {
	if r.out, err = outDirToResume(r.Out); err != nil {
		return err
	}
	path := r.out.path(checkpointFile)
	saved, err := checkpoint.Load(path)
	if err != nil {
		return err
	}
	if r.Options, err = r.continuing(saved); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := fits(saved, r.set); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r.at = saved.Run
	if err := r.findFiles(); err != nil {
		return err
	}
	if r.machine, r.device, err = openMachine(r.Options); err != nil {
		return err
	}
	state := State{Weights: saved.Weights, FirstMoment: saved.FirstMoment, SecondMoment: saved.SecondMoment, Step: saved.Run.Step}
	if err := r.machine.SetState(state); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r.batches = newBatcher(r.Options, r.set)
	return nil
}

// findFiles reads the metrics of the epochs that a resumed run has behind it, and notes what is missing of its files.
func (r *run) findFiles() (err error) {
	if r.history, err = readMetrics(r.out.path(metricsFile), r.at.Epoch); err != nil {
		return err
	}
	if n := len(r.history); n != r.at.Epoch {
		r.notes = append(r.notes, fmt.Sprintf("%s has %s of %s: what is missing is lost", metricsFile, counted(n, "row"), counted(r.at.Epoch, "epoch")))
	}
	if _, err := os.Stat(r.out.path(bestFile)); r.at.BestEpoch > 0 && errors.Is(err, fs.ErrNotExist) {
		r.notes = append(r.notes, fmt.Sprintf("%s is missing: the next epoch's state takes its place", bestFile))
		r.at.BestEpoch, r.at.BestLoss = 0, 0
	}
	return nil
}

// close lets go of the machine and of the out folder, as far as the run has come by them.
func (r *run) close() {
	if r.machine != nil {
		r.machine.Close()
	}
	if r.out != nil {
		r.out.close()
	}
}

func imageOf(set *dataset.Set) model.Image { return set.Train.Shape }

func identify(set *dataset.Set) checkpoint.Data {
	return checkpoint.Data{Name: set.Name, Images: set.Train.Len(), Fingerprint: set.Fingerprint()}
}

// fits reports why the run of a checkpoint cannot be continued on a data set.
func fits(c *checkpoint.Checkpoint, set *dataset.Set) error {
	was, is := c.Run.Data, identify(set)
	if was.Fingerprint != is.Fingerprint || was.Images != is.Images || c.Config.Image != imageOf(set) {
		return fmt.Errorf("the run was trained on %s (%d images, fingerprint %s), but %s holds %s (%d images, fingerprint %s): name the folder of the first with -data",
			was.Name, was.Images, was.Fingerprint, set.Dir, is.Name, is.Images, is.Fingerprint)
	}
	steps := uint64(stepsPerEpoch(was.Images, c.Run.Batch))
	if c.Run.Step/steps != uint64(c.Run.Epoch) || uint64(c.Run.Partial.Images) != c.Run.Step%steps*uint64(c.Run.Batch) {
		return fmt.Errorf("step %d does not fit %d epochs of %d steps and %d images", c.Run.Step, c.Run.Epoch, steps, c.Run.Partial.Images)
	}
	return nil
}
