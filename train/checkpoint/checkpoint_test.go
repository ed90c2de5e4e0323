package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/setting"
	"govae/model"
	"govae/model/machine"
	"govae/model/op"
)

// example is a checkpoint in which every field differs from its zero and no two tensors are alike.
func example() *Checkpoint {
	c := &Checkpoint{
		Config: model.Config{
			Kind:       model.VAE,
			Image:      model.Image{Height: 3, Width: 2, Channels: 1},
			Classes:    10,
			Hidden:     []int{5, 4},
			Latent:     2,
			Likelihood: model.Bernoulli,
			Activation: op.Tanh,
		},
		State: machine.State{
			Step:         math.MaxUint64 - 1,
			Weights:      model.Tensors{},
			FirstMoment:  model.Tensors{},
			SecondMoment: model.Tensors{},
		},
		Run: &Run{
			Settings: machine.Settings{Seed: math.MaxUint64, Batch: 128, LearningRate: 1.0 / 3, Beta: math.Nextafter(1, 2)},
			Changes: []Change{
				{Step: 3, Change: setting.Change{Name: "beta", From: "0.1", To: "1e-300"}},
				{Step: math.MaxUint64 - 2, Change: setting.Change{Name: "learning_rate", From: `<"ñ">`, To: ""}},
			},
			Precision: machine.TF32,
			Data:      Data{Name: `a "set" <ñ>`, Images: 60000, Fingerprint: "440fcabf", Source: map[string]string{"data": `a "folder" <ñ>`}},
			Epoch:     7,
			Partial:   Sums{Images: 256, Terms: map[string]float64{"loss": 1e5 / 7.0, "reconstruction": -5e-324, "kl": math.MaxFloat64}, Seconds: math.MaxFloat64},
			BestEpoch: 6,
			BestLoss:  -math.Pi,
		},
	}
	for i, p := range c.Config.Parameters() {
		c.State.Weights[p.Name] = numbered(p.Shape, i, 1)
		c.State.FirstMoment[p.Name] = numbered(p.Shape, i, -1e-3)
		c.State.SecondMoment[p.Name] = numbered(p.Shape, i, 1e-9)
	}
	// The bit patterns that a careless conversion changes.
	copy(c.State.Weights["encoder.0.weight"].Data().([]float32), []float32{
		float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
		math.Float32frombits(0x007fffff), math.MaxFloat32, -math.MaxFloat32, 0.1,
	})
	return c
}

