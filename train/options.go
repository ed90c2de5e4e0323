package train

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"

	"govae/model"
	"govae/train/checkpoint"
)

// Options say what to train, on what, and where its files go. Start from DefaultOptions.
type Options struct {
	Data string // folder with four gzipped IDX files; empty: the MNIST that the GoMNIST module carries
	Out  string // folder for the run's files; empty: the next free runs/vae, or with Resume the newest run

	Model        model.Config // its image shape is that of the data set
	Epochs       int          // of the whole run, those before a resume included
	Batch        int          // images per step
	LearningRate float64      // Adam's
	Beta         float64      // weight of the KL in the loss
	Device       Device

	Resume  bool   // continue the run in Out
	Force   bool   // replace the run in Out
	Graph   string // write the expression graph to this .dot or .svg file instead of training
	Verbose bool

	// Given holds the names of the flags that were given. On a resume, what fixes the numbers of a run comes from
	// its checkpoint, and a flag that was given must agree with it.
	Given map[string]bool

	Output  io.Writer // what is printed goes here; nil: nowhere
	Program string    // how the program was started, for the commands that messages propose

	newMachine func(cfg model.Config, learningRate float64) (Machine, error) // for tests; nil: the device's machine
}

// DefaultOptions returns the run of PyTorch's VAE example on MNIST. It is the one place for defaults.
func DefaultOptions() Options {
	return Options{
		Model:        model.DefaultConfig(),
		Epochs:       10,
		Batch:        128,
		LearningRate: 1e-3,
		Beta:         1,
		Device:       Auto,
		Output:       os.Stdout,
		Program:      "go run ./cmd/train",
	}
}

// Limits that keep a typing error from asking for more than any machine has.
const (
	maxEpochs = 1_000_000
	maxBatch  = 1 << 16
	minRate   = 1e-30 // float32 holds it in full
)

// Validate reports the first option that no run can be made from, by its flag and its value.
func (o Options) Validate() error {
	if err := o.Model.Validate(); err != nil {
		return err
	}
	switch {
	case o.Epochs < 1 || o.Epochs > maxEpochs:
		return fmt.Errorf("-epochs is %d, want 1 to %d", o.Epochs, maxEpochs)
	case o.Batch < 1 || o.Batch > maxBatch:
		return fmt.Errorf("-batch is %d, want 1 to %d", o.Batch, maxBatch)
	case !(o.LearningRate >= minRate && o.LearningRate <= math.MaxFloat32): // written so that NaN is refused too
		return fmt.Errorf("-lr is %v, want a number from %v on", o.LearningRate, minRate)
	case !(o.Beta >= 0 && o.Beta <= math.MaxFloat32):
		return fmt.Errorf("-beta is %v, want 0 or a number above it", o.Beta)
	case o.Device != Auto && o.Device != CPU && o.Device != CUDA:
		return fmt.Errorf("-device is %q, want %s, %s or %s", o.Device, Auto, CPU, CUDA)
	case o.Resume && o.Force:
		return fmt.Errorf("-resume continues a run and -force replaces it: give one of them")
	case o.Force && o.Out == "":
		return fmt.Errorf("-force needs -out, the folder of the run to replace")
	case o.Graph != "" && (o.Resume || o.Force):
		return fmt.Errorf("-graph draws the model of the flags and trains nothing: leave out -resume and -force")
	case o.Graph != "" && filepath.Ext(o.Graph) != ".dot" && filepath.Ext(o.Graph) != ".svg":
		return fmt.Errorf("-graph is %q, want a name that ends in .dot or .svg", o.Graph)
	}
	return nil
}

// continuing returns o with all that fixes the numbers of a run as the checkpoint has it.
// A flag that was given with another value is an error.
func (o Options) continuing(c *checkpoint.Checkpoint) (Options, error) {
	for _, f := range []struct {
		flag          string
		given, stored any
	}{
		{"hidden", o.Model.Hidden, c.Config.Hidden},
		{"latent", o.Model.Latent, c.Config.Latent},
		{"activation", o.Model.Activation, c.Config.Activation},
		{"seed", o.Model.Seed, c.Config.Seed},
		{"batch", o.Batch, c.Run.Batch},
		{"lr", o.LearningRate, c.Run.LearningRate},
		{"beta", o.Beta, c.Run.Beta},
	} {
		if o.Given[f.flag] && !reflect.DeepEqual(f.given, f.stored) {
			return o, fmt.Errorf("-%s is %v, but the run to resume was started with %v: leave the flag out, or start another run with another -out", f.flag, f.given, f.stored)
		}
	}
	o.Model = c.Config
	o.Batch = c.Run.Batch
	o.LearningRate = c.Run.LearningRate
	o.Beta = c.Run.Beta
	return o, o.Validate()
}
