package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"govae/internal/setting"
	"govae/model/machine"
)

// The smallest checkpoint, written by hand: every layer has one unit, every tensor one value,
// and the value of each tensor is its place in the file.

const (
	tinyConfig = `{"kind":"vae","image":{"height":1,"width":1,"channels":1},"classes":0,"hidden":[1],"latent":1,` +
		`"likelihood":"bernoulli","activation":"relu"}`
	tinyRun = `{"step":5,"settings":{"seed":1,"batch":3,"learning_rate":0.001,"beta":1},` +
		`"changes":[{"step":2,"name":"beta","from":"2","to":"1"}],"data":{"name":"MNIST","images":7,"fingerprint":"abc"},"epoch":2,` +
		`"partial":{"images":3,"terms":{"loss":5.25,"reconstruction":4.5,"kl":0.5},"seconds":2},"best_epoch":1,"best_loss":105.5}`
)

// tinyHeader returns the header of the smallest checkpoint, as text that a test can spoil.
func tinyHeader() string {
	return headerOf(`"version":"2","config":` + strconv.Quote(tinyConfig) + `,"run":` + strconv.Quote(tinyRun))
}

// headerOf returns the header of a file with the smallest checkpoint's tensors, and metadata with more than the format.
func headerOf(metadata string) string {
	header := `{"__metadata__":{"format":"govae",` + metadata + `}`
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
	if want := (&Run{
		Settings:  machine.Settings{Seed: 1, Batch: 3, LearningRate: 0.001, Beta: 1},
		Changes:   []Change{{Step: 2, Change: setting.Change{Name: "beta", From: "2", To: "1"}}},
		Data:      Data{Name: "MNIST", Images: 7, Fingerprint: "abc"},
		Epoch:     2,
		Partial:   Sums{Images: 3, Terms: map[string]float64{"loss": 5.25, "reconstruction": 4.5, "kl": 0.5}, Seconds: 2},
		BestEpoch: 1, BestLoss: 105.5,
	}); !reflect.DeepEqual(c.Run, want) || c.State.Step != 5 {
		t.Errorf("step is %d and run %+v, want 5 and %+v", c.State.Step, c.Run, want)
	}
	wantTinyTensors(t, c)
}

