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
	if o.Epochs != 10 || o.Batch != 128 || o.LearningRate != 1e-3 || o.Beta != 1 || o.Model.Seed != 1 {
		t.Errorf("defaults are %+v", o)
	}
}

func TestValidateNamesFlagAndValue(t *testing.T) {
	for _, test := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { o.Epochs = 0 }, "-epochs is 0"},
		{func(o *Options) { o.Batch = -3 }, "-batch is -3"},
		{func(o *Options) { o.Batch = 1 << 20 }, "-batch is 1048576"},
		{func(o *Options) { o.LearningRate = 0 }, "-lr is 0"},
		{func(o *Options) { o.LearningRate = 1e-50 }, "-lr is 1e-50"},
		{func(o *Options) { o.Graph, o.Resume = "model.dot", true }, "-graph"},
		{func(o *Options) { o.LearningRate = math.NaN() }, "-lr is NaN"},
		{func(o *Options) { o.LearningRate = math.Inf(1) }, "-lr is +Inf"},
		{func(o *Options) { o.Beta = -1 }, "-beta is -1"},
		{func(o *Options) { o.Beta = math.NaN() }, "-beta is NaN"},
		{func(o *Options) { o.Device = "gpu" }, `-device is "gpu"`},
		{func(o *Options) { o.Graph = "model.png" }, `-graph is "model.png"`},
		{func(o *Options) { o.Resume, o.Force = true, true }, "-resume continues a run and -force replaces it"},
		{func(o *Options) { o.Force = true }, "-force needs -out"},
		{func(o *Options) { o.Model.Latent = 0 }, "latent is 0"},
		{func(o *Options) { o.Model.Hidden = []int{400, -1} }, "hidden[1] is -1"},
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

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{
		"runs/vae-2":  "runs/vae-2",
		"my runs":     "'my runs'",
		"it's":        `'it'\''s'`,
		"$HOME":       "'$HOME'",
		`C:\runs\vae`: `'C:\runs\vae'`,
	} {
		if got := quoted(word); got != want {
			t.Errorf("quoted(%q) is %s, want %s", word, got, want)
		}
	}
}
