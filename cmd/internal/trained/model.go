package trained

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"govae/internal/words"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
	"govae/train/generate"
	"govae/train/rundir"
)

// Model is the model that flags name, in use.
type Model struct {
	*generate.Generator
	Path string          // of the checkpoint
	Run  *checkpoint.Run // in which it was trained; nil: the checkpoint does not know

	weights *checkpoint.Checkpoint // alone
	flags   *Flags
	stdout  io.Writer // for what is to be known
	stderr  io.Writer // for a progress bar
}

// Open opens the model. It prints on stdout what is to be known of it, and later of its images.
func (f *Flags) Open(stdout, stderr io.Writer) (*Model, error) {
	path, c, err := f.load(stdout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: train a model with go run ./cmd/train, or name a checkpoint with -checkpoint FILE", err)
	}
	if err != nil {
		return nil, err
	}
	g, err := generate.New(c, f.Device)
	if err != nil {
		return nil, err
	}
	return &Model{Generator: g, Path: path, Run: c.Run, weights: c.Weights(), flags: f, stdout: stdout, stderr: stderr}, nil
}

// Fingerprint returns a hash of the model and its weights: 64 hex digits, the SHA-256 of a checkpoint that holds nothing else.
func (m *Model) Fingerprint() (string, error) {
	hash := sha256.New()
	if err := checkpoint.Write(hash, m.weights); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// load reads the checkpoint that the flags name, or else that of the newest run, and returns its path as well.
func (f *Flags) load(stdout io.Writer) (path string, c *checkpoint.Checkpoint, err error) {
	if path = f.Checkpoint; path == "" {
		if path, err = rundir.NewestCheckpoint(); err != nil {
			return "", nil, err
		}
	}
	c, err = checkpoint.Load(path)
	if errors.Is(err, checkpoint.ErrForeign) {
		c, err = f.loadForeign(path, stdout)
	} else if err == nil && len(f.likeGiven) > 0 {
		err = Usagef("%s is for weights that another program has written, and %s says itself what model it holds: leave it out", strings.Join(f.likeGiven, " "), words.Printable(path))
	}
	return path, c, err
}

// loadForeign reads weights that another program has written, and says what it takes them for.
func (f *Flags) loadForeign(path string, stdout io.Writer) (*checkpoint.Checkpoint, error) {
	flags := strings.Join(likeFlags(), ", ")
	c, err := checkpoint.LoadWeights(path, f.like)
	if err != nil {
		return nil, fmt.Errorf("%w (of another program's weights, %s say what their shapes do not)", err, flags)
	}
	if got := c.Config.Image; slices.Contains(f.likeGiven, "-image") && got != f.like.Image {
		return nil, Usagef("-image is %v, and %s is of images of %s", f.like.Image, words.Printable(path), words.Counted(got.Pixels(), "value"))
	}
	fmt.Fprintf(stdout, "%s does not say what model it holds. Taken for %s, of images of %v; %s say otherwise.\n", words.Printable(path), c.Config, c.Config.Image, flags)
	return c, nil
}

// Advised returns err with the flags that help against it, where these are the model's and the device's.
func Advised(err error) error {
	switch {
	case errors.Is(err, device.ErrUnavailable):
		return fmt.Errorf("%w: use -device cpu, or auto to take what there is", err)
	case errors.Is(err, device.ErrFailed):
		return fmt.Errorf("%w: -device cpu does without it", err)
	case errors.Is(err, machine.ErrPrecision):
		return fmt.Errorf("%w: leave out -precision, or name a device that has it", err)
	}
	return err
}
