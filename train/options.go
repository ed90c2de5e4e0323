package train

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"govae/internal/setting"
	"govae/model"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/device"
)

// Options say what Run trains, on what, and where its files go. Start from DefaultOptions.
type Options struct {
	Model    model.Config // its image shape and classes are those of the data set
	Settings machine.Settings

	Data   dataset.Source // with Resume, that of the run's checkpoint, if it has one, but for what Given names
	Out    string         // folder for the run's files; empty: the next free runs/vae, or with Resume the newest run
	Epochs int            // of the whole run, those before a resume included
	Device device.Choice

	Resume bool // continue the run in Out
	Force  bool // replace the run in Out

	// Given names, on a resume, the fields of Model, Settings and Data that are to be as they are here: learning_rate, for one. All
	// others are as the run's checkpoint has them. A field that may not change then has to agree with the checkpoint, and one
	// that may is recorded there with the step from which on it is another. A name that no field has is an error, and so is, also in a new
	// run, a setting that the kind of the model does not take.
	Given []string

	Output  io.Writer // what is printed goes here; nil: nowhere
	Verbose bool      // print more

	open opener // for tests; nil: device.Open
}

// DefaultOptions returns the run of PyTorch's VAE example on MNIST. It is the one place for defaults.
func DefaultOptions() Options {
	return Options{
		Model:    model.DefaultConfig(),
		Settings: machine.DefaultSettings(),
		Data:     dataset.DefaultSource(),
		Epochs:   10,
		Device:   device.Auto,
	}
}

const maxEpochs = 1_000_000

// changeable are the settings with which a run may go on otherwise than before.
var changeable = setting.Choose(machine.Fields, func(f setting.Field[machine.Settings]) bool { return f.MayChange })

// Fields describes what one start of a run has besides its model, its settings and its device.
var Fields = []setting.Field[Options]{
	setting.Path(setting.Field[Options]{Name: "out", Flag: "out", Arg: "DIR", Help: "folder for the run's files (default: runs/vae, or the next free one of " +
		"runs/vae-2, runs/vae-3, …; with -resume the newest run in runs)"},
		func(o *Options) *string { return &o.Out }),
	setting.Int(setting.Field[Options]{Name: "epochs", Flag: "epochs", Arg: "N", Help: "epochs of the whole run, those before a resume included"},
		func(o *Options) *int { return &o.Epochs }, 1, maxEpochs),
	setting.Switch(setting.Field[Options]{Name: "resume", Flag: "resume", Help: "continue the run in -out, bit for bit as if it had never stopped. Its model and its settings come from " +
		"its checkpoint; " + strings.Join(setting.Flags(changeable), ", ") + " may be given to go on with another from there, which the checkpoint then records"},
		func(o *Options) *bool { return &o.Resume }),
	setting.Switch(setting.Field[Options]{Name: "force", Flag: "force", Help: "replace the run in -out. Files that no run writes stay"},
		func(o *Options) *bool { return &o.Force }),
	setting.Switch(setting.Field[Options]{Name: "verbose", Flag: "v", Help: "print more: a line about every 100 steps, and where the data came from"},
		func(o *Options) *bool { return &o.Verbose }),
}

// Validate reports the first option that no run can be made from, by its field and its value.
func (o Options) Validate() error {
	if err := o.Model.ValidateFields(); err != nil { // the rest the data set decides
		return err
	}
	if err := o.Settings.Validate(); err != nil {
		return err
	}
	if err := cmp.Or(setting.Check(Fields, &o), setting.Check(device.Fields, &o.Device)); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := o.Data.Validate(); err != nil {
		return err
	}
	if !o.Resume { // else the kind is that of the run
		if err := machine.CheckTaken(o.Model.Kind, o.Given...); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if unknown := setting.Unknown(model.Fields, setting.Unknown(machine.Fields, setting.Unknown(dataset.Fields, o.Given))); len(unknown) > 0 {
		return fmt.Errorf("train: given has %q, which no field of model, settings or data is named", unknown[0])
	}
	if o.Resume && o.Force {
		return errors.New("train: resume continues a run and force replaces it: want one of them")
	}
	if o.Force && o.Out == "" {
		return errors.New("train: force needs out, the folder of the run to replace")
	}
	return nil
}
