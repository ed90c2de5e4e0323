package main

import (
	"errors"
	"fmt"

	"govae/cmd/internal/trained"
	"govae/internal/setting"
	"govae/model/machine"
	"govae/train"
	"govae/train/device"
	"govae/train/rundir"
)

// advice says which flags help against the errors of the packages below, which know no flags, as far as they are those of training.
var advice = []struct {
	err  error
	what string
}{
	{train.ErrImagesElsewhere, "say with -data where they are now"}, // before what is wrong with that place
	{train.ErrOtherData, "name the folder of the first with -data"},
	{rundir.ErrHoldsRun, "give -resume to continue it, -force to replace it, or another -out"},
	{rundir.ErrHoldsFiles, "give -force to replace them, or another -out"},
	{rundir.ErrUnderWay, "wait for it, or give another -out"},
	{rundir.ErrNothingToResume, "name a run with -out"},
	{device.ErrFailed, "nothing goes on elsewhere by itself; -device cpu does without it"},
}

// largestBeta is the β above which a loss that is not finite is laid to β. What people weigh the KL with is below it.
const largestBeta = 100

// calmer returns the flags with which a run whose loss was not finite may go well: a learning rate of a tenth, or the default where that is
// less, or the default β.
func calmer(s machine.Settings) string {
	usual := machine.DefaultSettings()
	rate := fmt.Sprintf("-lr %.2g", max(1e-30, min(s.LearningRate/10, usual.LearningRate)))
	if s.Beta <= largestBeta {
		return rate
	}
	beta := fmt.Sprintf("-beta %v", usual.Beta)
	if s.LearningRate <= usual.LearningRate {
		return beta
	}
	return beta + " " + rate
}

// waysOn returns, for an error that ended a run, the command lines that go on with it from its last checkpoint, each after what it is.
func (c *command) waysOn(err error) (lines []string) {
	var failed *train.Failed
	if !errors.As(err, &failed) {
		return nil
	}
	notFinite := errors.Is(err, machine.ErrNotFinite)
	switch {
	case notFinite && failed.Out == "":
		return []string{"there is no checkpoint to go on from: start again with " + calmer(failed.Settings)}
	case notFinite:
		return []string{"to go on from the last checkpoint, which is finite: " + c.resumeCommand(failed.Out) + " " + calmer(failed.Settings)}
	case failed.Out == "":
		return nil
	}
	onCPU := *c
	onCPU.Device = device.CPU
	return []string{
		"to go on from the last checkpoint: " + c.resumeCommand(failed.Out),
		"or, on the CPU: " + onCPU.resumeCommand(failed.Out),
	}
}

// advised returns err with the advice for it.
func advised(err error) error {
	for _, a := range advice {
		if errors.Is(err, a.err) {
			return fmt.Errorf("%w: %s", err, a.what)
		}
	}
	if errors.As(err, new(*setting.Changed)) {
		return setting.Flagged(err)
	}
	return trained.AdvisedOn(trained.Advised(err), "data") // what is invalid now is so in a file, and no flag's value: those are checked before
}
