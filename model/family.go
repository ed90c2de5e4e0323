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
	check func(Config) error // of what the kind asks of a Config whose fields are valid each by itself; nil: nothing
}

// families lists the kinds that a Config may name, each in a file of its own.
var families = map[Kind]family{
	VAE: vae,
}

// Kinds lists them.
func Kinds() []Kind { return slices.Sorted(maps.Keys(families)) }
