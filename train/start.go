package train

import (
	"context"
	"errors"
	"fmt"

	"govae/model"
	"govae/train/checkpoint"
	"govae/train/dataset"
)

// newRun returns a run at its start. The out folder comes last, so that nothing is touched before all else is in order,
// nor if ctx is cancelled by then.
func newRun(ctx context.Context, o Options, set *dataset.Set) (*run, error) {
	o.Model.Image = imageOf(set)
	machine, device, err := openMachine(o)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(o.Output, "stopped before the run began; nothing was written")
		return nil, errors.Join(ErrInterrupted, machine.Close())
	}
	out, err := newOutDir(o.Out, o.Force)
	if err != nil {
		return nil, errors.Join(err, machine.Close())
	}
	return &run{
		Options: o, set: set, out: out, machine: machine, device: device,
		at:      checkpoint.Run{Batch: o.Batch, LearningRate: o.LearningRate, Beta: o.Beta, Data: identify(set)},
		batches: newBatcher(o),
		console: newConsole(o.Output, o.Verbose),
	}, nil
}

// resumedRun returns a run where its last checkpoint left it. The model and all that fixes the numbers come from there.
func resumedRun(o Options, set *dataset.Set) (*run, error) {
	out, err := outDirToResume(o.Out)
	if err != nil {
		return nil, err
	}
	path := out.path(checkpointFile)
	saved, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	if o, err = o.continuing(saved); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := fits(saved, set); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	history, err := readMetrics(out.path(metricsFile), saved.Run.Epoch)
	if err != nil {
		return nil, err
	}
	machine, device, err := openMachine(o)
	if err != nil {
		return nil, err
	}
	state := State{Weights: saved.Weights, FirstMoment: saved.FirstMoment, SecondMoment: saved.SecondMoment, Step: saved.Run.Step}
	if err := machine.SetState(state); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), machine.Close())
	}
	return &run{
		Options: o, set: set, out: out, machine: machine, device: device,
		at:      saved.Run,
		history: history,
		batches: newBatcher(o),
		console: newConsole(o.Output, o.Verbose),
	}, nil
}

func imageOf(set *dataset.Set) model.Image {
	return model.Image{Height: set.Train.Height, Width: set.Train.Width, Channels: set.Train.Channels}
}

func identify(set *dataset.Set) checkpoint.Data {
	return checkpoint.Data{Name: set.Name, Images: set.Train.Len(), Fingerprint: set.Train.Fingerprint()}
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
