package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"govae/model"
	"govae/model/op"
)

func TestWeightsAloneRoundTrip(t *testing.T) {
	whole := example()
	want := whole.Weights()
	if want.Run != nil || want.State.Step != 0 || want.State.FirstMoment != nil || want.State.SecondMoment != nil {
		t.Errorf("the weights alone are %+v", want)
	}
	for name, w := range whole.State.Weights {
		if want.State.Weights[name] != w {
			t.Errorf("%s is a copy, want it shared", name)
		}
	}
	wantSame(t, whole, example()) // as it was

	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
	if got.Run != nil || got.State.FirstMoment != nil || got.State.SecondMoment != nil {
		t.Errorf("the weights alone are read as %+v", got)
	}

	var stream, wholeStream bytes.Buffer
	if err := errors.Join(Write(&stream, want), Write(&wholeStream, whole)); err != nil {
		t.Fatal(err)
	}
	values := func(file []byte) int { return len(file) - 8 - int(binary.LittleEndian.Uint64(file)) }
	if alone, all := values(stream.Bytes()), values(wholeStream.Bytes()); 3*alone != all || alone == 0 {
		t.Errorf("the weights alone have %d bytes of values, and all the checkpoint %d, want a third", alone, all)
	}
	if got, err = Read(&stream); err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

// TestReadRefusesARunWithoutMoments gives a file that no Write makes. One with moments and no run is among the corrupt headers.
func TestReadRefusesARunWithoutMoments(t *testing.T) {
	c := example()
	metadata, err := c.metadata()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := encodeTo(&file, metadata, c.State.Weights); err != nil {
		t.Fatal(err)
	}
	_, err = Read(&file)
	wantError(t, err, "checkpoint: ", "first moments (adam.m.): model: parameter encoder.0.weight is missing")
}

// entry is a tensor of a file that another program has written.
type entry struct {
	dtype string
	shape []int
	bytes []byte
}

// float32s returns a tensor whose values count up from start.
func float32s(start int, shape ...int) entry {
	n := 1
	for _, size := range shape {
		n *= size
	}
	var values []byte
	for i := range n {
		values = binary.LittleEndian.AppendUint32(values, math.Float32bits(float32(start+i)))
	}
	return entry{"F32", shape, values}
}

// othersEntries are the tensors of 9-5-4-(2+2)-4-5-9, as torch.nn.Linear has them. The values of each layer count up from a
// hundred of their own.
func othersEntries() map[string]entry {
	return map[string]entry{
		"encoder.0.weight": float32s(100, 5, 9), "encoder.0.bias": float32s(150, 5),
		"encoder.2.weight": float32s(200, 4, 5), "encoder.2.bias": float32s(250, 4),
		"mean.weight": float32s(300, 2, 4), "mean.bias": float32s(350, 2),
		"logVar.weight": float32s(400, 2, 4), "logVar.bias": float32s(450, 2),
		"decoder.0.weight": float32s(500, 4, 2), "decoder.0.bias": float32s(550, 4),
		"decoder.2.weight": float32s(600, 5, 4), "decoder.2.bias": float32s(650, 5),
		"decoder.4.weight": float32s(700, 9, 5), "decoder.4.bias": float32s(750, 9),
	}
}

// withPixels gives the entries another number of pixels.
func withPixels(entries map[string]entry, pixels int) {
	entries["encoder.0.weight"] = float32s(0, 5, pixels)
	entries["decoder.4.weight"], entries["decoder.4.bias"] = float32s(0, pixels, 5), float32s(0, pixels)
}

// othersFile returns the path of a safetensors file with the entries, written as the format's description says, without this
// package's writer. The values stand in the reverse order of the names.
func othersFile(t *testing.T, metadata map[string]string, entries map[string]entry) string {
	t.Helper()
	header := make(map[string]any)
	if metadata != nil {
		header["__metadata__"] = metadata
	}
	var values []byte
	names := slices.Sorted(maps.Keys(entries))
	slices.Reverse(names)
	for _, name := range names {
		e, begin := entries[name], len(values)
		values = append(values, e.bytes...)
		header[name] = map[string]any{"dtype": e.dtype, "shape": e.shape, "data_offsets": []int{begin, len(values)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "others.safetensors")
	if err := os.WriteFile(path, tinyFile(string(text), values), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// like is what the tests say of a model whose weights say nothing of it: no size of it is that of othersEntries.
func like() model.Config {
	cfg := model.DefaultConfig()
	cfg.Activation = op.Sigmoid
	cfg.Classes = 3
	cfg.Hidden = []int{8, 7, 6}
	return cfg
}

func TestLoadWeights(t *testing.T) {
	for name, metadata := range map[string]map[string]string{"metadata of another program": {"format": "pt"}, "no metadata": nil} {
		t.Run(name, func(t *testing.T) {
			path := othersFile(t, metadata, othersEntries())
			if _, err := Load(path); !errors.Is(err, ErrForeign) {
				t.Errorf("Load's error is %v, want ErrForeign", err)
			}
			got, err := LoadWeights(path, like())
			if err != nil {
				t.Fatal(err)
			}
			if want := (model.Config{
				Kind: model.VAE, Image: model.Image{Height: 3, Width: 3, Channels: 1}, Classes: 3, Hidden: []int{5, 4}, Latent: 2,
				Likelihood: model.Bernoulli, Activation: op.Sigmoid,
			}); !reflect.DeepEqual(got.Config, want) {
				t.Errorf("config is %+v, want %+v", got.Config, want)
			}
			if got.Run != nil || got.State.Step != 0 || got.State.FirstMoment != nil || got.State.SecondMoment != nil {
				t.Errorf("more than weights is read: %+v", got)
			}
			for name, e := range othersEntries() {
				first := math.Float32frombits(binary.LittleEndian.Uint32(e.bytes))
				values := got.State.Weights[name].Data().([]float32)
				if len(values) != len(e.bytes)/4 {
					t.Errorf("%s has %d values, want %d", name, len(values), len(e.bytes)/4)
				}
				for i, v := range values {
					if v != first+float32(i) {
						t.Errorf("%s[%d] is %v, want %v", name, i, v, first+float32(i))
					}
				}
			}

			roundTrip(t, got)
		})
	}
}

func TestLoadWeightsOfOtherImages(t *testing.T) {
	for _, test := range []struct {
		pixels     int
		like, want model.Image // want zero: an error
	}{
		{16, model.Image{Height: 28, Width: 28, Channels: 1}, model.Image{Height: 4, Width: 4, Channels: 1}},
		{27, model.Image{Height: 28, Width: 28, Channels: 1}, model.Image{Height: 3, Width: 3, Channels: 3}},
		{1, model.Image{}, model.Image{Height: 1, Width: 1, Channels: 1}},
		{3, model.Image{}, model.Image{Height: 1, Width: 1, Channels: 3}},
		{16, model.Image{Height: 2, Width: 8, Channels: 1}, model.Image{Height: 2, Width: 8, Channels: 1}},
		{36, model.Image{Height: 3, Width: 4, Channels: 3}, model.Image{Height: 3, Width: 4, Channels: 3}},
		{10, model.Image{Height: 5, Width: 2, Channels: 1}, model.Image{Height: 5, Width: 2, Channels: 1}},
		{10, model.Image{Height: 28, Width: 28, Channels: 1}, model.Image{}},
		{28, model.Image{Height: 3, Width: 3, Channels: 3}, model.Image{}}, // 3·3·3 and one more
	} {
		entries := othersEntries()
		withPixels(entries, test.pixels)
		cfg := like()
		cfg.Image = test.like
		path := othersFile(t, nil, entries)
		got, err := LoadWeights(path, cfg)
		switch {
		case test.want == (model.Image{}):
			wantError(t, err, path, fmt.Sprintf("images of %d values are neither %v nor square: say of what shape they are", test.pixels, test.like))
		case err != nil:
			t.Errorf("%d pixels, like %v: %v", test.pixels, test.like, err)
		case got.Config.Image != test.want:
			t.Errorf("%d pixels, like %v: the images are %v, want %v", test.pixels, test.like, got.Config.Image, test.want)
		}
	}
}

func TestLoadWeightsRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(map[string]entry)
		want  string
	}{
		{"tensor left over", func(e map[string]entry) { e["head.weight"] = float32s(0, 2, 2) }, "unknown parameter head.weight"},
		{"moments", func(e map[string]entry) { e["adam.m.mean.bias"] = float32s(0, 2) }, "unknown parameter adam.m.mean.bias"},
		{"no encoder", func(e map[string]entry) { delete(e, "encoder.0.weight") }, "parameter encoder.0.weight is missing"},
		{"no decoder", func(e map[string]entry) { delete(e, "decoder.0.weight") }, "parameter decoder.0.weight is missing"},
		{"no head", func(e map[string]entry) { delete(e, "logVar.weight") }, "parameter logVar.weight is missing"},
		{"no bias", func(e map[string]entry) { delete(e, "decoder.2.bias") }, "parameter decoder.2.bias is missing"},
		{"nothing", func(e map[string]entry) { clear(e) }, "parameter encoder.0.weight is missing"},
		{"float16", func(e map[string]entry) { e["mean.bias"] = entry{"F16", []int{2}, make([]byte, 4)} }, `tensor "mean.bias": dtype is "F16", want F32`},
		{"float64", func(e map[string]entry) { e["mean.bias"] = entry{"F64", []int{2}, make([]byte, 16)} }, `tensor "mean.bias": dtype is "F64", want F32`},
		{"weight of one dimension", func(e map[string]entry) { e["encoder.2.weight"] = float32s(0, 20) }, "parameter encoder.2.weight has shape (20), want (4, 5)"},
		{"weight of three", func(e map[string]entry) { e["encoder.0.weight"] = float32s(0, 5, 9, 1) }, "parameter encoder.0.weight has shape (5, 9, 1), want two dimensions"},
		{"bias of two", func(e map[string]entry) { e["mean.bias"] = float32s(0, 2, 1) }, "parameter mean.bias has shape (2, 1), want (2)"},
		{"weight transposed", func(e map[string]entry) { e["mean.weight"] = float32s(0, 4, 2) }, "parameter mean.weight has shape (4, 2), want (2, 4)"},
		{"no values", func(e map[string]entry) { e["mean.bias"] = float32s(0, 0) }, `tensor "mean.bias": shape [0] has a dimension below 1`},
		{"no values in a weight", func(e map[string]entry) { e["encoder.0.weight"] = float32s(0, 0, 9) }, `tensor "encoder.0.weight": shape [0 9] has a dimension below 1`},
		{"scalar", func(e map[string]entry) { e["mean.bias"] = entry{"F32", []int{}, make([]byte, 4)} }, `tensor "mean.bias": shape is missing or empty`},
		{"decoder that does not mirror", func(e map[string]entry) {
			e["decoder.0.weight"], e["decoder.0.bias"] = float32s(0, 3, 2), float32s(0, 3)
			e["decoder.2.weight"] = float32s(0, 5, 3)
		}, "parameter encoder.2.weight has shape (4, 5), want (3, 5)"},
		{"decoder of fewer layers", func(e map[string]entry) {
			e["decoder.2.weight"], e["decoder.2.bias"] = float32s(0, 9, 4), float32s(0, 9)
			delete(e, "decoder.4.weight")
			delete(e, "decoder.4.bias")
		}, "parameter encoder.0.weight has shape (5, 9), want (4, 9)"},
		{"not a number", func(e map[string]entry) { copy(e["mean.bias"].bytes[4:], "\x00\x00\xc0\x7f") }, "tensor mean.bias: value 1 is NaN"},
		{"70 layers", func(e map[string]entry) {
			for i := 0; i < 2*70; i += 2 {
				name := fmt.Sprintf("encoder.%d.", i)
				e[name+"weight"], e[name+"bias"] = float32s(0, 5, 5), float32s(0, 5)
				name = fmt.Sprintf("decoder.%d.", i)
				e[name+"weight"], e[name+"bias"] = float32s(0, 5, 5), float32s(0, 5)
			}
			withPixels(e, 9)
		}, "want 1 to 64 numbers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			entries := othersEntries()
			test.spoil(entries)
			path := othersFile(t, map[string]string{"format": "pt"}, entries)
			c, err := LoadWeights(path, like())
			wantError(t, err, path, test.want)
			if c != nil {
				t.Error("weights come with the error")
			}
		})
	}
}

func TestLoadWeightsRefusesWhatLoadReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	if err := Save(path, example().Weights()); err != nil {
		t.Fatal(err)
	}
	_, err := LoadWeights(path, like())
	wantError(t, err, path, "says itself what model it is of")
}

func TestLoadWeightsWithoutAFile(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing.safetensors")
	_, err := LoadWeights(missing, like())
	wantError(t, err, missing, "no checkpoint at")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %q does not wrap fs.ErrNotExist", err)
	}
	_, err = LoadWeights(folder, like())
	wantError(t, err, folder, "is a folder")
}

