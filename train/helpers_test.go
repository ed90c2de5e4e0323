package train

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/idxtest"
	"govae/model"
	"govae/train/checkpoint"
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
	o.Data = writeDataSet(t, 1)
	o.Out = filepath.Join(t.TempDir(), "run")
	o.Model.Hidden = []int{7}
	o.Model.Latent = 3
	o.Epochs = 2
	o.Batch = batch
	o.LearningRate = 0.01
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

// spy is the tape machine with somebody looking at what it is fed, and able to fail it.
type spy struct {
	*TapeMachine
	onStep     func(Batch, Terms) error
	onEvaluate func(Batch, *Terms)
}

func (s *spy) Step(b Batch) (Terms, error) {
	terms, err := s.TapeMachine.Step(b)
	if err == nil && s.onStep != nil {
		err = s.onStep(b, terms)
	}
	return terms, err
}

func (s *spy) Evaluate(b Batch) (Terms, error) {
	terms, err := s.TapeMachine.Evaluate(b)
	if s.onEvaluate != nil {
		s.onEvaluate(b, &terms)
	}
	return terms, err
}

// spied returns o with a machine that calls the two functions, of which either may be nil.
func spied(o Options, onStep func(Batch, Terms) error, onEvaluate func(Batch, *Terms)) Options {
	o.newMachine = func(cfg model.Config, learningRate float64) (Machine, error) {
		m, err := NewTapeMachine(cfg, learningRate)
		return &spy{m, onStep, onEvaluate}, err
	}
	return o
}

// interruptedAfter runs o and cancels it during the given step, counted from 1 from where the run starts.
func interruptedAfter(t *testing.T, o Options, step int) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := 0
	return Run(ctx, spied(o, func(Batch, Terms) error {
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
		{"weights", got.Weights, want.Weights},
		{"first moment", got.FirstMoment, want.FirstMoment},
		{"second moment", got.SecondMoment, want.SecondMoment},
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

// contents returns every file under dir by its path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
