package train

import (
	"math"
	"strings"
	"testing"
)

func TestDefaultOptionsAreValid(t *testing.T) {
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	if o.Epochs != 10 || o.Settings.Batch != 128 || o.Settings.LearningRate != 1e-3 || o.Settings.Beta != 1 || o.Settings.Seed != 1 {
		t.Errorf("defaults are %+v", o)
	}
}

func TestValidateNamesFieldAndValue(t *testing.T) {
	for _, test := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { o.Epochs = 0 }, "epochs is 0, want 1 to"},
		{func(o *Options) { o.Settings.Batch = -3 }, "batch is -3"},
		{func(o *Options) { o.Settings.Batch = 1 << 20 }, "batch is 1048576"},
		{func(o *Options) { o.Settings.LearningRate = 0 }, "learning_rate is 0"},
		{func(o *Options) { o.Settings.LearningRate = 1e-50 }, "learning_rate is 1e-50"},
		{func(o *Options) { o.Settings.LearningRate = math.NaN() }, "learning_rate is NaN"},
		{func(o *Options) { o.Settings.LearningRate = math.Inf(1) }, "learning_rate is +Inf"},
		{func(o *Options) { o.Settings.Beta = -1 }, "beta is -1"},
		{func(o *Options) { o.Settings.Beta = math.NaN() }, "beta is NaN"},
		{func(o *Options) { o.Device.Name = "gpu" }, `device is "gpu"`},
		{func(o *Options) { o.Device.Name = "cuda:-1" }, `device is "cuda:-1", want auto, cpu, cuda, or cuda:N for card N, from 0 on`},
		{func(o *Options) { o.Device.Precision = "fp16" }, `precision is "fp16", want float32, tf32`},
		{func(o *Options) { o.Resume, o.Force = true, true }, "resume continues a run and force replaces it"},
		{func(o *Options) { o.Force = true }, "force needs out"},
		{func(o *Options) { o.Given = []string{"beta", "hidden", "lr"} }, `given has "lr", which no field`},
		{func(o *Options) { o.Model.Latent = 0 }, "latent is 0"},
		{func(o *Options) { o.Model.Hidden = []int{400, -1} }, "hidden is 400,-1"},
	} {
		o := DefaultOptions()
		test.set(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want %q", err, test.want)
		}
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Run: error is %v, want %q", err, test.want)
		}
	}
}
