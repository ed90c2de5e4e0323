package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The smallest checkpoint, written by hand: every layer has one unit, every tensor one value,
// and the value of each tensor is its place in the file.

const (
	tinyConfig = `{"kind":"vae","image":{"height":1,"width":1,"channels":1},"hidden":[1],"latent":1,` +
		`"likelihood":"bernoulli","activation":"relu","seed":1}`
	tinyRun = `{"step":5,"epoch":2,"batch":3,"learning_rate":0.001,"beta":1,` +
		`"data":{"name":"MNIST","images":7,"fingerprint":"abc"},` +
		`"partial":{"images":3,"reconstruction":4.5,"kl":0.5,"seconds":2},"best_epoch":1,"best_loss":105.5}`
)

// tinyHeader returns the header of the smallest checkpoint, as text that a test can spoil.
func tinyHeader() string {
	header := `{"__metadata__":{"format":"govae","version":"1","config":` + strconv.Quote(tinyConfig) + `,"run":` + strconv.Quote(tinyRun) + `}`
	place := 0
	for _, prefix := range []string{"", "adam.m.", "adam.v."} {
		for _, layer := range []string{"encoder.0", "mean", "logVar", "decoder.0", "decoder.2"} {
			header += fmt.Sprintf(`,"%s%s.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[%d,%d]}`, prefix, layer, place, place+4)
			header += fmt.Sprintf(`,"%s%s.bias":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}`, prefix, layer, place+4, place+8)
			place += 8
		}
	}
	return header + "}"
}

// tinyValues returns the values of the smallest checkpoint.
func tinyValues() []byte {
	var values []byte
	for i := range 30 {
		values = binary.LittleEndian.AppendUint32(values, math.Float32bits(float32(i)))
	}
	return values
}

func tinyFile(header string, values []byte) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), values...)
}

func TestLoadHandwritten(t *testing.T) {
	c, err := loadBytes(t, tinyFile(tinyHeader(), tinyValues()))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Run{
		Step: 5, Epoch: 2, Batch: 3, LearningRate: 0.001, Beta: 1,
		Data:      Data{Name: "MNIST", Images: 7, Fingerprint: "abc"},
		Partial:   Sums{Images: 3, Reconstruction: 4.5, KL: 0.5, Seconds: 2},
		BestEpoch: 1, BestLoss: 105.5,
	}); c.Run != want {
		t.Errorf("run is %+v, want %+v", c.Run, want)
	}
	for _, test := range []struct {
		name  string
		value any
		want  float32
	}{
		{"encoder.0.weight", c.Weights["encoder.0.weight"].Data(), 0},
		{"logVar.bias", c.Weights["logVar.bias"].Data(), 5},
		{"adam.m.mean.weight", c.FirstMoment["mean.weight"].Data(), 12},
		{"adam.v.decoder.2.bias", c.SecondMoment["decoder.2.bias"].Data(), 29},
	} {
		if got := test.value.([]float32); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s is %v, want [%v]", test.name, got, test.want)
		}
	}
}

