// Package checkpoint writes and reads what a model has learned, as a safetensors file.
//
// The weights are stored under PyTorch's names for them, in PyTorch's layout, and Adam's moments of each under
// the same name after adam.m. (the mean of the gradients) and adam.v. (the mean of the squared gradients).
// The metadata holds format (govae), version, and as JSON the model's config and the run. A file of weights alone
// has neither moments nor run: a model can be used from it, but no run be resumed.
//
// metadata.go turns the metadata to and from JSON, upgrade.go brings that of older versions up to date, strictjson.go refuses
// JSON that says other than what is understood of it, and safetensors.go knows the format of the file.
package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"govae/internal/files"
	"govae/internal/setting"
	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
)

// ErrForeign says that a safetensors file is none of this package's. LoadWeights may read it.
var ErrForeign = errors.New("it is another program's file")

// Checkpoint is a moment of a run, or, where Run is nil, weights alone.
type Checkpoint struct {
	Config model.Config
	State  machine.State
	Run    *Run
}

// Run is where in its run a checkpoint was taken, besides the step, which the State has.
type Run struct {
	Settings machine.Settings `json:"settings"`
	Changes  []Change         `json:"changes"` // of the settings and the precision, in the order in which they were made
	Data     Data             `json:"data"`

	Precision machine.Precision `json:"precision,omitempty"` // of the last start; "": machine.Float32

	Epoch   int  `json:"epoch"`   // epochs completed
	Partial Sums `json:"partial"` // of the unfinished epoch; all zero between epochs

	BestEpoch int     `json:"best_epoch"` // 0: none yet
	BestLoss  float64 `json:"best_loss"`  // test loss after BestEpoch
}

// Change is a setting, or the precision, with which a run went on otherwise than before.
type Change struct {
	Step uint64 `json:"step"` // updates made with the value before
	setting.Change
}

// Data identifies the data set that a run is trained on.
type Data struct {
	Name        string `json:"name"`
	Images      int    `json:"images"`      // in the training split
	Fingerprint string `json:"fingerprint"` // of all images and labels

	// Where they were read from, and what was made of them, as setting.Texts has the fields of a dataset.Source. Empty: it is the default,
	// MNIST, or it is not known. What is read is short; what it means is found where it is used.
	Source map[string]string `json:"source,omitempty"`
}

// Limits on a source: a file may say anything.
const (
	maxSourceFields = 16
	maxSourceName   = 64      // bytes
	maxSourceText   = 1 << 15 // bytes; no system takes a longer path
)

// checkSource reports what is too long in the Source, or is no text, which JSON would not give back as it is.
func (d Data) checkSource() error {
	if n := len(d.Source); n > maxSourceFields {
		return fmt.Errorf("source has %d fields, want at most %d", n, maxSourceFields)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Source)) {
		if n := len(name); n > maxSourceName {
			return fmt.Errorf("source has a field whose name has %d bytes, want at most %d", n, maxSourceName)
		}
		text := d.Source[name]
		if n := len(text); n > maxSourceText {
			return fmt.Errorf("source.%s has %d bytes, want at most %d", words.Printable(name), n, maxSourceText)
		}
		if !utf8.ValidString(name) || !utf8.ValidString(text) {
			return fmt.Errorf("source.%s is %s, which is not UTF-8", words.Printable(name), words.Quoted(text))
		}
	}
	return nil
}

// Sums are sums over the images of an epoch seen so far.
type Sums struct {
	Images  int                `json:"images"`
	Terms   map[string]float64 `json:"terms"` // by name; one that the model did not report yet is missing, and so are all where there are no images
	Seconds float64            `json:"seconds"`
}

// Weights returns the weights alone, which the two checkpoints then share.
func (c *Checkpoint) Weights() *Checkpoint {
	return &Checkpoint{Config: c.Config, State: machine.State{Weights: c.State.Weights}}
}

