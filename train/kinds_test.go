package train

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/internal/setting"
	"govae/model"
	"govae/train/rundir"
)

// kindOptions returns a run of testOptions, of a model of that kind.
func kindOptions(t *testing.T, kind model.Kind) Options {
	t.Helper()
	o := testOptions(t)
	o.Model.Kind = kind
	return o
}

// TestResumedRunOfEachKind stops a run in mid-epoch and resumes it on another number of cores: bit for bit what a run has on one.
func TestResumedRunOfEachKind(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, kind := range model.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			runtime.GOMAXPROCS(1)
			whole := kindOptions(t, kind)
			mustRun(t, whole)
			want := load(t, whole, rundir.Checkpoint)

			o := kindOptions(t, kind)
			if err := interruptedAfter(t, o, epochSteps+3); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
			runtime.GOMAXPROCS(3)
			o.Model, o.Resume = testOptions(t).Model, true // the kind is that of the checkpoint
			mustRun(t, o)
			got := load(t, o, rundir.Checkpoint)
			sameTensors(t, got, want)
			if got.Config.Kind != kind || !reflect.DeepEqual(got.Config, want.Config) || !reflect.DeepEqual(got.Run.Partial, want.Run.Partial) {
				t.Errorf("resumed as %v, %+v, want %v", got.Config, got.Run, want.Config)
			}
			for i, row := range metricsRows(t, whole) {
				if !slices.Equal(untimed(metricsRows(t, o)[i]), untimed(row)) {
					t.Errorf("metrics: %v, want %v", untimed(metricsRows(t, o)[i]), untimed(row))
				}
			}
		})
	}
}

// TestFilesOfEachKind checks what a run leaves and says: the terms, the pictures, β where there is a KL, and a note where there are no
// samples.
func TestFilesOfEachKind(t *testing.T) {
	for kind, want := range map[model.Kind]struct {
		header, loss string
		samples      int
		printed      []string
	}{
		model.AE: {"epoch,step,train_loss,test_loss,seconds,images_per_second", "loss = −log p(x|z), in nats per image", 0,
			[]string{"model    ae 30-7-3-7-30, relu", "learning rate 0.01, seed 1\n", "note     not all pictures are drawn: generate: the model cannot do that: kind ae has no prior"}},
		model.CVAE: {"epoch,step,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds,images_per_second",
			"loss = reconstruction + β·KL", 2, []string{"model    cvae 30-7-(3+3)-7-30, relu, bernoulli, 2 classes", "learning rate 0.01, β 1, seed 1\n"}},
		model.Classifier: {"epoch,step,train_loss,test_loss,seconds,images_per_second", "loss = −log p(y|x), in nats per image", 0,
			[]string{"model    classifier 30-7-2, relu", "learning rate 0.01, seed 1\n", "note     not all pictures are drawn: generate: the model cannot do that: kind classifier has no prior"}},
	} {
		o := kindOptions(t, kind)
		mustRun(t, o)
		if rows := metricsRows(t, o); strings.Join(rows[0], ",") != want.header || len(rows) != 3 {
			t.Errorf("%s: the metrics are %v", kind, rows)
		}
		for _, text := range append(want.printed, want.loss) {
			if strings.Count(printed(o), text) != 1 {
				t.Errorf("%s: printed\n%s, want %q once", kind, printed(o), text)
			}
		}
		if notes := strings.Count(printed(o), "note "); notes != 1-want.samples/2 {
			t.Errorf("%s: %d notes:\n%s", kind, notes, printed(o))
		}
		reconstructions := 0
		if kind.Can(model.Decode) {
			reconstructions = 2
		}
		for folder, n := range map[string]int{"samples": want.samples, "reconstructions": reconstructions} {
			if found, _ := filepath.Glob(filepath.Join(o.Out, folder, "*.png")); len(found) != n {
				t.Errorf("%s: %s has %v, want %d", kind, folder, found, n)
			}
		}
		if _, err := os.Stat(filepath.Join(o.Out, rundir.Curves)); err != nil {
			t.Error(err)
		}
	}
}

// TestSamplesOfClasses checks that the picture of an epoch is one of 8 latents, a row for each of the two classes.
func TestSamplesOfClasses(t *testing.T) {
	o := kindOptions(t, model.CVAE)
	mustRun(t, o)
	picture, err := os.ReadFile(filepath.Join(o.Out, "samples", "epoch-0002.png"))
	if err != nil {
		t.Fatal(err)
	}
	// In the header of a PNG file, width and height follow 16 bytes.
	size := []byte{0, 0, 0, sampleColumns*(2*width+2) - 2, 0, 0, 0, 2*(2*height+2) - 2}
	if !bytes.Equal(picture[16:24], size) {
		t.Errorf("width and height are % x, want % x", picture[16:24], size)
	}
}

// TestKLWeightOfAKindWithoutKL gives β where there is none to weigh, in each way.
func TestKLWeightOfAKindWithoutKL(t *testing.T) {
	const want = "beta is given, but it is the weight of the KL in the loss, and a model of kind ae has none"
	refused := func(what string, o Options) {
		t.Helper()
		err := Run(t.Context(), o)
		if notTaken := (*setting.NotTaken)(nil); !errors.As(err, &notTaken) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: error is %v, want %q", what, err, want)
		}
	}
	o := kindOptions(t, model.AE)
	o.Given = []string{"beta"}
	refused("given as it is by default", o)
	o.Given, o.Settings.Beta = nil, 2
	refused("not named", o)
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("the out folder was made")
	}
	o = kindOptions(t, model.AE)
	mustRun(t, o)
	before := contents(t, o.Out)
	o.Resume, o.Epochs, o.Given, o.Settings.Beta = true, 3, []string{"beta"}, 4
	refused("on a resume", o)
	if !maps.Equal(contents(t, o.Out), before) {
		t.Error("the run has changed")
	}
	o.Given, o.Settings.LearningRate = []string{"learning_rate"}, 0.002
	mustRun(t, o)
}

// TestFieldsOfADecoderThatAKindLacks gives one to a new run of a classifier and to one that goes on.
func TestFieldsOfADecoderThatAKindLacks(t *testing.T) {
	refused := func(o Options, want string) {
		t.Helper()
		err := Run(t.Context(), o)
		if notTaken := (*setting.NotTaken)(nil); !errors.As(err, &notTaken) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	o := kindOptions(t, model.Classifier)
	o.Given = []string{"kind", "latent"}
	refused(o, "latent is given, but it is the dimensions of the latent, and a model of kind classifier has none")
	o.Given = []string{"kind", "likelihood"}
	refused(o, "likelihood is given, but it is the likelihood of a pixel given the latent, and a model of kind classifier has none")
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("the out folder was made")
	}
	o.Given = nil
	mustRun(t, o)
	o.Resume, o.Epochs, o.Given = true, 3, []string{"latent"}
	refused(o, "latent is given")
}

// TestKindThatTakesLabelsWithoutThem gives it images that have none.
func TestKindThatTakesLabelsWithoutThem(t *testing.T) {
	for kind, want := range map[model.Kind]string{
		model.CVAE:       "kind is cvae, which is told the class of each image, and the data have no labels",
		model.Classifier: "kind is classifier, which learns the class of each image, and the data have no labels",
	} {
		o := kindOptions(t, kind)
		for _, name := range []string{"train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
			if err := os.Remove(filepath.Join(o.Data.Path, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v", kind, err)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("%s: the out folder was made", kind)
		}
	}
}