// corruptHeaders are edits of the header's text, each with a part of the error that it must give.
var corruptHeaders = []struct{ name, old, new, want string }{
	{"JSON cut short", `[116,120]}}`, `[116,120]}`, "not valid JSON"},
	{"text after the JSON", `[116,120]}}`, `[116,120]}}x`, "not valid JSON"},
	{"entry of the wrong type", `"shape":[1,1],"data_offsets":[0,4]`, `"shape":"1","data_offsets":[0,4]`, "encoder.0.weight"},
	{"tensor twice", `"mean.bias"`, `"mean.weight"`, `the key "mean.weight" is there twice`},
	{"key of a tensor twice", `"dtype":"F32","shape":[1,1]`, `"dtype":"F32","dtype":"F32","shape":[1,1]`, `the key "dtype" is there twice`},
	{"unknown key of a tensor", `"data_offsets":[0,4]`, `"data_offsets":[0,4],"device":"cpu"`, "device"},

	{"dtype of another size", `"encoder.0.weight":{"dtype":"F32"`, `"encoder.0.weight":{"dtype":"F64"`, `tensor "encoder.0.weight": dtype is "F64"`},
	{"dtype missing", `"encoder.0.weight":{"dtype":"F32",`, `"encoder.0.weight":{`, `the field "dtype" is missing`},
	{"shape missing", `"shape":[1,1],"data_offsets":[0,4]`, `"data_offsets":[0,4]`, `the field "shape" is missing`},
	{"scalar", `[1,1],"data_offsets":[0,4]`, `[],"data_offsets":[0,4]`, "shape is missing or empty"},
	{"negative dimensions", `[1,1],"data_offsets":[0,4]`, `[-1,-1],"data_offsets":[0,4]`, "shape [-1 -1] has a dimension below 1"},
	{"zero dimension", `[1,1],"data_offsets":[0,4]`, `[1,0],"data_offsets":[0,0]`, "shape [1 0] has a dimension below 1"},
	{"fractional dimension", `[1,1],"data_offsets":[0,4]`, `[1,1.5],"data_offsets":[0,4]`, "encoder.0.weight"},
	{"dimension over 64 bits", `[1,1],"data_offsets":[0,4]`, `[1,18446744073709551617],"data_offsets":[0,4]`, "encoder.0.weight"},
	{"product wraps to 1", `[1,1],"data_offsets":[0,4]`, `[2147483649,2147483649,4294967295,2147483647],"data_offsets":[0,4]`, "too large"},
	{"product wraps to 0", `[1,1],"data_offsets":[0,4]`, `[1073741824,1073741824,1073741824],"data_offsets":[0,0]`, "too large"},
	{"shape needs more", `[1,1],"data_offsets":[0,4]`, `[1,2],"data_offsets":[0,4]`, "needs 8 bytes, data_offsets [0 4] span 4"},
	{"shape needs less", `[1,1],"data_offsets":[0,4]`, `[1,1],"data_offsets":[0,8]`, "needs 4 bytes, data_offsets [0 8] span 8"},

	{"offsets missing", `,"data_offsets":[0,4]`, ``, `the field "data_offsets" is missing`},
	{"three offsets", `"data_offsets":[0,4]`, `"data_offsets":[0,4,8]`, "data_offsets has 3 numbers"},
	{"begin after end", `"data_offsets":[4,8]`, `"data_offsets":[8,4]`, "data_offsets [8 4] are no range"},
	{"negative begin", `"data_offsets":[0,4]`, `"data_offsets":[-4,0]`, "data_offsets [-4 0] are no range"},
	{"past the end", `"data_offsets":[116,120]`, `"data_offsets":[120,124]`, "end at byte 124 of 120"},
	{"far past the end", `[1,1],"data_offsets":[0,4]`, `[1073741824,1024],"data_offsets":[0,4398046511104]`, "end at byte 4398046511104 of 120"},
	{"overlap", `"data_offsets":[4,8]`, `"data_offsets":[0,4]`, "within another tensor"},
	{"gap", `"data_offsets":[4,8]`, `"data_offsets":[8,12]`, "bytes 4 to 8 before it belong to no tensor"},

	{"metadata not strings", `"version":"1"`, `"version":1`, "__metadata__"},
	{"metadata key twice", `"version":"1"`, `"version":"1","version":"1"`, `the key "version" is there twice`},
	{"no format", `"format":"govae",`, ``, `format is ""`},
	{"another format", `"format":"govae"`, `"format":"pt"`, `format is "pt", want govae`},
	{"no version", `"version":"1",`, ``, `version is ""`},
	{"newer version", `"version":"1"`, `"version":"2"`, `version is "2", but this program reads version 1 only`},

	{"no config", strconv.Quote(tinyConfig), `""`, "config: it is not valid JSON"},
	{"config is an array", strconv.Quote(tinyConfig), `"[]"`, "config: json"},
	{"config is null", strconv.Quote(tinyConfig), `"null"`, `config: the field "activation" is missing`},
	{"config without a seed", `,\"seed\":`, `,\"sead\":`, `config: unknown field "sead"`},
	{"config with a field in another case", `\"latent\":1`, `\"LATENT\":1`, `config: unknown field "LATENT"`},
	{"config does not validate", `\"latent\":1`, `\"latent\":0`, "config: model: latent is 0"},
	{"config asks for too much", `\"hidden\":[1]`, `\"hidden\":[65536,65536]`, "parameters, want at most"},
	{"config does not fit", `\"latent\":1`, `\"latent\":2`, "parameter mean.weight has shape (1, 1), want (2, 1)"},
	{"config with an unknown field", `\"latent\":1`, `\"latent\":1,\"classes\":10`, "classes"},
	{"config with a field twice", `\"latent\":1`, `\"latent\":1,\"latent\":1`, `config: the key "latent" is there twice`},

	{"no run", strconv.Quote(tinyRun), `""`, "run: it is not valid JSON"},
	{"run without β", `,\"beta\":1`, ``, `run: the field "beta" is missing`},
	{"run without the images of an epoch", `\"partial\":{\"images\":3,`, `\"partial\":{`, `run: partial: the field "images" is missing`},
	{"negative step", `\"step\":5`, `\"step\":-5`, "run: json"},
	{"negative epoch", `\"epoch\":2`, `\"epoch\":-2`, "run: epoch is -2"},
	{"no batch", `\"batch\":3`, `\"batch\":0`, "run: batch is 0"},
	{"no learning rate", `\"learning_rate\":0.001`, `\"learning_rate\":0`, "run: learning_rate is 0"},
	{"negative learning rate", `\"learning_rate\":0.001`, `\"learning_rate\":-1`, "run: learning_rate is -1"},
	{"learning rate over float64", `\"learning_rate\":0.001`, `\"learning_rate\":1e999`, "run: "},
	{"negative beta", `\"beta\":1`, `\"beta\":-0.5`, "run: beta is -0.5"},
	{"no images", `\"images\":7`, `\"images\":0`, "run: data.images is 0"},
	{"more images seen than there are", `\"images\":3`, `\"images\":8`, "run: partial.images is 8, want at most 7"},
	{"negative images seen", `\"images\":3`, `\"images\":-1`, "run: partial.images is -1"},
	{"negative seconds", `\"seconds\":2`, `\"seconds\":-2`, "run: partial.seconds is -2"},
	{"best epoch to come", `\"best_epoch\":1`, `\"best_epoch\":3`, "run: best_epoch is 3, want at most 2"},

	{"weight under another name", `"mean.weight"`, `"mu.weight"`, "weights: model: parameter mean.weight is missing"},
	{"weight transposed", `"mean.bias":{"dtype":"F32","shape":[1]`, `"mean.bias":{"dtype":"F32","shape":[1,1]`, "parameter mean.bias has shape (1, 1), want (1)"},
	{"first moment missing", `"adam.m.mean.bias"`, `"adam.x.mean.bias"`, "first moments (adam.m.): model: parameter mean.bias is missing"},
	{"second moment of another shape", `"adam.v.mean.bias":{"dtype":"F32","shape":[1]`, `"adam.v.mean.bias":{"dtype":"F32","shape":[1,1]`, "second moments (adam.v.): model: parameter mean.bias has shape"},
}

