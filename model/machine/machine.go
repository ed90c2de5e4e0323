// Package machine runs a model's graphs. A Machine is a device with what a model has learned on it; this package holds the CPU's.
//
// cpu.go compiles and runs graphs on Gorgonia's tape machine, feed.go makes what a step is fed, adam.go updates the weights,
// precision.go tells in what precision a machine may multiply, and turns.go lets several goroutines share one.
package machine

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"govae/internal/setting"
	"govae/model"
)

// ErrNotFinite says that a loss, or what an update of the weights has made, is infinite or not a number.
var ErrNotFinite = errors.New("the loss is not finite")

// Machine executes the graphs of one model on a device, and keeps its state there. What a machine is not said to do, it does
// not: it neither reads files nor prints. It is not safe for concurrent use, but InTurns makes it so.
type Machine interface {
	// Train makes one step after the other: forward, backward and update, over the training images at indices, Settings.Batch
	// of them a step and in the last what is left. How the steps of a run are divided between calls does not change a bit of
	// it. It returns the terms of each step, means over its batch from before its update, in the order of the model's
	// Config.Terms.
	//
	// A step whose loss, or whose update, is not finite is the last: its terms are returned with ErrNotFinite. If it is the
	// loss, the state stays as it was before the step; if it is the update, which is found at the end of the call at the
	// latest, the state is lost, and every later call returns that error. An index that no image has is an error before the
	// first step.
	Train(indices []int) ([]Terms, error)

	// Evaluate returns the terms over the test images at indices, means over one batch of Settings.Batch images after the other.
	// What is drawn for an image depends on its index alone. Terms may be not finite, without an error.
	Evaluate(indices []int) ([]Terms, error)

	// Forward runs a part of the model other than model.Train for any number of images, and returns its outputs. For each input
	// of the part, whatever its source, it is given the rows, [n, width] each, in the order of the part's Inputs; an error says
	// which do not fit. The outputs are [n, …] each. What becomes of an image has the same bits alone and among others.
	Forward(part model.Part, rows ...[]float32) ([][]float32, error)

	// State returns a copy of the state.
	State() (State, error)

	// Close frees what the machine holds on its device.
	Close() error
}

// Job is what a machine is opened for. What it refers to is not changed while the machine is open.
type Job struct {
	Model    model.Config
	Settings Settings
	Train    *model.Images // what Train takes; nil: it is not called
	Test     *model.Images // what Evaluate takes; nil: it is not called
	State    State         // where the machine starts, of which it makes a copy; tensors that are nil are the first step's

	Precision Precision // "": Float32. A machine that lacks it is not opened, and the error is ErrPrecision
}

// Validate reports the first thing that keeps a machine from the job. Whether the State fits, a machine finds when it copies it.
func (j Job) Validate() error {
	if err := j.Model.Validate(); err != nil {
		return err
	}
	if err := j.Settings.Validate(); err != nil {
		return err
	}
	changed := setting.Texts(Fields, j.Settings, DefaultSettings())
	if err := CheckTaken(j.Model.Kind, slices.Collect(maps.Keys(changed))...); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if err := j.Precision.Check(); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	inputs, err := j.Model.Inputs(model.Train)
	if err != nil {
		return err
	}
	for _, test := range []bool{false, true} {
		images, name := j.images(test)
		if images == nil {
			continue
		}
		if err := fits(images, j.Model, inputs); err != nil {
			return fmt.Errorf("machine: %s images: %w", name, err)
		}
	}
	return nil
}

// images returns the images of training or of a test, and what they are called.
func (j Job) images(test bool) (*model.Images, string) {
	if test {
		return j.Test, "test"
	}
	return j.Train, "training"
}

// fits reports the first thing about images for which a model, whose training graph has these inputs, cannot take them.
func fits(images *model.Images, c model.Config, inputs []model.Input) error {
	if err := images.Check(); err != nil {
		return err
	}
	if images.Shape != c.Image {
		return fmt.Errorf("they are %v, and the model takes %v", images.Shape, c.Image)
	}
	takesLabels := func(in model.Input) bool { return in.Source == model.Labels }
	if len(images.Labels) == 0 && slices.ContainsFunc(inputs, takesLabels) {
		return errors.New("they have no labels, and the model takes them")
	}
	for i, label := range images.Labels {
		if c.Classes > 0 && int(label) >= c.Classes {
			return fmt.Errorf("the label of image %d is %d, and the model knows %d classes", i, label, c.Classes)
		}
	}
	return nil
}

// At returns the images of training or of a test, which have one at each of the indices.
func (j Job) At(indices []int, test bool) (*model.Images, error) {
	images, name := j.images(test)
	if images == nil {
		return nil, fmt.Errorf("machine: it was opened without %s images", name)
	}
	for i, index := range indices {
		if index < 0 || index >= images.Len() {
			return nil, fmt.Errorf("machine: index %d of the %s images is %d, want 0 to %d", i, name, index, images.Len()-1)
		}
	}
	return images, nil
}

// Feeds reports why nothing feeds an input of the training graph.
func (j Job) Feeds(in model.Input) error {
	if in.Source == model.Given {
		return fmt.Errorf("machine: input %s: nothing feeds it in training", in.Name())
	}
	if _, ok := j.Scalar(in.Name(), 0, false); in.Source == model.Setting && !ok {
		return fmt.Errorf("machine: input %s: no setting feeds it", in.Name())
	}
	return nil
}

// Epoch returns how far a run is after so many steps, in epochs.
func (j Job) Epoch(step uint64) float64 {
	if j.Train == nil {
		return 0
	}
	return float64(step) / float64(Steps(j.Train.Len(), j.Settings.Batch))
}

// Scalar returns what feeds the model.Setting input of that name after so many steps, as Settings.Scalar has it. In an
// evaluation it is what the setting comes to at last, so that test losses can be compared.
func (j Job) Scalar(input string, step uint64, test bool) (value float32, ok bool) {
	epoch := j.Epoch(step)
	if test {
		epoch = math.Inf(1)
	}
	return j.Settings.Scalar(input, epoch)
}

// Steps returns how many steps take so many images once. The last takes what is left over from whole batches.
func Steps(images, batch int) int { return (images + batch - 1) / batch }

// Terms are the values of a model's terms, in nats per image and in the order of its Config.Terms: the loss first.
type Terms []float64

// Finite says whether the loss is a number. It is then the sum of numbers.
func (t Terms) Finite() bool { return !math.IsNaN(t[0]) && !math.IsInf(t[0], 0) }
