package train

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"govae/internal/setting"
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

	// ErrImagesElsewhere says that the images of a run that goes on cannot be read from where it had them.
	ErrImagesElsewhere = errors.New("the run had its images")

	// ErrOtherData says that a run cannot go on with a data set, since it was begun with another.
	ErrOtherData = errors.New("the run was trained on another data set")
)

// Trainer takes a model through a data set, epoch by epoch. It reads and writes no files and prints nothing: Run does that
// around it. Its methods must not be called at once, but a Generator from it may be used while it trains.
type Trainer struct {
	job     machine.Job
	machine machine.Machine
	device  string // what the machine runs on, in words
	data    checkpoint.Data
	changes []checkpoint.Change

	// Where training stands.
	step      uint64
	epoch     int  // epochs completed
	partial   sums // over the images of the unfinished epoch that are done
	bestEpoch int  // the one with the lowest test loss so far; 0: none yet
	bestLoss  float64
	err       error // after which the machine's state is good for nothing

	training, testing pace
}

// opener opens a machine, as device.Open does.
type opener func(device.Name, machine.Job) (machine.Machine, string, error)

// New returns a Trainer before its first step, for a model whose image shape and classes are those of the set, on the chosen
// device. An error says what of the config, the settings or the set does not fit, or is one of device.Open.
func New(cfg model.Config, s machine.Settings, set *dataset.Set, on device.Choice) (*Trainer, error) {
	return newTrainer(cfg, s, set, on, device.Open)
}

func newTrainer(cfg model.Config, s machine.Settings, set *dataset.Set, on device.Choice, open opener) (*Trainer, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	cfg.Image, cfg.Classes = set.Train.Shape, set.Classes()
	t := &Trainer{
		job:  machine.Job{Model: cfg, Settings: s, Train: &set.Train, Test: &set.Test},
		data: identify(set),
	}
	return t.open(on, open)
}

func checkSet(set *dataset.Set) error {
	if set == nil {
		return errors.New("train: there is no data set")
	}
	return set.Check()
}

// Resume returns a Trainer that goes on where a checkpoint was taken, on the same data set. It returns ErrOtherData if the set
// is another, and errors where c is of weights alone, or does not pass its Check.
func Resume(c *checkpoint.Checkpoint, set *dataset.Set, on device.Choice) (*Trainer, error) {
	var s machine.Settings
	if c.Run != nil {
		s = c.Run.Settings
	}
	return ResumeWith(s, c, set, on)
}

// ResumeWith is Resume with settings that are others than the checkpoint's in what may change: the learning rate and β. The
// Trainer's checkpoints record what changed, and at which step, a change of the precision included. Where losses before and after a change mean two things, the
// lowest is looked for anew.
func ResumeWith(s machine.Settings, c *checkpoint.Checkpoint, set *dataset.Set, on device.Choice) (*Trainer, error) {
	return resumeTrainer(s, c, set, on, device.Open)
}

func resumeTrainer(s machine.Settings, c *checkpoint.Checkpoint, set *dataset.Set, on device.Choice, open opener) (*Trainer, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("train: checkpoint: %w", err)
	}
	if c.Run == nil {
		return nil, errors.New("train: the checkpoint is of weights alone, from which no run can be resumed")
	}
	if err := fits(c, set); err != nil {
		return nil, err
	}
	data := c.Run.Data
	data.Source = sourceOf(set) // which may be elsewhere by now
	changes, sameLoss, err := setting.Changes(machine.Fields, s, c.Run.Settings)
	if err != nil {
		return nil, err
	}
	cfg := c.Config.Clone()
	cfg.Classes = set.Classes() // which checkpoints of the first version do not have
	t := &Trainer{
		job:       machine.Job{Model: cfg, Settings: s, Train: &set.Train, Test: &set.Test, State: c.State},
		data:      data,
		changes:   slices.Clone(c.Run.Changes),
		step:      c.State.Step,
		epoch:     c.Run.Epoch,
		partial:   sumsOf(c.Run.Partial, cfg.Terms()),
		bestEpoch: c.Run.BestEpoch,
		bestLoss:  c.Run.BestLoss,
	}
	if was, is := cmp.Or(c.Run.Precision, machine.Float32), cmp.Or(on.Precision, machine.Float32); was != is {
		changes = append(changes, setting.Change{Name: "precision", From: string(was), To: string(is)})
	}
	for _, change := range changes {
		t.changes = append(t.changes, checkpoint.Change{Step: t.step, Change: change})
	}
	if !sameLoss {
		t.bestEpoch, t.bestLoss = 0, 0
	}
	return t.open(on, open)
}

// open opens the machine for the job, of whose state it makes its own copy, and returns t.
func (t *Trainer) open(on device.Choice, open opener) (*Trainer, error) {
	if t.job.Precision = on.Precision; on.Precision == machine.Float32 {
		t.job.Precision = "" // which means the same, and is how checkpoints have it
	}
	var err error
	if t.machine, t.device, err = open(on.Name, t.job); err != nil {
		return nil, err
	}
	t.job.State = machine.State{}
	return t, nil
}

func identify(set *dataset.Set) checkpoint.Data {
	return checkpoint.Data{Name: set.Name, Images: set.Train.Len(), Fingerprint: set.Fingerprint(), Source: sourceOf(set)}
}

// fits reports why the run of a checkpoint cannot be continued on a data set.
func fits(c *checkpoint.Checkpoint, set *dataset.Set) error {
	was, is := c.Run.Data, identify(set)
	if was.Fingerprint != is.Fingerprint || was.Images != is.Images || c.Config.Image != set.Train.Shape {
		if err := sameReading(was.Source, set); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s, and not %s", ErrOtherData, inWords(was), inWords(is))
	}
	step, steps := c.State.Step, uint64(machine.Steps(was.Images, c.Run.Settings.Batch))
	if step/steps != uint64(c.Run.Epoch) || uint64(c.Run.Partial.Images) != step%steps*uint64(c.Run.Settings.Batch) {
		return fmt.Errorf("step %d does not fit %d epochs of %d steps and %d images", step, c.Run.Epoch, steps, c.Run.Partial.Images)
	}
	return nil
}

// Config returns the description of the model.
func (t *Trainer) Config() model.Config { return t.job.Model.Clone() }

// Device returns what the Trainer runs on, in words: cpu, 2 cores.
func (t *Trainer) Device() string { return t.device }

// steps returns how many steps an epoch has.
func (t *Trainer) steps() int { return machine.Steps(t.job.Train.Len(), t.job.Settings.Batch) }

// Progress returns where training stands.
func (t *Trainer) Progress() report.Progress {
	return report.Progress{Epoch: t.epoch + 1, Step: t.step, Images: t.partial.images, Of: t.job.Train.Len(), Terms: t.partial.mean()}
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
	return &checkpoint.Checkpoint{
		Config: t.job.Model.Clone(),
		State:  state,
		Run: &checkpoint.Run{
			Settings: t.job.Settings, Precision: t.job.Precision, Changes: slices.Clone(t.changes), Data: t.data,
			Epoch: t.epoch, Partial: t.partial.stored(t.job.Model.Terms()),
			BestEpoch: t.bestEpoch, BestLoss: t.bestLoss,
		},
	}, nil
}

// Close lets go of the device.
func (t *Trainer) Close() error { return t.machine.Close() }
