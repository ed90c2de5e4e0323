// Package checkpoint writes and reads what a run has learned, as a safetensors file.
package checkpoint

import "govae/model"

// Version is the format version that this package writes, and the only one it reads.
const Version = 1

// Checkpoint is a moment of a run: the model and all that is needed to continue.
type Checkpoint struct {
	Config model.Config

	Weights      model.Tensors
	FirstMoment  model.Tensors // Adam's, by parameter name
	SecondMoment model.Tensors

	Run Run
}

// Run is where in its run a checkpoint was taken.
type Run struct {
	Step         uint64  `json:"step"`  // updates made
	Epoch        int     `json:"epoch"` // epochs completed
	Batch        int     `json:"batch"`
	LearningRate float64 `json:"learning_rate"`
	Beta         float64 `json:"beta"`

	Data Data `json:"data"`

	// Partial is what the unfinished epoch has summed up so far; all zero between epochs.
	Partial Sums `json:"partial"`

	BestEpoch int     `json:"best_epoch"` // 0: none yet
	BestLoss  float64 `json:"best_loss"`  // test loss after BestEpoch
}

// Data identifies the data set that a run is trained on.
type Data struct {
	Name        string `json:"name"`
	Images      int    `json:"images"`      // in the training split
	Fingerprint string `json:"fingerprint"` // of the training images
}

// Sums are sums over the images of an epoch seen so far.
type Sums struct {
	Images         int     `json:"images"`
	Reconstruction float64 `json:"reconstruction"`
	KL             float64 `json:"kl"`
	Seconds        float64 `json:"seconds"`
}

// Save writes c to path: to a temporary file beside it first, so that path holds either what it held before or all of c.
func Save(path string, c *Checkpoint) error { panic("being written") }

// Load reads the checkpoint at path, and trusts nothing in it.
func Load(path string) (*Checkpoint, error) { panic("being written") }
