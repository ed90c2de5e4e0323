package machine

import (
	"fmt"
	"math"
	"slices"

	"govae/internal/setting"
	"govae/model"
)

// Settings fix every number of a run, together with its model and its data. They are stored in its checkpoints.
type Settings struct {
	Seed         uint64  `json:"seed"`          // of the initial weights and of everything that is drawn
	Batch        int     `json:"batch"`         // images per step
	LearningRate float64 `json:"learning_rate"` // Adam's
	Beta         float64 `json:"beta"`          // weight of the KL in the loss
}

// DefaultSettings returns those of PyTorch's VAE example. It is the one place for defaults.
func DefaultSettings() Settings {
	return Settings{Seed: 1, Batch: 128, LearningRate: 1e-3, Beta: 1}
}

// Limits that keep a typing error from asking for more than any machine has.
const (
	maxBatch = 1 << 16
	minRate  = 1e-30 // float32 holds it in full
)

// Fields describes the settings. Those that may change change the numbers of a run from the step on at which it is resumed.
var Fields = []setting.Field[Settings]{
	setting.Uint(setting.Field[Settings]{Name: "seed", Flag: "seed", Arg: "N", Help: "fixes every random number: same seed, same bits on any number of cores of the same kind of processor"},
		func(s *Settings) *uint64 { return &s.Seed }),
	setting.Int(setting.Field[Settings]{Name: "batch", Flag: "batch", Arg: "N", Help: "images per step"},
		func(s *Settings) *int { return &s.Batch }, 1, maxBatch),
	setting.Float(setting.Field[Settings]{Name: "learning_rate", Flag: "lr", Arg: "X", Help: "learning rate of Adam", MayChange: true},
		func(s *Settings) *float64 { return &s.LearningRate }, minRate, math.MaxFloat32),
	setting.Float(setting.Field[Settings]{Name: "beta", Flag: "beta", Arg: "X", Help: "weight of the KL in the loss", MayChange: true, OfLoss: true},
		func(s *Settings) *float64 { return &s.Beta }, 0, math.MaxFloat32),
}

// Validate reports the first setting that no run can have.
func (s Settings) Validate() error {
	if err := setting.Check(Fields, &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// CheckTaken reports the first of the settings of these names that is for graphs alone, and that the training graph of the kind does not
// take: such as beta, where there is no KL to weigh. Before them come the fields of the model, as model.CheckTaken has it. It is a
// *setting.NotTaken.
func CheckTaken(kind model.Kind, names ...string) error {
	if err := model.CheckTaken(kind, names...); err != nil {
		return err
	}
	taken := kind.Settings()
	for _, f := range Fields {
		if _, feeds := DefaultSettings().Scalar(f.Name, 0); feeds && slices.Contains(names, f.Name) && !slices.Contains(taken, f.Name) {
			return &setting.NotTaken{Name: f.Name, Flag: f.Flag, Help: f.Help, By: fmt.Sprintf("a model of kind %s", kind)}
		}
	}
	return nil
}

// Rate returns the learning rate of a step that so many epochs come before.
func (s Settings) Rate(_ float64) float64 { return s.LearningRate }

// Scalar returns what feeds the model.Setting input of that name in a step that so many epochs come before. It is false where
// no setting does.
func (s Settings) Scalar(input string, _ float64) (value float32, ok bool) {
	switch input {
	case "beta":
		return float32(s.Beta), true
	}
	return 0, false
}