func TestLoadRefusesCorruptHeaders(t *testing.T) {
	for _, test := range corruptHeaders {
		t.Run(test.name, func(t *testing.T) {
			header := strings.Replace(tinyHeader(), test.old, test.new, 1)
			if header == tinyHeader() {
				t.Fatalf("the header has no %s", test.old)
			}
			_, err := loadBytes(t, tinyFile(header, tinyValues()))
			wantError(t, err, "corrupt.safetensors", test.want)
		})
	}
}

// corruptFiles are files whose header is sound, or not there.
func corruptFiles() []struct {
	name, want string
	file       []byte
} {
	header, values := tinyHeader(), tinyValues()
	file := tinyFile(header, values)
	withLength := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), file[8:]...) }
	withValue := func(place int, v float64) []byte {
		changed := tinyValues()
		binary.LittleEndian.PutUint32(changed[4*place:], math.Float32bits(float32(v)))
		return tinyFile(header, changed)
	}
	return []struct {
		name, want string
		file       []byte
	}{
		{"empty", "it has 0 bytes", nil},
		{"seven bytes", "it has 7 bytes", file[:7]},
		{"header length alone", "only 0 follow", file[:8]},
		{"header cut short", "only 92 follow", file[:100]},
		{"header length over 63 bits", "claims 18446744073709551615 bytes", withLength(math.MaxUint64)},
		{"header length over the limit", "claims 1048577 bytes", withLength(1<<20 + 1)},
		{"header length 0", "not valid JSON", withLength(0)},
		{"header length too small", "not valid JSON", withLength(uint64(len(header) - 1))},
		{"header is an array", "header: json", tinyFile("[]", values)},
		{"header is null", "__metadata__ is missing", tinyFile("null", values)},
		{"header without tensors", "the last 120 of 120 bytes", tinyFile(`{"__metadata__":{}}`, values)},
		{"header without metadata", "__metadata__ is missing", tinyFile("{}", nil)},
		{"metadata null", "__metadata__ is missing", tinyFile(`{"__metadata__":null}`, nil)},
		{"deeply nested header", "not valid JSON", tinyFile(strings.Repeat("[", maxHeaderSize), values)},
		{"a gzip file", "not a checkpoint", []byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03train-images")},
		{"values cut short", "end at byte 120 of 119", file[:len(file)-1]},
		{"values missing", "end at byte", file[:8+len(header)]},
		{"values left over", "the last 4 of 124 bytes", append(tinyFile(header, values), 0, 0, 0, 0)},
		{"NaN weight", "tensor mean.weight: value 0 is NaN", withValue(2, math.NaN())},
		{"infinite moment", "tensor adam.m.encoder.0.bias: value 0 is -Inf", withValue(11, math.Inf(-1))},
		{"negative second moment", "tensor adam.v.encoder.0.weight: value 0 is -1", withValue(20, -1)},
	}
}

func TestLoadRefusesCorruptFiles(t *testing.T) {
	for _, test := range corruptFiles() {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadBytes(t, test.file)
			wantError(t, err, "corrupt.safetensors", test.want)
		})
	}
}

func loadBytes(t *testing.T, file []byte) (*Checkpoint, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corrupt.safetensors")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

// zeros are the contents of a sparse file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestLoadBelievesTheConfigBeforeItAllocates gives a file of 4 TiB, which takes no room on the disk where it is sparse.
func TestLoadBelievesTheConfigBeforeItAllocates(t *testing.T) {
	const size = 4 << 40
	header := strings.Replace(tinyHeader(), `{"__metadata__"`, fmt.Sprintf(`{"x":{"dtype":"F32","shape":[%d],"data_offsets":[120,%d]},"__metadata__"`, (size-120)/4, int64(size)), 1)
	file := tinyFile(header, tinyValues())
	_, err := read(io.MultiReader(bytes.NewReader(file), zeros{}), int64(8+len(header))+size)
	if err == nil || !strings.Contains(err.Error(), "unknown parameter x") {
		t.Errorf("error is %v, want one that names x", err)
	}
}
