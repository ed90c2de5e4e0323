// Package checkpoint writes and reads what a run has learned, as a safetensors file.
//
// The weights are stored under PyTorch's names for them, in PyTorch's layout, and Adam's moments of each under
// the same name after adam.m. (the mean of the gradients) and adam.v. (the mean of the squared gradients).
// The metadata holds format (govae), version, and as JSON the model's config and the run.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"govae/internal/atomicfile"
	"govae/model"
)

// Version is the format version that this package writes, and the only one it reads. A field more in Config or Run is a new
// version, whose reader fills the field in for files of the versions before.
const Version = 1

const (
	formatName         = "govae"
	firstMomentPrefix  = "adam.m."
	secondMomentPrefix = "adam.v."
)

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
	Fingerprint string `json:"fingerprint"` // of all images and labels
}

// Sums are sums over the images of an epoch seen so far.
type Sums struct {
	Images         int     `json:"images"`
	Reconstruction float64 `json:"reconstruction"`
	KL             float64 `json:"kl"`
	Seconds        float64 `json:"seconds"`
}

// Save writes c to path: to a temporary file beside it first, so that path holds either what it held before or all of c.
// A checkpoint that Load would refuse is not written; the error says why. The same c always gives the same bytes.
func Save(path string, c *Checkpoint) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	metadata, err := c.metadata()
	if err != nil {
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	tensors := make(model.Tensors)
	for _, p := range c.parts() {
		for name, t := range *p.tensors {
			tensors[p.prefix+name] = t
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return encode(w, metadata, tensors) })
}

