package machine

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"govae/model"
)

// State is all that a Machine has learned: with it, another Machine goes on bit for bit. Sets lists its tensors.
type State struct {
	Step         uint64 // updates made
	Weights      model.Tensors
	FirstMoment  model.Tensors // Adam's mean of the gradients
	SecondMoment model.Tensors // Adam's mean of the squared gradients
}

// Set is a set of a State's tensors, with one for each parameter.
type Set struct {
	Name    string         // in messages
	Prefix  string         // of the parameters' names in a file
	Least   float32        // that a value may be
	Tensors *model.Tensors // in the State
}

// Sets lists the State's sets of tensors. The weights come last, because their prefix fits every name.
func (s *State) Sets() []Set {
	return []Set{
		{"first moments", "adam.m.", -math.MaxFloat32, &s.FirstMoment},
		{"second moments", "adam.v.", 0, &s.SecondMoment}, // Adam takes their square root
		{"weights", "", -math.MaxFloat32, &s.Weights},
	}
}

// Clone returns a copy.
func (s State) Clone() State {
	for _, set := range s.Sets() {
		if *set.Tensors == nil {
			continue
		}
		tensors := make(model.Tensors, len(*set.Tensors))
		for name, t := range *set.Tensors {
			if t != nil { // else it is as good as missing
				tensors[name] = t.Clone().(*tensor.Dense)
			}
		}
		*set.Tensors = tensors
	}
	return s
}

// Start returns the State in which a machine begins the job: a copy of the job's own, or the initial weights that the seed
// fixes. The moments are zero where they are none, and stay none where there is nothing to train on. An error names the set and
// the parameter that do not fit the model.
func (j Job) Start() (State, error) {
	s := j.State
	for _, set := range s.Sets() {
		if *set.Tensors == nil {
			continue
		}
		if err := set.Tensors.Check(j.Model); err != nil {
			return State{}, fmt.Errorf("%s: %w", set.Name, err)
		}
	}
	s = s.Clone()
	if s.Weights == nil {
		s.Weights = model.InitialWeights(j.Model, j.Settings.Seed)
	}
	for _, set := range s.Sets() {
		if *set.Tensors == nil && j.Train != nil {
			*set.Tensors = zeros(s.Weights)
		}
	}
	return s, nil
}

// zeros returns a tensor of zeros for each of like.
func zeros(like model.Tensors) model.Tensors {
	tensors := make(model.Tensors, len(like))
	for name, t := range like {
		tensors[name] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(t.Shape()...))
	}
	return tensors
}