// Save writes c to path: to a temporary file beside it first, so that path holds either what it held before or all of c.
// A checkpoint that Load would refuse is not written; the error says why. The same c always gives the same bytes.
func Save(path string, c *Checkpoint) error {
	file, err := c.encode()
	if err != nil { // before a file is made
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	return files.Write(path, file.write)
}

// Write writes to w what Save writes to a file. Of a checkpoint that Read would refuse it writes nothing; the error says why.
func Write(w io.Writer, c *Checkpoint) error {
	file, err := c.encode()
	if err == nil {
		err = file.write(w)
	}
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

// encode returns c as a file that read takes.
func (c *Checkpoint) encode() (*encoded, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	metadata, err := c.metadata()
	if err != nil {
		return nil, err
	}
	tensors := make(model.Tensors)
	for _, set := range c.sets() {
		for name, t := range *set.Tensors {
			tensors[set.Prefix+name] = t
		}
	}
	return encode(metadata, tensors)
}

// Load reads the checkpoint at path, and trusts nothing in it: what it returns is complete, fits its Config and
// is finite everywhere. Every error names the file and what is wrong with it. It is fs.ErrNotExist where there is no file, and
// ErrForeign where the file says that another program has written it.
func Load(path string) (*Checkpoint, error) { return open(path, read) }

// LoadWeights reads the weights of a model from a safetensors file that another program has written, under the names that this
// package uses. The widths of the layers and the shape of the images follow from the tensors' shapes, as model.Config.Fit has
// it; all else is as in like.
func LoadWeights(path string, like model.Config) (*Checkpoint, error) {
	return open(path, func(r io.Reader, size int64) (*Checkpoint, error) { return readWeights(r, size, like) })
}

// ReadWeights is LoadWeights for a file that begins where r stands and is all that follows there.
func ReadWeights(r io.Reader, like model.Config) (*Checkpoint, error) {
	c, err := readWeights(r, unknownSize, like)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return c, nil
}

func readWeights(r io.Reader, size int64, like model.Config) (*Checkpoint, error) {
	l, err := readLayout(r, size)
	if err != nil {
		return nil, err
	}
	if l.metadata["format"] == formatName { // and Config and run would be passed over
		return nil, errors.New("it is a checkpoint that says itself what model it is of, want another program's file")
	}
	cfg, err := like.Fit(l.shapes())
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Config: cfg}
	return c, c.readTensors(r, l)
}

// open returns the checkpoint that f reads from the file at path, of which it is told the size. Its errors name the file.
func open(path string, f func(r io.Reader, size int64) (*Checkpoint, error)) (*Checkpoint, error) {
	file, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, words.Plain(fmt.Errorf("no checkpoint at %s: %w", path, files.Cause(err)))
	}
	if err != nil {
		return nil, words.Plain(fmt.Errorf("read checkpoint: %w", err))
	}
	defer file.Close()
	info, err := file.Stat() // of what is open: a run may have put a new file there meanwhile
	if err != nil {
		return nil, words.Plain(fmt.Errorf("read checkpoint: %w", err))
	}
	c, err := f(file, info.Size())
	if err != nil {
		return nil, words.Plain(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	return c, nil
}

// Read is Load for a checkpoint that begins where r stands and is all that follows there: in a file of an embed.FS, a pipe, or
// memory.
func Read(r io.Reader) (*Checkpoint, error) {
	c, err := read(r, unknownSize)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

// read is Read for a known size, or for unknownSize. It compares the shapes with the Config before it allocates anything of
// their size, because a file may claim to be far larger than what it takes on the disk.
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
	sets := c.sets()
	for i, shapes := range bySet(sets, l.shapes()) {
		if err := c.Config.CheckShapes(shapes); err != nil {
			return nil, fmt.Errorf("%s: %w", titled(sets[i]), err)
		}
	}
	return c, c.readTensors(r, l)
}

// readTensors gives c the tensors that follow in r, and checks all of it.
func (c *Checkpoint) readTensors(r io.Reader, l layout) error {
	all, err := l.readTensors(r)
	if err != nil {
		return err
	}
	sets := c.sets()
	for i, tensors := range bySet(sets, all) {
		*sets[i].Tensors = tensors
	}
	return c.Check()
}

// sets lists the State's sets that the checkpoint must have: all, or the weights alone.
func (c *Checkpoint) sets() []machine.Set {
	return slices.DeleteFunc(c.State.Sets(), func(s machine.Set) bool { return c.Run == nil && s.Tensors != &c.State.Weights })
}

// titled names a set in errors.
func titled(s machine.Set) string {
	if s.Prefix == "" {
		return s.Name
	}
	return fmt.Sprintf("%s (%s)", s.Name, s.Prefix)
}

// bySet splits a map by tensor name into one for each set, by parameter name.
func bySet[T any](sets []machine.Set, all map[string]T) []map[string]T {
	split := make([]map[string]T, len(sets))
	for i := range split {
		split[i] = make(map[string]T)
	}
	for name, value := range all {
		for i, s := range sets {
			if parameter, ok := strings.CutPrefix(name, s.Prefix); ok {
				split[i][parameter] = value
				break
			}
		}
	}
	return split
}

// Check reports the first thing that keeps a run from continuing, or pictures from being made, from c. What Load and Read
// return has passed it.
func (c *Checkpoint) Check() error {
	if err := c.Config.Validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if c.Run != nil {
		if err := c.Run.check(c.Config.Terms()); err != nil {
			return fmt.Errorf("run: %w", err)
		}
	} else if c.State.FirstMoment != nil || c.State.SecondMoment != nil || c.State.Step != 0 {
		return errors.New("moments or steps without a run, want all of them or weights alone")
	}
	for _, s := range c.sets() {
		if err := checkValues(s); err != nil {
			return err
		}
		if err := s.Tensors.Check(c.Config); err != nil {
			return fmt.Errorf("%s: %w", titled(s), err)
		}
	}
	return nil
}

// checkValues makes sure that each value of the set is finite and not below its least.
func checkValues(s machine.Set) error {
	for _, name := range slices.Sorted(maps.Keys(*s.Tensors)) {
		values, err := rowMajor((*s.Tensors)[name])
		if err != nil {
			return fmt.Errorf("tensor %s: %w", words.Printable(s.Prefix+name), err)
		}
		for i, v := range values {
			if !(v >= s.Least && v <= math.MaxFloat32) { // so that NaN is caught as well
				return fmt.Errorf("tensor %s: value %d is %v", words.Printable(s.Prefix+name), i, v)
			}
		}
	}
	return nil
}

// check reports the first field whose value no run of a model with these terms can have.
func (r *Run) check(terms []model.Term) error {
	if err := cmp.Or(r.Settings.Validate(), r.Precision.Check()); err != nil {
		return err
	}
	for _, field := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"epoch", r.Epoch, 0, math.MaxInt},
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
	if err := r.Data.checkSource(); err != nil {
		return fmt.Errorf("data.%w", err)
	}
	if err := r.Partial.check(terms); err != nil {
		return fmt.Errorf("partial.%w", err)
	}
	if !finite(r.BestLoss) {
		return fmt.Errorf("best_loss is %v, want a finite number", r.BestLoss)
	}
	return nil
}

// check reports the first of the sums that no epoch of a model with these terms can have.
func (s Sums) check(terms []model.Term) error {
	for _, name := range slices.Sorted(maps.Keys(s.Terms)) {
		if !slices.ContainsFunc(terms, func(t model.Term) bool { return t.Name == name }) {
			return fmt.Errorf("terms has %s, which the model does not report", words.Quoted(name))
		}
		if sum := s.Terms[name]; !finite(sum) { // of any sign: a density may exceed 1, and rounding may take a KL below 0
			return fmt.Errorf("terms.%s is %v, want a finite number", name, sum)
		}
	}
	if _, ok := s.Terms[terms[0].Name]; ok != (s.Images > 0) || !ok && len(s.Terms) > 0 {
		return fmt.Errorf("terms has %d sums for %d images, want those of the images, with the %s among them", len(s.Terms), s.Images, terms[0].Name)
	}
	if !finite(s.Seconds) || s.Seconds < 0 {
		return fmt.Errorf("seconds is %v, want a finite number from 0 on", s.Seconds)
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
