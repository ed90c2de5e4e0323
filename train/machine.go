package train

import (
	"errors"
	"math"

	"govae/model"
)

// ErrNotFinite says that a loss is infinite or not a number.
var ErrNotFinite = errors.New("the loss is not finite")

// Batch is what one step is fed.
type Batch struct {
	X       []float32 // [n, pixels], in [0, 1]
	Epsilon []float32 // [n, latent], from N(0, I)
	Beta    float32   // weight of the KL
}

// Terms are the loss and its two parts, in nats per image, mean over a batch or a data set.
type Terms struct {
	Loss           float64 // Reconstruction + β·KL: the negative ELBO where β is 1
	Reconstruction float64 // −log p(x|z)
	KL             float64 // KL(q(z|x) ‖ N(0, I))
}

// finite says whether the loss is a number. It is then the sum of two numbers.
func (t Terms) finite() bool { return !math.IsNaN(t.Loss) && !math.IsInf(t.Loss, 0) }

// State is all that a Machine learns: with it, another Machine continues bit for bit.
type State struct {
	Weights      model.Tensors
	FirstMoment  model.Tensors // Adam's mean of the gradients, by parameter name
	SecondMoment model.Tensors // Adam's mean of the squared gradients
	Step         uint64        // updates made
}

// Machine executes a network. It is what a run needs of a device: one is Gorgonia's tape machine on the CPU.
// It is not safe for concurrent use. The number of images may differ from batch to batch.
type Machine interface {
	// Step runs forward and backward and updates the weights once. The terms are those before the update.
	// Where they are not finite, it leaves the weights as they were and returns ErrNotFinite.
	//
	// The batch is read during the call alone, and not changed: afterwards the caller may fill its slices anew. The machine may
	// keep them, and so their memory, until a later batch of as many images takes their place. The same holds for Evaluate.
	Step(Batch) (Terms, error)

	// Evaluate runs forward alone. Its terms may be not finite, without an error.
	Evaluate(Batch) (Terms, error)

	// State returns a copy of the state.
	State() (State, error)

	// SetState makes a copy of s the state. An error names the tensor that does not fit.
	SetState(s State) error

	Close() error
}