// Load reads the checkpoint at path, and trusts nothing in it: what it returns is complete, fits its Config and
// is finite everywhere. Every error names the file and what is wrong with it.
func Load(path string) (*Checkpoint, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no checkpoint at %s: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("checkpoint %s is a folder, want a .safetensors file", path)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		return nil, fmt.Errorf("checkpoint %s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil { // a run may have put a new file there meanwhile
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	c, err := read(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return c, nil
}

// read is Load for a file that is open. It compares the shapes with the Config before it allocates anything of their size,
// because a file may claim to be far larger than what it takes on the disk.
func read(r io.Reader, size int64) (*Checkpoint, error) {
	l, err := readLayout(r, size)
	if err != nil {
		return nil, err
	}
	c, err := fromMetadata(l.metadata)
	if err != nil {
		return nil, err
	}
	if err := c.Config.Validate(); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	shapes := make(map[string]tensor.Shape, len(l.infos))
	for name, info := range l.infos {
		shapes[name] = info.Shape
	}
	parts := c.parts()
	for i, shapes := range byPart(parts, shapes) {
		if err := c.Config.CheckShapes(shapes); err != nil {
			return nil, fmt.Errorf("%s: %w", parts[i].what, err)
		}
	}
	tensors, err := l.readTensors(r)
	if err != nil {
		return nil, err
	}
	for i, tensors := range byPart(parts, tensors) {
		*parts[i].tensors = tensors
	}
	return c, c.check()
}

// part is one of the three sets of tensors that a checkpoint holds.
type part struct {
	what, prefix string
	tensors      *model.Tensors
	least        float32 // value
}

// parts lists them. The weights come last, because their prefix fits every name.
func (c *Checkpoint) parts() []part {
	return []part{
		{"first moments (" + firstMomentPrefix + ")", firstMomentPrefix, &c.FirstMoment, -math.MaxFloat32},
		{"second moments (" + secondMomentPrefix + ")", secondMomentPrefix, &c.SecondMoment, 0}, // Adam takes their square root
		{"weights", "", &c.Weights, -math.MaxFloat32},
	}
}

// byPart splits a map by tensor name into one for each part, by parameter name.
func byPart[T any](parts []part, all map[string]T) []map[string]T {
	split := make([]map[string]T, len(parts))
	for i := range split {
		split[i] = make(map[string]T)
	}
	for name, value := range all {
		for i, p := range parts {
			if parameter, ok := strings.CutPrefix(name, p.prefix); ok {
				split[i][parameter] = value
				break
			}
		}
	}
	return split
}

// metadata returns what a checkpoint holds besides tensors.
func (c *Checkpoint) metadata() (map[string]string, error) {
	config, err := json.Marshal(c.Config)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	run, err := json.Marshal(c.Run)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return map[string]string{
		"format":  formatName,
		"version": strconv.Itoa(Version),
		"config":  string(config),
		"run":     string(run),
	}, nil
}

// fromMetadata returns a checkpoint that has no tensors yet.
func fromMetadata(metadata map[string]string) (*Checkpoint, error) {
	if got := metadata["format"]; got != formatName {
		return nil, fmt.Errorf("metadata: format is %q, want %s: another program's file", got, formatName)
	}
	if got := metadata["version"]; got != strconv.Itoa(Version) {
		return nil, fmt.Errorf("metadata: version is %q, but this program reads version %d only", got, Version)
	}
	c := new(Checkpoint)
	if err := unmarshalStrict([]byte(metadata["config"]), &c.Config); err != nil {
		return nil, fmt.Errorf("metadata: config: %w", err)
	}
	if err := unmarshalStrict([]byte(metadata["run"]), &c.Run); err != nil {
		return nil, fmt.Errorf("metadata: run: %w", err)
	}
	return c, nil
}

// check reports the first thing that keeps a run from continuing, or pictures from being made, from c.
func (c *Checkpoint) check() error {
	if err := c.Config.Validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := c.Run.check(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	for _, p := range c.parts() {
		if err := checkValues(p.prefix, *p.tensors, p.least); err != nil {
			return err
		}
		if err := p.tensors.Check(c.Config); err != nil {
			return fmt.Errorf("%s: %w", p.what, err)
		}
	}
	return nil
}

// checkValues makes sure that each value of the tensors stored under prefix is finite and not below least.
func checkValues(prefix string, tensors model.Tensors, least float32) error {
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		values, err := rowMajor(tensors[name])
		if err != nil {
			return fmt.Errorf("tensor %s%s: %w", prefix, name, err)
		}
		for i, v := range values {
			if !(v >= least && v <= math.MaxFloat32) { // so that NaN is caught as well
				return fmt.Errorf("tensor %s%s: value %d is %v", prefix, name, i, v)
			}
		}
	}
	return nil
}

// check reports the first field whose value no run can have.
func (r Run) check() error {
	for _, field := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"epoch", r.Epoch, 0, math.MaxInt},
		{"batch", r.Batch, 1, math.MaxInt},
		{"data.images", r.Data.Images, 1, math.MaxInt},
		{"partial.images", r.Partial.Images, 0, r.Data.Images},
		{"best_epoch", r.BestEpoch, 0, r.Epoch},
	} {
		if field.value < field.least {
			return fmt.Errorf("%s is %d, want at least %d", field.name, field.value, field.least)
		}
		if field.value > field.most {
			return fmt.Errorf("%s is %d, want at most %d", field.name, field.value, field.most)
		}
	}
	for _, field := range []struct {
		name        string
		value       float64
		nonNegative bool
	}{
		{"learning_rate", r.LearningRate, true},
		{"beta", r.Beta, true},
		{"partial.reconstruction", r.Partial.Reconstruction, false}, // a density may exceed 1
		{"partial.kl", r.Partial.KL, false},                         // rounding may take it below 0
		{"partial.seconds", r.Partial.Seconds, true},
		{"best_loss", r.BestLoss, false},
	} {
		if math.IsNaN(field.value) || math.IsInf(field.value, 0) {
			return fmt.Errorf("%s is %v, want a finite number", field.name, field.value)
		}
		if field.nonNegative && field.value < 0 {
			return fmt.Errorf("%s is %v, want at least 0", field.name, field.value)
		}
	}
	if r.LearningRate == 0 {
		return errors.New("learning_rate is 0, want more")
	}
	return nil
}