// wantTinyTensors checks some of the smallest checkpoint's tensors, of each set.
func wantTinyTensors(t *testing.T, c *Checkpoint) {
	t.Helper()
	for _, test := range []struct {
		name  string
		value any
		want  float32
	}{
		{"encoder.0.weight", c.State.Weights["encoder.0.weight"].Data(), 0},
		{"logVar.bias", c.State.Weights["logVar.bias"].Data(), 5},
		{"adam.m.mean.weight", c.State.FirstMoment["mean.weight"].Data(), 12},
		{"adam.v.decoder.2.bias", c.State.SecondMoment["decoder.2.bias"].Data(), 29},
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
	{"entry of the wrong type", `"shape":[1,1],"data_offsets":[0,4]`, `"shape":"1","data_offsets":[0,4]`, `header: tensor "encoder.0.weight": shape is a string, want an array`},
	{"tensor twice", `"mean.bias"`, `"mean.weight"`, `the key "mean.weight" is there twice`},
	{"key of a tensor twice", `"dtype":"F32","shape":[1,1]`, `"dtype":"F32","dtype":"F32","shape":[1,1]`, `the key "dtype" is there twice`},
	{"unknown key of a tensor", `"data_offsets":[0,4]`, `"data_offsets":[0,4],"device":"cpu"`, "device"},

	{"dtype of another size", `"encoder.0.weight":{"dtype":"F32"`, `"encoder.0.weight":{"dtype":"F64"`, `tensor "encoder.0.weight": dtype is "F64"`},
	{"dtype missing", `"encoder.0.weight":{"dtype":"F32",`, `"encoder.0.weight":{`, `the field "dtype" is missing`},
	{"shape missing", `"shape":[1,1],"data_offsets":[0,4]`, `"data_offsets":[0,4]`, `the field "shape" is missing`},
	{"scalar", `[1,1],"data_offsets":[0,4]`, `[],"data_offsets":[0,4]`, "shape is missing or empty"},
	{"nine dimensions", `[1,1],"data_offsets":[0,4]`, `[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]`, "shape has 9 dimensions, want at most 8"},
	{"negative dimensions", `[1,1],"data_offsets":[0,4]`, `[-1,-1],"data_offsets":[0,4]`, "shape [-1 -1] has a dimension below 1"},
	{"zero dimension", `[1,1],"data_offsets":[0,4]`, `[1,0],"data_offsets":[0,0]`, "shape [1 0] has a dimension below 1"},
	{"fractional dimension", `[1,1],"data_offsets":[0,4]`, `[1,1.5],"data_offsets":[0,4]`, `tensor "encoder.0.weight": shape is 1.5, want a whole number of 64 bits`},
	{"dimension over 64 bits", `[1,1],"data_offsets":[0,4]`, `[1,18446744073709551617],"data_offsets":[0,4]`, `tensor "encoder.0.weight": shape is 18446744073709551617, want a whole number of 64 bits`},
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

	{"dimension that is null", `[1,1],"data_offsets":[0,4]`, `[1,null],"data_offsets":[0,4]`, `tensor "encoder.0.weight": shape: [1]: it is null`},
	{"tensor that is null", `"encoder.0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}`, `"encoder.0.weight":null`, `tensor "encoder.0.weight": it is null`},

	{"metadata not strings", `"version":"2"`, `"version":2`, "header: __metadata__: it is a number, want a string"},
	{"metadata key twice", `"version":"2"`, `"version":"2","version":"2"`, `the key "version" is there twice`},
	{"no format", `"format":"govae",`, ``, `format is "", want govae: it is another program's file`},
	{"another format", `"format":"govae"`, `"format":"pt"`, `format is "pt", want govae: it is another program's file`},
	{"no version", `"version":"2",`, ``, `version is "", and this program reads versions 1 to 2`},
	{"newer version", `"version":"2"`, `"version":"3"`, `version is "3", and this program reads versions 1 to 2`},
	{"version 0", `"version":"2"`, `"version":"0"`, `version is "0", and`},
	{"version with a sign", `"version":"2"`, `"version":"+2"`, `version is "+2", and`},
	{"version with a zero before it", `"version":"2"`, `"version":"02"`, `version is "02", and`},
	{"version that is null", `"version":"2"`, `"version":null`, `__metadata__: version: it is null`},
	{"older version than it is", `"version":"2"`, `"version":"1"`, `version 1: config: the field "seed" is missing`},

	{"config missing", `"config":`, `"cfg":`, "metadata: config is missing"},
	{"no config", strconv.Quote(tinyConfig), `""`, "config: it is not valid JSON"},
	{"config is an array", strconv.Quote(tinyConfig), `"[]"`, "metadata: config: it is an array, want an object"},
	{"config is null", strconv.Quote(tinyConfig), `"null"`, "metadata: config: it is null"},
	{"config with a field of another name", `,\"classes\":`, `,\"clases\":`, `config: unknown field "clases"`},
	{"config without a field", `\"classes\":0,`, ``, `config: the field "classes" is missing`},
	{"config with a field in another case", `\"latent\":1`, `\"LATENT\":1`, `config: unknown field "LATENT"`},
	{"config with a field that is null", `\"classes\":0`, `\"classes\":null`, "config: classes: it is null"},
	{"config does not validate", `\"latent\":1`, `\"latent\":0`, "config: model: latent is 0"},
	{"config asks for too much", `\"hidden\":[1]`, `\"hidden\":[65536,65536]`, "parameters, want at most"},
	{"config does not fit", `\"latent\":1`, `\"latent\":2`, "parameter mean.weight has shape (1, 1), want (2, 1)"},
	{"config with an unknown field", `\"latent\":1`, `\"latent\":1,\"seed\":10`, `config: unknown field "seed"`},
	{"config with a field twice", `\"latent\":1`, `\"latent\":1,\"latent\":1`, `config: the key "latent" is there twice`},

	{"run missing", `"run":`, `"runs":`, "weights: model: unknown parameter adam.m.decoder.0.bias"},
	{"no run", strconv.Quote(tinyRun), `""`, "run: it is not valid JSON"},
	{"run is null", strconv.Quote(tinyRun), `"null"`, "metadata: run: it is null"},
	{"run without β", `,\"beta\":1`, ``, `run: settings: the field "beta" is missing`},
	{"run with a setting of another name", `\"seed\":1`, `\"sead\":1`, `run: settings: unknown field "sead"`},
	{"run with settings that are null", `{\"seed\":1,\"batch\":3,\"learning_rate\":0.001,\"beta\":1}`, `null`, `run: settings: it is null`},
	{"run without the images of an epoch", `\"partial\":{\"images\":3,`, `\"partial\":{`, `run: partial: the field "images" is missing`},
	{"run with the sums of version 1", `\"terms\":{\"loss\":5.25,\"reconstruction\":4.5,\"kl\":0.5}`, `\"reconstruction\":4.5,\"kl\":0.5`, `run: partial: unknown field "kl"`},
	{"run without the step", `\"step\":5,`, ``, `run: the field "step" is missing`},
	{"negative step", `\"step\":5`, `\"step\":-5`, "run: step is -5, want a whole number of 64 bits from 0 on"},
	{"step over 64 bits", `\"step\":5`, `\"step\":18446744073709551616`, "run: step is 18446744073709551616, want a whole number of 64 bits from 0 on"},
	{"step that is null", `\"step\":5`, `\"step\":null`, "run: step: it is null"},
	{"change of no setting", `\"name\":\"beta\",`, ``, `run: changes: [0]: the field "name" is missing`},
	{"change with an unknown field", `\"to\":\"1\"`, `\"to\":\"1\",\"by\":\"me\"`, `run: changes: [0]: unknown field "by"`},
	{"change with a field in another case", `\"to\":\"1\"`, `\"TO\":\"1\"`, `run: changes: [0]: unknown field "TO"`},
	{"change with a field twice", `\"to\":\"1\"`, `\"to\":\"1\",\"to\":\"1\"`, `run: the key "to" is there twice`},
	{"change of a number", `\"name\":\"beta\"`, `\"name\":7`, "run: changes.name is a number, want a string"},
	{"change at no step", `\"step\":2,`, `\"step\":true,`, "run: changes.step is true or false, want a whole number of 64 bits from 0 on"},
	{"changes that are none", `[{\"step\":2,\"name\":\"beta\",\"from\":\"2\",\"to\":\"1\"}]`, `{}`, "run: changes is an object, want an array"},
	{"change that is null", `[{\"step\":2,`, `[null,{\"step\":2,`, `run: changes: [0]: it is null`},
	{"negative epoch", `\"epoch\":2`, `\"epoch\":-2`, "run: epoch is -2"},
	{"no batch", `\"batch\":3`, `\"batch\":0`, "run: settings: batch is 0"},
	{"no learning rate", `\"learning_rate\":0.001`, `\"learning_rate\":0`, "run: settings: learning_rate is 0"},
	{"negative learning rate", `\"learning_rate\":0.001`, `\"learning_rate\":-1`, "run: settings: learning_rate is -1"},
	{"learning rate over float64", `\"learning_rate\":0.001`, `\"learning_rate\":1e999`, "run: settings.learning_rate is 1e999, want a number of 64 bits"},
	{"negative beta", `\"beta\":1`, `\"beta\":-0.5`, "run: settings: beta is -0.5"},
	{"no images", `\"images\":7`, `\"images\":0`, "run: data.images is 0"},
	{"more images seen than there are", `\"images\":3`, `\"images\":8`, "run: partial.images is 8, want at most 7"},
	{"negative images seen", `\"images\":3`, `\"images\":-1`, "run: partial.images is -1"},
	{"an unknown term", `\"kl\":0.5`, `\"kl\":0.5,\"distance\":1`, `run: partial.terms has "distance", which the model does not report`},
	{"no loss", `\"loss\":5.25,`, ``, "run: partial.terms has 2 sums for 3 images, want those of the images, with the loss among them"},
	{"no terms", `{\"loss\":5.25,\"reconstruction\":4.5,\"kl\":0.5}`, `null`, "run: partial.terms has 0 sums for 3 images"},
	{"terms in a list", `{\"loss\":5.25,\"reconstruction\":4.5,\"kl\":0.5}`, `[5.25,4.5,0.5]`, "run: partial.terms is an array, want an object"},
	{"terms of no images", `\"images\":3`, `\"images\":0`, "run: partial.terms has 3 sums for 0 images"},
	{"term over float64", `\"kl\":0.5`, `\"kl\":1e999`, "run: partial.terms is 1e999, want a number of 64 bits"},
	{"term that is null", `\"reconstruction\":4.5`, `\"reconstruction\":null`, "run: partial: terms: reconstruction: it is null"},
	{"negative seconds", `\"seconds\":2`, `\"seconds\":-2`, "run: partial.seconds is -2"},
	{"unknown precision", `\"epoch\":2`, `\"precision\":\"fp16\",\"epoch\":2`, `run: precision is "fp16", want float32, tf32`},
	{"precision that is a number", `\"epoch\":2`, `\"precision\":32,\"epoch\":2`, "run: precision is a number, want a string"},
	{"precision that is none", `\"epoch\":2`, `\"precision\":\"\",\"epoch\":2`, `run: unknown field "precision"`},
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
			wantRefused(t, tinyFile(header, tinyValues()), test.want, foreign[test.name])
		})
	}
}

