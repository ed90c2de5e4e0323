package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/train/checkpoint"
)

// The files of testdata/v1 are of commit bbb0581, whose checkpoints are of version 1, on an amd64 processor with AVX2.
// checkpoint.safetensors and metrics.csv are what a run left that was interrupted in its second epoch, and those in resumed
// what the same run left in the end. They were written by this function, as a test of this package:
//
//	o := testOptions(t)
//	data := filepath.Join(t.TempDir(), "shapes")
//	if err := os.Rename(o.Data, data); err != nil {
//		t.Fatal(err)
//	}
//	o.Data = data
//	o.Model.Hidden, o.Model.Activation, o.Model.Seed = []int{7, 4}, "tanh", 12345678901234567890
//	o.Beta, o.Epochs = 0.5, 3
//	if err := interruptedAfter(t, o, epochSteps+3); !errors.Is(err, ErrInterrupted) {
//		t.Fatal(err)
//	}
//	o.Resume = true
//	for _, folder := range []string{"testdata/v1", "testdata/v1/resumed"} {
//		if err := os.MkdirAll(folder, 0o777); err != nil {
//			t.Fatal(err)
//		}
//		for _, name := range []string{"checkpoint.safetensors", "metrics.csv"} {
//			content, err := os.ReadFile(filepath.Join(o.Out, name))
//			if err != nil {
//				t.Fatal(err)
//			}
//			if err := os.WriteFile(filepath.Join(folder, name), content, 0o666); err != nil {
//				t.Fatal(err)
//			}
//		}
//		mustRun(t, o)
//	}
const goldenDir = "testdata/v1"

// loadGolden reads the checkpoint of the interrupted run, or with "resumed" that of its end.
func loadGolden(t *testing.T, folder string) *checkpoint.Checkpoint {
	t.Helper()
	return load(t, Options{Out: filepath.Join(goldenDir, folder)}, "checkpoint.safetensors")
}

// TestCheckpointOfVersion1IsRead compares with what Python's json and struct make of the file.
func TestCheckpointOfVersion1IsRead(t *testing.T) {
	c := loadGolden(t, "")
	wantConfig := model.Config{
		Kind: "vae", Image: model.Image{Height: 6, Width: 5, Channels: 1}, Hidden: []int{7, 4}, Latent: 3,
		Likelihood: "bernoulli", Activation: "tanh",
	}
	if got, want := fmt.Sprintf("%+v", c.Config), fmt.Sprintf("%+v", wantConfig); got != want {
		t.Errorf("config is\n%s, want\n%s", got, want)
	}
	wantRun := &checkpoint.Run{
		Settings:  machine.Settings{Seed: 12345678901234567890, Batch: 8, LearningRate: 0.01, Beta: 0.5},
		Data:      checkpoint.Data{Name: "shapes", Images: 50, Fingerprint: "9ffc806dcfabfa60"},
		Epoch:     1,
		Partial:   checkpoint.Sums{Images: 24, Terms: map[string]float64{"loss": 496.5514831542969 + 0.5*1.579901933670044, "reconstruction": 496.5514831542969, "kl": 1.579901933670044}, Seconds: 0.000243538},
		BestEpoch: 1, BestLoss: 20.778758110870655,
	}
	if c.State.Step != 10 || !reflect.DeepEqual(c.Run, wantRun) {
		t.Errorf("run is at step %d\n%+v, want 10\n%+v", c.State.Step, c.Run, wantRun)
	}
	for _, test := range []struct {
		what    string
		tensors model.Tensors
		name    string
		first   []float32
	}{
		{"weights", c.State.Weights, "encoder.0.weight", []float32{0.12102067470550537, 0.11317756026983261}},
		{"weights", c.State.Weights, "logVar.bias", []float32{0.22078338265419006, -0.42701736092567444}},
		{"weights", c.State.Weights, "decoder.4.weight", []float32{-0.4607361853122711, 0.47179409861564636}},
		{"first moments", c.State.FirstMoment, "mean.weight", []float32{0.0011988086625933647, 0.0006212175358086824}},
		{"second moments", c.State.SecondMoment, "decoder.2.bias", []float32{7.73548090364784e-05, 0.0006333822384476662}},
	} {
		if got := test.tensors[test.name].Data().([]float32); !slices.Equal(got[:2], test.first) {
			t.Errorf("%s: %s begins with %v, want %v", test.what, test.name, got[:2], test.first)
		}
	}
}

// TestCheckpointOfVersion1IsResumed takes the interrupted run to its end, and compares with where commit bbb0581 came: not bit for
// bit, because processors round differently.
func TestCheckpointOfVersion1IsResumed(t *testing.T) {
	const tolerance = 1e-4
	o := testOptions(t)
	if err := os.Mkdir(o.Out, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"checkpoint.safetensors", "metrics.csv"} {
		content, err := os.ReadFile(filepath.Join(goldenDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Out, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o.Resume = true
	o.Epochs = 3
	mustRun(t, o)

	got, want := load(t, o, "checkpoint.safetensors"), loadGolden(t, "resumed")
	if got.Config.Classes != 2 {
		t.Errorf("the model is one of %d classes, want 2, those of the data", got.Config.Classes)
	}
	for _, part := range []struct {
		what      string
		got, want model.Tensors
	}{
		{"weights", got.State.Weights, want.State.Weights},
		{"first moments", got.State.FirstMoment, want.State.FirstMoment},
		{"second moments", got.State.SecondMoment, want.State.SecondMoment},
	} {
		if len(part.got) != 14 || len(part.want) != 14 {
			t.Fatalf("%s: %d and %d tensors, want 14: of 7 layers", part.what, len(part.got), len(part.want))
		}
		for name := range part.want {
			got, want := part.got[name].Data().([]float32), part.want[name].Data().([]float32)
			largest, difference := 0.0, 0.0
			for i := range want {
				largest = max(largest, math.Abs(float64(want[i])))
				difference = max(difference, math.Abs(float64(got[i])-float64(want[i])))
			}
			if !(difference <= tolerance*largest) {
				t.Errorf("%s: %s differs by %v, and its largest value is %v", part.what, name, difference, largest)
			}
		}
	}
	if math.Abs(got.Run.BestLoss-want.Run.BestLoss) > tolerance {
		t.Errorf("the best loss is %v, want %v", got.Run.BestLoss, want.Run.BestLoss)
	}
	got.Run.BestLoss = want.Run.BestLoss
	want.Run.Data.Source = map[string]string{"data": o.Data.Path}                   // which version 1 does not know
	if got.State.Step != want.State.Step || !reflect.DeepEqual(got.Run, want.Run) { // in step, epoch, best epoch and all that does not change
		t.Errorf("run is\n%+v, want\n%+v", got.Run, want.Run)
	}

	gotRows, wantRows := metricsRows(t, o), metricsRows(t, Options{Out: filepath.Join(goldenDir, "resumed")})
	if len(gotRows) != 4 || len(wantRows) != 4 || !slices.Equal(gotRows[1], wantRows[1]) {
		t.Fatalf("metrics are\n%v, want the header and 3 epochs, the first as it was:\n%v", gotRows, wantRows)
	}
	for epoch := 2; epoch <= 3; epoch++ {
		for i, name := range untimed(gotRows[0]) {
			if got, want := number(t, gotRows[epoch][i]), number(t, wantRows[epoch][i]); math.Abs(got-want) > tolerance {
				t.Errorf("epoch %d: %s is %v, want %v", epoch, name, got, want)
			}
		}
	}
}
