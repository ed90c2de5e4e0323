package checkpoint

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"govae/model"
	"govae/model/machine"
	"govae/model/op"
)

// The smallest checkpoint as the first version of the format has it.
const (
	tinyConfig1 = `{"kind":"vae","image":{"height":1,"width":1,"channels":1},"hidden":[1],"latent":1,` +
		`"likelihood":"bernoulli","activation":"relu","seed":18446744073709551615}`
	tinyRun1 = `{"step":18446744073709551614,"epoch":2,"batch":3,"learning_rate":0.001,"beta":4,` +
		`"data":{"name":"MNIST","images":7,"fingerprint":"abc"},` +
		`"partial":{"images":3,"reconstruction":4.5,"kl":0.5,"seconds":2},"best_epoch":1,"best_loss":105.5}`
)

func tinyHeader1() string {
	return headerOf(`"version":"1","config":` + strconv.Quote(tinyConfig1) + `,"run":` + strconv.Quote(tinyRun1))
}

func TestLoadVersion1(t *testing.T) {
	got, err := loadBytes(t, tinyFile(tinyHeader1(), tinyValues()))
	if err != nil {
		t.Fatal(err)
	}
	if want := (model.Config{
		Kind: model.VAE, Image: model.Image{Height: 1, Width: 1, Channels: 1}, Hidden: []int{1}, Latent: 1,
		Likelihood: model.Bernoulli, Activation: op.ReLU,
	}); !reflect.DeepEqual(got.Config, want) {
		t.Errorf("config is %+v, want %+v", got.Config, want)
	}
	if want := (&Run{
		Settings:  machine.Settings{Seed: math.MaxUint64, Batch: 3, LearningRate: 0.001, Beta: 4},
		Data:      Data{Name: "MNIST", Images: 7, Fingerprint: "abc"},
		Epoch:     2,
		Partial:   Sums{Images: 3, Terms: map[string]float64{"loss": 4.5 + 4*0.5, "reconstruction": 4.5, "kl": 0.5}, Seconds: 2},
		BestEpoch: 1, BestLoss: 105.5,
	}); !reflect.DeepEqual(got.Run, want) {
		t.Errorf("run is %+v, want %+v", got.Run, want)
	}
	if got.State.Step != math.MaxUint64-1 {
		t.Errorf("step is %d, want %d", got.State.Step, uint64(math.MaxUint64-1))
	}
	wantTinyTensors(t, got)

	// What is written of it is of this version, and the same.
	var file bytes.Buffer
	if err := Write(&file, got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(file.String(), `"version":"2"`) {
		t.Error("a checkpoint of version 1 is not written as one of version 2")
	}
	again, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, again, got)
}

// TestLoadVersion1BetweenEpochs checks that sums over no images become none.
func TestLoadVersion1BetweenEpochs(t *testing.T) {
	for _, images := range []string{"0", "-0"} {
		partial := `{\"images\":` + images + `,\"reconstruction\":0,\"kl\":0,\"seconds\":0}`
		header := strings.Replace(tinyHeader1(), `{\"images\":3,\"reconstruction\":4.5,\"kl\":0.5,\"seconds\":2}`, partial, 1)
		got, err := loadBytes(t, tinyFile(header, tinyValues()))
		if err != nil {
			t.Errorf("images %s: %v", images, err)
			continue
		}
		if !reflect.DeepEqual(got.Run.Partial, Sums{}) {
			t.Errorf("images %s: partial is %+v, want zero", images, got.Run.Partial)
		}
	}
}

