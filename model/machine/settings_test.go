package machine

import (
	"errors"
	"math"
	"testing"

	"govae/internal/setting"
	"govae/model"
)

func TestSettings(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		change func(*Settings)
		want   string // "": valid
	}{
		{func(*Settings) {}, ""},
		{func(s *Settings) { s.Seed = math.MaxUint64 }, ""},
		{func(s *Settings) { s.Batch = 1 << 16 }, ""},
		{func(s *Settings) { s.Batch = 0 }, "settings: batch is 0, want 1 to 65536"},
		{func(s *Settings) { s.Batch = -128 }, "settings: batch is -128, want 1 to 65536"},
		{func(s *Settings) { s.Batch = 1<<16 + 1 }, "settings: batch is 65537, want 1 to 65536"},
		{func(s *Settings) { s.LearningRate = math.MaxFloat32 }, ""},
		{func(s *Settings) { s.LearningRate = 0 }, "settings: learning_rate is 0, want a number from 1e-30 on"},
		{func(s *Settings) { s.LearningRate = 1e-31 }, "settings: learning_rate is 1e-31, want a number from 1e-30 on"},
		{func(s *Settings) { s.LearningRate = -1 }, "settings: learning_rate is -1, want"},
		{func(s *Settings) { s.LearningRate = nan }, "settings: learning_rate is NaN, want"},
		{func(s *Settings) { s.LearningRate = inf }, "settings: learning_rate is +Inf, want"},
		{func(s *Settings) { s.LearningRate = 1e39 }, "settings: learning_rate is 1e+39, want"}, // float32 has no such number
		{func(s *Settings) { s.Beta = 0 }, ""},
		{func(s *Settings) { s.Beta = -0.5 }, "settings: beta is -0.5, want a number from 0 on"},
		{func(s *Settings) { s.Beta = nan }, "settings: beta is NaN, want"},
		{func(s *Settings) { s.Beta = inf }, "settings: beta is +Inf, want"},
	} {
		s := DefaultSettings()
		c.change(&s)
		err := s.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", s, err)
			}
			continue
		}
		mentions(t, err, c.want)
		if invalid := new(setting.Invalid); !errors.As(err, &invalid) {
			t.Errorf("error %v is a %T, which no command can make one about its flag of", err, err)
		}
	}
}

// TestCheckTaken gives settings that a kind takes, that it does not, and that are for no graph.
func TestCheckTaken(t *testing.T) {
	for kind, want := range map[model.Kind]bool{model.VAE: true, model.CVAE: true, model.AE: false} {
		err := CheckTaken(kind, "seed", "batch", "learning_rate", "beta")
		if notTaken := (*setting.NotTaken)(nil); (err == nil) != want || err != nil && (!errors.As(err, &notTaken) || notTaken.Flag != "beta") {
			t.Errorf("%s: error is %v", kind, err)
		}
		if err := CheckTaken(kind, "seed", "batch", "learning_rate"); err != nil {
			t.Errorf("%s: error is %v", kind, err)
		}
	}
}

// TestSettingsAtAStep checks what a step takes of the settings.
func TestSettingsAtAStep(t *testing.T) {
	s := Settings{LearningRate: 0.25, Beta: 0.1}
	for _, epoch := range []float64{0, 0.5, 30} {
		if got := s.Rate(epoch); got != 0.25 {
			t.Errorf("epoch %v: the rate is %v, want 0.25", epoch, got)
		}
		if got, ok := s.Scalar("beta", epoch); got != float32(0.1) || !ok {
			t.Errorf("epoch %v: beta is %v, %v, want 0.1", epoch, got, ok)
		}
		for _, input := range []string{"", "epsilon", "batch", "learning_rate"} {
			if got, ok := s.Scalar(input, epoch); got != 0 || ok {
				t.Errorf("epoch %v: a setting feeds %q, with %v", epoch, input, got)
			}
		}
	}
}
