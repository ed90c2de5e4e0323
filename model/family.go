package model

import (
	"maps"
	"slices"
)

// Kind names a family of models.
type Kind string

// family is one kind of model: a recipe for each of its graphs, over the same parameters, which are those that the training graph
// asks for. What a kind has no recipe for, it cannot do.
type family struct {
	parts map[Part]func(*builder)
	prior bool               // whether latents have a distribution, N(0, I), to draw them from where there is no image
	check func(Config) error // of what the kind asks of a Config whose fields are valid each by itself; nil: nothing
}

// families lists the kinds that a Config may name, each in a file of its own.
var families = map[Kind]family{
	AE:         autoencoder,
	Classifier: classifier,
	CVAE:       conditional,
	VAE:        vae,
}

// Kinds lists them.
func Kinds() []Kind { return slices.Sorted(maps.Keys(families)) }

// HasPrior says whether models of the kind have a prior, N(0, I), from which latents are drawn.
func (k Kind) HasPrior() bool { return families[k].prior }

// Can says whether models of the kind have that part.
func (k Kind) Can(part Part) bool { return families[k].parts[part] != nil }

// TakesLabels says whether models of the kind are told the class of each image: all that they do takes it, or their training alone.
func (k Kind) TakesLabels() bool {
	return slices.ContainsFunc(k.example(Train).Inputs, func(in Input) bool { return in.Source == Labels })
}

// Settings lists, by their names, the settings of a run that the training graph of the kind takes: beta, for one.
func (k Kind) Settings() (names []string) {
	for _, in := range k.example(Train).Inputs {
		if in.Source == Setting {
			names = append(names, in.Name())
		}
	}
	return names
}

// example returns a part of a model of the kind, for what is the same in all of them. It is empty where the kind has no such part.
func (k Kind) example(part Part) *builder {
	cfg := DefaultConfig()
	cfg.Kind, cfg.Classes = k, 1
	b, err := build(cfg, part, 1, nil)
	if err != nil {
		return new(builder)
	}
	return b
}
