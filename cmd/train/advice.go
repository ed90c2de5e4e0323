package main

import (
	"errors"
	"fmt"

	"govae/internal/setting"
	"govae/model/machine"
	"govae/train"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/rundir"
)

// advice says which flags help against the errors of the packages below, which know no flags.
var advice = []struct {
	err  error
	what string
}{
	{dataset.ErrNoData, "name with -data " + dataset.Wanted},
	{train.ErrOtherData, "name the folder of the first with -data"},
	{rundir.ErrHoldsRun, "give -resume to continue it, -force to replace it, or another -out"},
	{rundir.ErrUnderWay, "wait for it, or give another -out"},
	{rundir.ErrNothingToResume, "name a run with -out"},
	{device.ErrUnavailable, "use -device cpu, or auto to take what there is"},
	{device.ErrFailed, "nothing goes on elsewhere by itself; -device cpu does without it"},
	{machine.ErrPrecision, "leave out -precision, or name a device that has it"},
	{machine.ErrNotFinite, "try a smaller -lr, or -beta where that is large; the last checkpoint, if there is one, stays"},
}

// advised returns err with the advice for it.
func advised(err error) error {
	for _, a := range advice {
		if errors.Is(err, a.err) {
			return fmt.Errorf("%w: %s", err, a.what)
		}
	}
	return setting.Flagged(err)
}