// numbered returns a tensor whose values, in units of scale, count up from 100·i.
func numbered(shape tensor.Shape, i int, scale float32) *tensor.Dense {
	values := make([]float32, shape.TotalSize())
	for k := range values {
		values[k] = scale * float32(100*i+k)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	want := example()
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

// TestExampleIsFull makes sure that a field which is not stored cannot come back the same by being zero.
func TestExampleIsFull(t *testing.T) {
	var full func(name string, v reflect.Value)
	full = func(name string, v reflect.Value) {
		switch {
		case v.IsZero():
			t.Errorf("%s is zero", name)
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				full(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	c := example()
	full("config", reflect.ValueOf(c.Config))
	full("state", reflect.ValueOf(c.State))
	full("run", reflect.ValueOf(*c.Run))
	full("change", reflect.ValueOf(c.Run.Changes[0]))
}

func TestSmallestNetworkRoundTrips(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	want := example()
	want.Config.Hidden, want.Config.Latent = []int{1}, 1 // every tensor has a dimension of 1
	want.State.Weights = model.InitialWeights(want.Config, 1)
	want.State.FirstMoment, want.State.SecondMoment = model.Tensors{}, model.Tensors{}
	for i, p := range want.Config.Parameters() {
		want.State.FirstMoment[p.Name], want.State.SecondMoment[p.Name] = numbered(p.Shape, i, 1), numbered(p.Shape, i, 1)
	}
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

func TestRunAtItsStartRoundTrips(t *testing.T) {
	want := example()
	want.State.Step, want.Config.Classes = 0, 0
	want.Run = &Run{Settings: machine.DefaultSettings(), Data: Data{Images: 1}}
	roundTrip(t, want)
}

func TestSameCheckpointSameBytes(t *testing.T) {
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
		if err := Save(path, example()); err != nil {
			t.Fatal(err)
		}
		files[i] = readFile(t, path)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two files of one checkpoint differ")
	}
}

// TestFormat takes a file apart as the format's description says, without this package's reader.
func TestFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	c := example()
	if err := Save(path, c); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, path)
	length := binary.LittleEndian.Uint64(file)
	header, values := file[8:8+length], file[8+length:]
	if length%8 != 0 {
		t.Errorf("the header has %d bytes, want a multiple of 8", length)
	}
	if text := bytes.TrimRight(header, " "); text[0] != '{' || text[len(text)-1] != '}' {
		t.Errorf("the header is %.20q … %q, want { … } and spaces", text, header[len(header)-20:])
	}
	var entries map[string]struct {
		Dtype       string
		Shape       []int
		DataOffsets []int `json:"data_offsets"`

		Format, Version, Config, Run string // of __metadata__
	}
	if err := json.Unmarshal(header, &entries); err != nil {
		t.Fatal(err)
	}
	metadata := entries["__metadata__"]
	if metadata.Format != "govae" || metadata.Version != "2" {
		t.Errorf("format is %q and version %q, want govae and 2", metadata.Format, metadata.Version)
	}
	const config = `{"kind":"vae","image":{"height":3,"width":2,"channels":1},"classes":10,"hidden":[5,4],"latent":2,` +
		`"likelihood":"bernoulli","activation":"tanh"}`
	if metadata.Config != config {
		t.Errorf("config is %s, want %s", metadata.Config, config)
	}
	for _, want := range []string{
		`{"step":18446744073709551614,"settings":{`,
		`"seed":18446744073709551615,"batch":128,"learning_rate":0.3333333333333333,"beta":1.0000000000000002}`,
		`{"step":3,"name":"beta","from":"0.1","to":"1e-300"}`,
		`"precision":"tf32"`,
	} {
		if !strings.Contains(metadata.Run, want) {
			t.Errorf("run is %s, want %s in it", metadata.Run, want)
		}
	}

	// The first tensor by name, whose values stand first, and one from the middle of the network.
	for name, want := range map[string]struct {
		shape []int
		first []float32
	}{
		"adam.m.decoder.0.bias": {[]int{4}, []float32{-0.9, -0.901, -0.902, -0.903}},
		"mean.weight":           {[]int{2, 4}, []float32{400, 401, 402, 403, 404, 405, 406, 407}},
		"encoder.2.bias":        {[]int{4}, []float32{300, 301, 302, 303}},
	} {
		got := entries[name]
		if got.Dtype != "F32" || !reflect.DeepEqual(got.Shape, want.shape) {
			t.Errorf("%s: %s %v, want F32 %v", name, got.Dtype, got.Shape, want.shape)
			continue
		}
		if got.DataOffsets[1]-got.DataOffsets[0] != 4*len(want.first) {
			t.Errorf("%s: data_offsets %v, want a span of %d", name, got.DataOffsets, 4*len(want.first))
			continue
		}
		for i, w := range want.first {
			at := got.DataOffsets[0] + 4*i
			g := math.Float32frombits(uint32(values[at]) | uint32(values[at+1])<<8 | uint32(values[at+2])<<16 | uint32(values[at+3])<<24)
			if math.Abs(float64(g-w)) > 1e-6 {
				t.Errorf("%s: value %d is %v, want %v", name, i, g, w)
			}
		}
	}
	if got := entries["adam.m.decoder.0.bias"].DataOffsets[0]; got != 0 {
		t.Errorf("the first tensor by name begins at %d, want 0", got)
	}
}

// refused are checkpoints that must not be written, each with a part of the error.
var refused = []struct {
	name  string
	spoil func(*Checkpoint)
	want  string
}{
	{"config", func(c *Checkpoint) { c.Config.Latent = 0 }, "latent is 0"},
	{"NaN in the run", func(c *Checkpoint) { c.Run.BestLoss = math.NaN() }, "best_loss is NaN"},
	{"infinity in the run", func(c *Checkpoint) { c.Run.Partial.Terms["kl"] = math.Inf(1) }, "partial.terms.kl is +Inf"},
	{"infinite time", func(c *Checkpoint) { c.Run.Partial.Seconds = math.Inf(1) }, "partial.seconds is +Inf"},
	{"NaN in the settings", func(c *Checkpoint) { c.Run.Settings.Beta = math.NaN() }, "beta is NaN"},
	{"no loss", func(c *Checkpoint) { delete(c.Run.Partial.Terms, "loss") }, "partial.terms has 2 sums for 256 images"},
	{"an unknown term", func(c *Checkpoint) { c.Run.Partial.Terms["far"] = 1 }, `partial.terms has "far", which the model does not report`},
	{"terms of no images", func(c *Checkpoint) { c.Run.Partial.Images = 0 }, "partial.terms has 3 sums for 0 images"},
	{"images without terms", func(c *Checkpoint) { c.Run.Partial.Terms = nil }, "partial.terms has 0 sums for 256 images"},
	{"header that is too long", func(c *Checkpoint) { c.Run.Data.Name = strings.Repeat("x", 1<<20) }, "at most 1048576 can be read again"},
	{"first moments without a run", func(c *Checkpoint) { c.Run, c.State.Step, c.State.SecondMoment = nil, 0, nil }, "moments or steps without a run"},
	{"second moments without a run", func(c *Checkpoint) { c.Run, c.State.Step, c.State.FirstMoment = nil, 0, nil }, "moments or steps without a run"},
	{"steps without a run", func(c *Checkpoint) { c.Run, c.State.FirstMoment, c.State.SecondMoment = nil, nil, nil }, "moments or steps without a run"},
	{"run without moments", func(c *Checkpoint) { c.State.FirstMoment, c.State.SecondMoment = nil, nil },
		"first moments (adam.m.): model: parameter encoder.0.weight is missing"},
	{"run without second moments", func(c *Checkpoint) { c.State.SecondMoment = nil },
		"second moments (adam.v.): model: parameter encoder.0.weight is missing"},
	{"NaN in a tensor", func(c *Checkpoint) { c.State.FirstMoment["mean.bias"].Data().([]float32)[1] = float32(math.NaN()) },
		"adam.m.mean.bias: value 1 is NaN"},
	{"tensor missing", func(c *Checkpoint) { delete(c.State.SecondMoment, "mean.bias") }, "parameter mean.bias is missing"},
	{"tensor left over", func(c *Checkpoint) { c.State.Weights["head.bias"] = numbered(tensor.Shape{1}, 0, 1) }, "unknown parameter head.bias"},
	{"no tensors", func(c *Checkpoint) { c.State.Weights = nil }, "weights: model: parameter encoder.0.weight is missing"},
	{"nil tensor", func(c *Checkpoint) { c.State.Weights["mean.bias"] = nil }, "mean.bias: it is nil"},
	{"float64", func(c *Checkpoint) {
		c.State.Weights["mean.bias"] = tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2))
	}, "mean.bias: its values are float64, want float32"},
	{"transposed view", func(c *Checkpoint) {
		view := numbered(tensor.Shape{4, 2}, 0, 1)
		if err := view.T(); err != nil {
			panic(err)
		}
		c.State.Weights["mean.weight"] = view
	}, "mean.weight: it is not stored row by row"},
	{"sliced view", func(c *Checkpoint) {
		view, err := numbered(tensor.Shape{2, 6}, 0, 1).Slice(nil, tensor.S(1, 5))
		if err != nil {
			panic(err)
		}
		c.State.Weights["mean.weight"] = view.(*tensor.Dense)
	}, "mean.weight: it is not stored row by row"},
	{"column-major", func(c *Checkpoint) {
		c.State.Weights["mean.weight"] = tensor.New(tensor.WithShape(2, 4), tensor.AsFortran(make([]float32, 8)))
	}, "mean.weight: it is not stored row by row"},
}

func TestSaveRefusesAndKeepsTheOldFile(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
			if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			c := example()
			test.spoil(c)
			wantError(t, Save(path, c), path, test.want)
			if got := readFile(t, path); string(got) != "old" {
				t.Errorf("the old file now holds %d bytes %.20q", len(got), got)
			}
			if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
				t.Errorf("the folder holds %v, want the old file alone (%v)", files, err)
			}

			var written bytes.Buffer
			wantError(t, Write(&written, c), "write checkpoint", test.want)
			if written.Len() != 0 {
				t.Errorf("Write has written %d bytes, want none", written.Len())
			}
		})
	}
}

func TestSaveIntoMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "checkpoint.safetensors")
	err := Save(path, example())
	wantError(t, err, path, "")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %q does not wrap fs.ErrNotExist", err)
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing.safetensors")
	_, err := Load(missing)
	wantError(t, err, missing, "no checkpoint at")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %q does not wrap fs.ErrNotExist", err)
	}
	_, err = Load(folder)
	wantError(t, err, folder, "is a folder")
}

// wantError checks that err names the file, or the act, and says what is wrong.
func wantError(t *testing.T, err error, path, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("error %q does not name %s", err, path)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want %q in it", err, want)
	}
}

// roundTrip checks that a checkpoint comes back from a stream as it went in.
func roundTrip(t *testing.T, want *Checkpoint) {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

// wantSame checks that two checkpoints are the same, bit for bit.
func wantSame(t *testing.T, got, want *Checkpoint) {
	t.Helper()
	if !reflect.DeepEqual(got.Config, want.Config) {
		t.Errorf("config is %+v, want %+v", got.Config, want.Config)
	}
	if got.State.Step != want.State.Step {
		t.Errorf("step is %d, want %d", got.State.Step, want.State.Step)
	}
	if !reflect.DeepEqual(got.Run, want.Run) {
		t.Errorf("run is %+v, want %+v", got.Run, want.Run)
	}
	wantSameBits(t, "weights", got.State.Weights, want.State.Weights)
	wantSameBits(t, "first moments", got.State.FirstMoment, want.State.FirstMoment)
	wantSameBits(t, "second moments", got.State.SecondMoment, want.State.SecondMoment)
}

func wantSameBits(t *testing.T, what string, got, want model.Tensors) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok || !g.Shape().Eq(w.Shape()) {
			t.Errorf("%s: %s is missing or has another shape than %v", what, name, w.Shape())
			continue
		}
		gotValues, wantValues := g.Data().([]float32), w.Data().([]float32)
		for i := range wantValues {
			if math.Float32bits(gotValues[i]) != math.Float32bits(wantValues[i]) {
				t.Errorf("%s: %s[%d] is %v, want %v", what, name, i, gotValues[i], wantValues[i])
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