func TestLoadWeightsRefusesAnInvalidLike(t *testing.T) {
	cfg := like()
	cfg.Activation = "swish"
	path := othersFile(t, nil, othersEntries())
	_, err := LoadWeights(path, cfg)
	wantError(t, err, path, `activation is "swish"`)
	if strings.Contains(err.Error(), "encoder") {
		t.Errorf("error %q blames the file", err)
	}
}

// TestReadWeights reads from a stream what LoadWeights reads from a file.
func TestReadWeights(t *testing.T) {
	path := othersFile(t, map[string]string{"format": "pt"}, othersEntries())
	want, err := LoadWeights(path, like())
	if err != nil {
		t.Fatal(err)
	}
	file := readFile(t, path)
	got, err := ReadWeights(iotest.OneByteReader(bytes.NewReader(file)), like())
	if err != nil || got.Config.String() != want.Config.String() {
		t.Fatalf("got %v (%v), want %v", got, err, want.Config)
	}
	wantSameBits(t, "weights", got.State.Weights, want.State.Weights)
	if c, err := ReadWeights(bytes.NewReader(file[:len(file)-1]), like()); err == nil || c != nil || !strings.HasPrefix(err.Error(), "weights: ") {
		t.Errorf("of a file cut short: %v, %v", c, err)
	}
}

// TestLoadWeightsNamesBoth checks that a parameter under a name like ours, as logvar is, is named beside the one that is missing.
func TestLoadWeightsNamesBoth(t *testing.T) {
	entries := othersEntries()
	entries["logvar.weight"] = entries["logVar.weight"]
	delete(entries, "logVar.weight")
	_, err := LoadWeights(othersFile(t, nil, entries), like())
	wantError(t, err, "", "parameter logVar.weight is missing, and logvar.weight is unknown")
}
