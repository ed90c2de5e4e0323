package train

import (
	"errors"
	"fmt"
	"slices"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
	"govae/train/report"
)

var (
	// ErrInterrupted says that training was stopped before its end, and can go on from where it was.
	ErrInterrupted = errors.New("interrupted")

	// ErrOtherData says that a run cannot go on with a data set, since it was begun with another.
	ErrOtherData = errors.New("the run was trained on another data set")
)

// Trainer takes a model through a data set, epoch by epoch. It reads and writes no files and prints nothing: Run does that around it.
// Its methods must not be called at once, but a Generator from it may be used while it trains.
type Trainer struct {
	job     machine.Job
	machine machine.Machine
	device  string // what the machine runs on, in words
	data    checkpoint.Data
	changes []checkpoint.Change

	// Where training stands.
	step      uint64
	epoch     int             // epochs completed
	partial   checkpoint.Sums // over the images of the unfinished epoch that are done
	bestEpoch int             // the one with the lowest test loss so far; 0: none yet
	bestLoss  float64
	err       error // after which the machine's state is good for nothing

	training, testing pace
}

// opener opens a machine, as device.Open does.
type opener func(device.Name, machine.Job) (machine.Machine, string, error)

// New returns a Trainer before its first step, for a model whose image shape and classes are those of the set, on the named device.
// An error says what of the config, the settings or the set does not fit, or that the device is not available.
func New(cfg model.Config, s machine.Settings, set *dataset.Set, name device.Name) (*Trainer, error) {
	return newTrainer(cfg, s, set, name, device.Open)
}

func newTrainer(cfg model.Config, s machine.Settings, set *dataset.Set, name device.Name, open opener) (*Trainer, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	cfg.Image, cfg.Classes = set.Train.Shape, set.Classes()
	t := &Trainer{
		job:  machine.Job{Model: cfg, Settings: s, Train: &set.Train, Test: &set.Test},
		data: identify(set),
	}
	return t.open(name, open)
}

// Resume returns a Trainer that goes on where a checkpoint was taken, with the settings that c.Run has, on the same data set. It
// returns ErrOtherData if the set is another, and an error if c is of weights alone.
func Resume(c *checkpoint.Checkpoint, set *dataset.Set, name device.Name) (*Trainer, error) {
	return resumeTrainer(c, set, name, device.Open)
}

func resumeTrainer(c *checkpoint.Checkpoint, set *dataset.Set, name device.Name, open opener) (*Trainer, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	if c.Run == nil {
		return nil, errors.New("train: the checkpoint is of weights alone, from which no run can be resumed")
	}
	if err := fits(c, set); err != nil {
		return nil, err
	}
	cfg := c.Config
	cfg.Classes = set.Classes() // which checkpoints of the first version do not have
	t := &Trainer{
		job:       machine.Job{Model: cfg, Settings: c.Run.Settings, Train: &set.Train, Test: &set.Test, State: c.State},
		data:      c.Run.Data,
		changes:   c.Run.Changes,
		step:      c.State.Step,
		epoch:     c.Run.Epoch,
		partial:   c.Run.Partial,
		bestEpoch: c.Run.BestEpoch,
		bestLoss:  c.Run.BestLoss,
	}
	t.partial.Terms = slices.Clone(t.partial.Terms) // c keeps its own
	return t.open(name, open)
}

// open opens the machine for the job, of whose state it makes its own copy, and returns t.
func (t *Trainer) open(name device.Name, open opener) (*Trainer, error) {
	var err error
	if t.machine, t.device, err = open(name, t.job); err != nil {
		return nil, err
	}
	t.job.State = machine.State{}
	return t, nil
}

func identify(set *dataset.Set) checkpoint.Data {
	return checkpoint.Data{Name: set.Name, Images: set.Train.Len(), Fingerprint: set.Fingerprint()}
}

// fits reports why the run of a checkpoint cannot be continued on a data set.
func fits(c *checkpoint.Checkpoint, set *dataset.Set) error {
	was, is := c.Run.Data, identify(set)
	if was.Fingerprint != is.Fingerprint || was.Images != is.Images || c.Config.Image != set.Train.Shape {
		return fmt.Errorf("%w: %s (%d images, fingerprint %s), and not %s (%d images, fingerprint %s)",
			ErrOtherData, was.Name, was.Images, was.Fingerprint, is.Name, is.Images, is.Fingerprint)
	}
	step, steps := c.State.Step, uint64(machine.Steps(was.Images, c.Run.Settings.Batch))
	if step/steps != uint64(c.Run.Epoch) || uint64(c.Run.Partial.Images) != step%steps*uint64(c.Run.Settings.Batch) {
		return fmt.Errorf("step %d does not fit %d epochs of %d steps and %d images", step, c.Run.Epoch, steps, c.Run.Partial.Images)
	}
	return nil
}

// Config returns the description of the model.
func (t *Trainer) Config() model.Config { return t.job.Model }

// Device returns what the Trainer runs on, in words: cpu, 2 cores.
func (t *Trainer) Device() string { return t.device }

// steps returns how many steps an epoch has.
func (t *Trainer) steps() int { return machine.Steps(t.job.Train.Len(), t.job.Settings.Batch) }

// Progress returns where training stands.
func (t *Trainer) Progress() report.Progress {
	return report.Progress{Epoch: t.epoch + 1, Step: t.step, Images: t.partial.Images, Of: t.job.Train.Len(), Terms: mean(t.partial)}
}

// Generator returns a Generator of the model as it is at the moment of each call, on the machine that trains it: a call waits while
// some steps are made. Close of the Trainer ends both.
func (t *Trainer) Generator() *generate.Generator { return generate.On(t.machine, t.job.Model) }

// Checkpoint returns the moment at which training stands.
func (t *Trainer) Checkpoint() (*checkpoint.Checkpoint, error) {
	if t.err != nil {
		return nil, t.err
	}
	state, err := t.machine.State()
	if err != nil {
		return nil, err
	}
	partial := t.partial
	partial.Terms = slices.Clone(partial.Terms)
	return &checkpoint.Checkpoint{
		Config: t.job.Model,
		State:  state,
		Run: &checkpoint.Run{
			Settings: t.job.Settings, Changes: t.changes, Data: t.data,
			Epoch: t.epoch, Partial: partial,
			BestEpoch: t.bestEpoch, BestLoss: t.bestLoss,
		},
	}, nil
}

// Close lets go of the device.
func (t *Trainer) Close() error { return t.machine.Close() }