// foreign has the tests whose files another program may have written. Of all the others the error must not say so.
var foreign = map[string]bool{
	"no format": true, "another format": true,
	"header is null": true, "header without metadata": true, "metadata null": true,
}

// wantRefused checks that Load refuses the file and says why, as ErrForeign or not, and that Read, which does not know the size,
// refuses the same.
func wantRefused(t *testing.T, file []byte, want string, foreign bool) {
	t.Helper()
	c, err := loadBytes(t, file)
	wantError(t, err, "corrupt.safetensors", want)
	if got := errors.Is(err, ErrForeign); got != foreign {
		t.Errorf("error %q is ErrForeign: %v, want %v", err, got, foreign)
	}
	read, readErr := Read(bytes.NewReader(file))
	wantError(t, readErr, "checkpoint: ", "")
	if foreign && !errors.Is(readErr, ErrForeign) {
		t.Errorf("Read: error %q is not ErrForeign", readErr)
	}
	if c != nil || read != nil {
		t.Errorf("a checkpoint comes with the error %q", err)
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
		{"header is an array", "header: it is an array, want an object", tinyFile("[]", values)},
		{"header is null", "__metadata__ is missing", tinyFile("null", nil)},
		{"header is null before values", "the last 120 of 120 bytes", tinyFile("null", values)},
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
		t.Run(test.name, func(t *testing.T) { wantRefused(t, test.file, test.want, foreign[test.name]) })
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