// corruptHeaders1 are edits of the header's text of version 1, each with a part of the error that it must give.
var corruptHeaders1 = []struct{ name, old, new, want string }{
	{"newer version than it is", `"version":"1"`, `"version":"2"`, `metadata: config: unknown field "seed"`},
	{"config missing", `"config":`, `"cfg":`, "metadata: config is missing"},
	{"run missing", `"run":`, `"runs":`, "metadata: version 1: run: it is missing"},
	{"run is null", strconv.Quote(tinyRun1), `"null"`, "metadata: version 1: run: it is null"},
	{"config is null", strconv.Quote(tinyConfig1), `"null"`, "metadata: version 1: config: it is null"},
	{"config is an array", strconv.Quote(tinyConfig1), `"[]"`, "metadata: version 1: config: it is an array, want an object"},
	{"no config", strconv.Quote(tinyConfig1), `""`, "metadata: version 1: config: it is not valid JSON"},
	{"text after the run", `105.5}"`, `105.5}x"`, "metadata: version 1: run: it is not valid JSON"},

	{"classes already there", `\"latent\":1`, `\"latent\":1,\"classes\":0`, `version 1: config: unknown field "classes"`},
	{"settings already there", `\"epoch\":2`, `\"epoch\":2,\"settings\":{\"seed\":1,\"batch\":3,\"learning_rate\":0.001,\"beta\":1}`,
		`version 1: run: unknown field "settings"`},
	{"changes already there", `\"epoch\":2`, `\"epoch\":2,\"changes\":null`, `version 1: run: unknown field "changes"`},
	{"terms already there", `\"kl\":0.5`, `\"kl\":0.5,\"terms\":[6.5,4.5,0.5]`, `version 1: run: partial: unknown field "terms"`},
	{"terms already there that are null", `\"kl\":0.5`, `\"kl\":0.5,\"terms\":null`, `version 1: run: partial: unknown field "terms"`},

	{"no seed", `,\"seed\":18446744073709551615`, ``, `version 1: config: the field "seed" is missing`},
	{"no batch", `\"batch\":3,`, ``, `version 1: run: the field "batch" is missing`},
	{"no learning rate", `\"learning_rate\":0.001,`, ``, `version 1: run: the field "learning_rate" is missing`},
	{"no beta", `,\"beta\":4`, ``, `version 1: run: the field "beta" is missing`},
	{"no partial", `\"partial\":`, `\"part\":`, `version 1: run: the field "partial" is missing`},
	{"no images", `{\"images\":3,`, `{`, `version 1: run: partial: the field "images" is missing`},
	{"no reconstruction", `\"reconstruction\":4.5,`, ``, `version 1: run: partial: the field "reconstruction" is missing`},
	{"no kl", `\"kl\":0.5,`, ``, `version 1: run: partial: the field "kl" is missing`},
	{"no seconds", `,\"seconds\":2`, ``, `run: partial: the field "seconds" is missing`},
	{"no step", `\"step\":18446744073709551614,`, ``, `run: the field "step" is missing`},
	{"no latent", `\"latent\":1,`, ``, `config: the field "latent" is missing`},

	{"field in another case", `\"beta\":`, `\"BETA\":`, `version 1: run: the field "beta" is missing`},
	{"field once more in another case", `\"beta\":4`, `\"beta\":4,\"BETA\":4`, `run: unknown field "BETA"`},
	{"field twice", `\"beta\":4`, `\"beta\":4,\"beta\":4`, `run: the key "beta" is there twice`},
	{"field of the sums twice", `\"kl\":0.5`, `\"kl\":0.5,\"kl\":0.5`, `run: the key "kl" is there twice`},
	{"unknown field of config", `\"latent\":1`, `\"latent\":1,\"noise\":1`, `config: unknown field "noise"`},
	{"unknown field of run", `\"epoch\":2`, `\"epoch\":2,\"noise\":1`, `run: unknown field "noise"`},
	{"unknown field of partial", `\"kl\":0.5`, `\"kl\":0.5,\"noise\":1`, `run: partial: unknown field "noise"`},

	{"beta that is text", `\"beta\":4`, `\"beta\":\"4\"`, `version 1: run: the field "beta" is no number`},
	{"beta that is null", `\"beta\":4`, `\"beta\":null`, `version 1: run: the field "beta" is no number`},
	{"partial that is a number", `{\"images\":3,\"reconstruction\":4.5,\"kl\":0.5,\"seconds\":2}`, `3`, `version 1: run: the field "partial" is no object`},
	{"partial that is null", `{\"images\":3,\"reconstruction\":4.5,\"kl\":0.5,\"seconds\":2}`, `null`, `version 1: run: the field "partial" is no object`},
	{"partial that is an array", `{\"images\":3,\"reconstruction\":4.5,\"kl\":0.5,\"seconds\":2}`, `[3]`, `version 1: run: the field "partial" is no object`},
	{"reconstruction that is a list", `\"reconstruction\":4.5`, `\"reconstruction\":[4.5]`, `version 1: run: partial: the field "reconstruction" is no number`},
	{"kl that is true", `\"kl\":0.5`, `\"kl\":true`, `version 1: run: partial: the field "kl" is no number`},
	{"images that are text", `\"images\":3`, `\"images\":\"3\"`, `version 1: run: partial: the field "images" is no number`},
	{"images that are null", `\"images\":3`, `\"images\":null`, `version 1: run: partial: the field "images" is no number`},
	{"half an image", `\"images\":3`, `\"images\":3.5`, "run: partial.images is 3.5, want a whole number of 64 bits"},
	{"seed that is text", `\"seed\":18446744073709551615`, `\"seed\":\"1\"`, "run: settings.seed is a string, want a whole number of 64 bits from 0 on"},
	{"seed that is null", `\"seed\":18446744073709551615`, `\"seed\":null`, "run: settings: seed: it is null"},
	{"batch that is an object", `\"batch\":3`, `\"batch\":{}`, "run: settings.batch is an object, want a whole number of 64 bits"},
	{"learning rate that is null", `\"learning_rate\":0.001`, `\"learning_rate\":null`, "run: settings: learning_rate: it is null"},
	{"data that is null", `{\"name\":\"MNIST\",\"images\":7,\"fingerprint\":\"abc\"}`, `null`, "run: data: it is null"},
	{"image that is null", `{\"height\":1,\"width\":1,\"channels\":1}`, `null`, "config: image: it is null"},
	{"step that is no integer", `\"step\":18446744073709551614`, `\"step\":5.5`, "run: step is 5.5, want a whole number of 64 bits from 0 on"},
	{"step over 64 bits", `\"step\":18446744073709551614`, `\"step\":18446744073709551616`, "run: step is 18446744073709551616, want a whole number of 64 bits from 0 on"},
	{"seed over 64 bits", `\"seed\":18446744073709551615`, `\"seed\":18446744073709551616`, "run: settings.seed is 18446744073709551616, want a whole number of 64 bits from 0 on"},
	{"beta over float64", `\"beta\":4`, `\"beta\":1e999`, `version 1: run: the field "beta" is 1e999, which is too large`},
	{"reconstruction over float64", `\"reconstruction\":4.5`, `\"reconstruction\":-1e999`, `partial: the field "reconstruction" is -1e999, which is too large`},
	{"learning rate over float64", `\"learning_rate\":0.001`, `\"learning_rate\":1e999`, "run: settings.learning_rate is 1e999, want a number of 64 bits"},
	{"best loss over float64", `105.5`, `1e999`, "run: best_loss is 1e999, want a number of 64 bits"},
	{"loss over float64", `\"kl\":0.5`, `\"kl\":1e308`, "version 1: run: partial: reconstruction + beta·kl is +Inf, want a finite number"},

	{"batch 0", `\"batch\":3`, `\"batch\":0`, "run: settings: batch is 0"},
	{"negative beta", `\"beta\":4`, `\"beta\":-4`, "run: settings: beta is -4"},
	{"more images seen than there are", `\"images\":3`, `\"images\":8`, "run: partial.images is 8, want at most 7"},
	{"config does not validate", `\"latent\":1`, `\"latent\":0`, "config: model: latent is 0"},
	{"config does not fit", `\"latent\":1`, `\"latent\":2`, "parameter mean.weight has shape (1, 1), want (2, 1)"},
}

func TestLoadRefusesCorruptVersion1(t *testing.T) {
	for _, test := range corruptHeaders1 {
		t.Run(test.name, func(t *testing.T) {
			header := strings.Replace(tinyHeader1(), test.old, test.new, 1)
			if header == tinyHeader1() {
				t.Fatalf("the header has no %s", test.old)
			}
			wantRefused(t, tinyFile(header, tinyValues()), test.want, false)
		})
	}
}
