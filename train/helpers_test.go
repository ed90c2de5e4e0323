package train

import (
	"bytes"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/idxtest"
	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/device"
)

// The data set of these tests: 50 training images make 7 batches of 8, the last of 2.
const (
	trainImages, testImages = 50, 19
	height, width           = 6, 5
	batch, epochSteps       = 8, 7
)

// writeDataSet writes images as four gzipped IDX files and returns their folder. Each image is bright on its left or
// on its right side, and has its place in the split as its first pixel, so that it can be told from the others.
func writeDataSet(t *testing.T, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	for prefix, n := range map[string]int{"train": trainImages, "t10k": testImages} {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		var images, labels bytes.Buffer
		for i := range n {
			side := random.IntN(2)
			labels.WriteByte(byte(side))
			for p := range height * width {
				value := byte(random.IntN(64))
				if (p%width < width/2) == (side == 0) {
					value += 190
				}
				if p == 0 {
					value = byte(i)
				}
				images.WriteByte(value)
			}
		}
		idxtest.Write(t, dir, prefix, height, width, images.Bytes(), labels.Bytes())
	}
	return dir
}

// testOptions returns a run of two epochs on a small data set and a small model, into a folder of its own.
func testOptions(t *testing.T) Options {
	t.Helper()
	o := DefaultOptions()
	o.Data.Path = writeDataSet(t, 1)
	o.Out = filepath.Join(t.TempDir(), "run")
	o.Model.Hidden = []int{7}
	o.Model.Latent = 3
	o.Epochs = 2
	o.Settings.Batch = batch
	o.Settings.LearningRate = 0.01
	o.Output = new(bytes.Buffer)
	return o
}

func mustRun(t *testing.T, o Options) {
	t.Helper()
	if err := Run(t.Context(), o); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

// printed returns what a run has printed.
func printed(o Options) string { return o.Output.(*bytes.Buffer).String() }

// spy is a machine with somebody looking at what it is asked, and able to fail it.
type spy struct {
	machine.Machine
	batch      int
	onStep     func(indices []int, terms machine.Terms) error
	onEvaluate func(indices []int, terms machine.Terms)
}

// Train makes one step at a time, and calls onStep after each.
func (s *spy) Train(indices []int) (steps []machine.Terms, err error) {
	for part := range slices.Chunk(indices, s.batch) {
		step, err := s.Machine.Train(part)
		steps = append(steps, step...)
		if err == nil && s.onStep != nil {
			err = s.onStep(part, step[0])
		}
		if err != nil {
			return steps, err
		}
	}
	return steps, nil
}

// Evaluate takes one batch at a time, and lets onEvaluate change its terms.
func (s *spy) Evaluate(indices []int) (batches []machine.Terms, err error) {
	for part := range slices.Chunk(indices, s.batch) {
		batch, err := s.Machine.Evaluate(part)
		if err != nil {
			return nil, err
		}
		if s.onEvaluate != nil {
			s.onEvaluate(part, batch[0])
		}
		batches = append(batches, batch...)
	}
	return batches, nil
}

// spied returns o with a machine that calls the two functions, of which either may be nil.
func spied(o Options, onStep func([]int, machine.Terms) error, onEvaluate func([]int, machine.Terms)) Options {
	o.open = func(name device.Name, j machine.Job) (machine.Machine, string, error) {
		m, words, err := device.Open(name, j)
		return &spy{m, j.Settings.Batch, onStep, onEvaluate}, words, err
	}
	return o
}

// callsAreShort makes every call of a machine short, or none, until the test ends.
func callsAreShort(t *testing.T, short bool) {
	was := shortCall
	t.Cleanup(func() { shortCall = was })
	shortCall = 0
	if short {
		shortCall = math.MaxInt64
	}
}

// interruptedAfter runs o, with one step in each call of the machine, and cancels it during the given step, counted from 1 from
// where the run starts.
func interruptedAfter(t *testing.T, o Options, step int) error {
	t.Helper()
	callsAreShort(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := 0
	return Run(ctx, spied(o, func([]int, machine.Terms) error {
		if steps++; steps == step {
			cancel()
		}
		return nil
	}, nil))
}

func load(t *testing.T, o Options, name string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Load(filepath.Join(o.Out, name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sameTensors fails the test where a tensor of the two checkpoints differs in a bit.
func sameTensors(t *testing.T, got, want *checkpoint.Checkpoint) {
	t.Helper()
	for _, part := range []struct {
		name      string
		got, want model.Tensors
	}{
		{"weights", got.State.Weights, want.State.Weights},
		{"first moment", got.State.FirstMoment, want.State.FirstMoment},
		{"second moment", got.State.SecondMoment, want.State.SecondMoment},
	} {
		if len(part.want) != len(want.Config.Parameters()) {
			t.Fatalf("%s: %d tensors", part.name, len(part.want))
		}
		equal := func(a, b *tensor.Dense) bool { return slices.Equal(a.Data().([]float32), b.Data().([]float32)) }
		if !maps.EqualFunc(part.got, part.want, equal) {
			t.Errorf("a tensor of the %s differs", part.name)
		}
	}
}

// contents returns every file under dir by its path. Of a link it is where it leads.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if target, linkErr := os.Readlink(path); linkErr == nil {
			content, err = []byte(target), nil
		}
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
