package gmm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func written(t testing.TB, m *Mixture) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestSaveLoad checks that a mixture comes back with the same bits, and its bytes with it.
func TestSaveLoad(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	for _, covariance := range Covariances() {
		m := randomMixture(t, covariance, 3, 2, random)
		path := filepath.Join(t.TempDir(), "mixture.safetensors")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		x := m.Sample(20, 1)
		if got.Kind() != covariance || !slices.Equal(got.LogProb(x), m.LogProb(x)) || !bytes.Equal(written(t, got), written(t, m)) {
			t.Errorf("%s: another mixture comes back", covariance)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestLargeFile reads more values than are read at a time.
func TestLargeFile(t *testing.T) {
	m := randomMixture(t, Full, 2, 70, rand.New(rand.NewPCG(19, 20)))
	file := written(t, m)
	if len(m.covariances) <= chunk {
		t.Fatalf("%d values are no more than a chunk", len(m.covariances))
	}
	got, err := Read(iotest.OneByteReader(bytes.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, got), file) {
		t.Error("another mixture comes back")
	}
}

// withHeader returns a file with another header and the values of the given one.
func withHeader(file []byte, change func(string) string) []byte {
	length := binary.LittleEndian.Uint64(file)
	header := change(string(file[lengthSize:][:length]))
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), file[lengthSize+length:])
}

// withValue returns a file with another value at a place.
func withValue(file []byte, at int, v float64) []byte {
	changed := slices.Clone(file)
	start := lengthSize + int(binary.LittleEndian.Uint64(file))
	binary.LittleEndian.PutUint64(changed[start+at*float64Size:], math.Float64bits(v))
	return changed
}

// TestHostileFiles goes over files that are no mixtures, and what the errors say. The sound one has 8 values of covariances, 4 of
// means and 2 weights.
func TestHostileFiles(t *testing.T) {
	m := randomMixture(t, Full, 2, 2, rand.New(rand.NewPCG(21, 22)))
	sound := written(t, m)
	replaced := func(old, new string) []byte {
		return withHeader(sound, func(header string) string {
			if !strings.Contains(header, old) {
				t.Fatalf("%s is not in the header %s", old, header)
			}
			return strings.ReplaceAll(header, old, new)
		})
	}
	for _, test := range []struct {
		file []byte
		want string
	}{
		{nil, "length of the header: the file is cut short"},
		{sound[:7], "length of the header: the file is cut short"},
		{binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "its header claims 18,446,744,073,709,551,615 bytes, want at most 16,384: not a mixture"},
		{sound[:100], "bytes: the file is cut short"},
		{sound[:len(sound)-1], `array "weights": the file is cut short`},
		{append(slices.Clone(sound), 0), "bytes after the last array belong to none"},
		{withHeader(sound, func(string) string { return "[]" }), "header: json"},
		{withHeader(sound, func(string) string { return "{}" }), `the format in its metadata is "", want "govae mixture"`},
		{replaced(`"govae mixture"`, `"\u001b[31m"`), `the format in its metadata is "\x1b[31m"`},
		{replaced(`"version":"1"`, `"version":"2"`), `version "2" of a mixture's format, want 1`},
		{replaced(`"covariance":"full"`, `"covariance":"round"`), `covariance is "round", want diagonal, full, spherical, tied`},
		{replaced(`"covariance":"full"`, `"covariance":"tied"`), `array "covariances" does not fit a mixture of 2 tied components in 2 columns`},
		{replaced(`"shape":[2,2]`, `"shape":[2]`), "the means have 1 dimension, want two"},
		{replaced(`"shape":[2,2]`, `"shape":[0,2]`), "shape of the means is [0 2], want 1 to 65,536 components and 1 to 1,048,576 columns"},
		{replaced(`"shape":[2,2]`, `"shape":[2,-2]`), "shape of the means is [2 -2]"},
		{replaced(`"shape":[2,2]`, `"shape":[65536,1048576]`), `array "covariances" does not fit`},
		{replaced(`"shape":[2,2]`, `"shape":[2,99999999999999999999]`), `header: array "means"`},
		{replaced(`"F64"`, `"F32"`), `array "covariances" does not fit`},
		{replaced(`[0,64]`, `[8,72]`), `array "covariances" does not fit`},
		{replaced(`"weights"`, `"weight"`), `array "weight" does not fit`},
		{withHeader(sound, func(header string) string { return header[:strings.Index(header, `,"weights"`)] + "}" }), `there is no array "weights"`},
		{withValue(sound, 3, math.NaN()), `array "covariances": value 3 is NaN, want at most 1e+200 in size`},
		{withValue(sound, 9, math.Inf(-1)), `array "means": value 1 is -Inf`},
		{withValue(sound, 0, -1), "covariance of component 0 is not"},
		{withValue(sound, 1, 40), "covariance of component 0 is not symmetric: 40 and"},
		{withValue(withValue(sound, 5, 40), 6, 40), "covariance of component 1 is not positive definite"},
		{withValue(sound, 12, 2), "weights sum up to"},
		{withValue(withValue(sound, 12, -1), 13, 2), "weights sum up to 1, the least is -1: want 1, and none below 0"},
	} {
		m, err := Read(bytes.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want %s", err, test.want)
		}
		if m != nil {
			t.Errorf("with the error %v comes a mixture", err)
		}
	}
}

// TestLoadNamesTheFile checks that an error says which file it is about.
func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.safetensors")
	if err := os.WriteFile(path, []byte("nothing"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzRead checks that whatever a file holds, it is an error or a mixture with densities that can be written again.
func FuzzRead(f *testing.F) {
	random := rand.New(rand.NewPCG(23, 24))
	for _, covariance := range Covariances() {
		f.Add(written(f, randomMixture(f, covariance, 2, 2, random)))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		if _, err := Read(bytes.NewReader(written(t, m))); err != nil {
			t.Fatalf("it cannot be read again: %v", err)
		}
		if p := m.LogProb(m.Means())[0]; math.IsNaN(p) && m.weights[0] > 0 {
			t.Fatalf("log p at the first mean is %v", p)
		}
	})
}
