package gmm

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"govae/internal/files"
	"govae/internal/words"
)

// A file is in the safetensors format, https://huggingface.co/docs/safetensors: eight bytes with the header's length, little-endian;
// the header, which is JSON, padded with spaces; and the values, little-endian. All that the header says follows from the kind of
// covariance, K and d, so that one that says anything else is refused.
const (
	metadataKey = "__metadata__"
	formatName  = "govae mixture"
	version     = "1"

	float64Name = "F64"
	float64Size = 8
	lengthSize  = 8
	alignment   = 8       // of the first value
	maxHeader   = 1 << 14 // bytes; ours have some 400
	maxColumns  = 1 << 20
	maxOrigin   = 1 << 10 // bytes
	chunk       = 1 << 12 // values read at a time
)

// The arrays, in the order of their values.
const (
	covariancesName = "covariances"
	meansName       = "means"
	weightsName     = "weights"
)

// entry is what the header says about an array.
type entry struct {
	Dtype   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// entries returns what the header of a mixture says about its arrays. K and d are within their limits, so that no offset overflows.
func entries(covariance Covariance, k, d int) map[string]entry {
	all := make(map[string]entry)
	end := int64(0)
	for _, array := range []struct {
		name  string
		shape []int
	}{{covariancesName, kinds[covariance].shape(k, d)}, {meansName, []int{k, d}}, {weightsName, []int{k}}} {
		begin := end
		end += int64(count(array.shape)) * float64Size
		all[array.name] = entry{float64Name, array.shape, []int64{begin, end}}
	}
	return all
}

func count(shape []int) int {
	n := 1
	for _, side := range shape {
		n *= side
	}
	return n
}

// Save writes the mixture to the file at path, which is whole or not there. Write has its format.
func (m *Mixture) Save(path string) error { return files.Write(path, m.Write) }

// Write writes the mixture as a safetensors file of float64: weights, [K]; means, [K, d]; and covariances, of full [K, d, d], of
// diagonal [K, d], of tied [d, d], and of spherical [K], as scikit-learn has them. Its metadata name the kind as "covariance",
// and have Origin as "origin", where there is one. The mixture alone determines its bytes. An origin that is too long, or not UTF-8, is an
// error. In Python:
//
//	from safetensors.numpy import load_file
//	mixture = load_file("mixture.safetensors")  # mixture["means"]: array of shape (10, 20)
func (m *Mixture) Write(w io.Writer) error {
	metadata := map[string]string{"format": formatName, "version": version, "covariance": string(m.covariance)}
	if m.origin != "" {
		if err := checkOrigin(m.origin); err != nil {
			return err
		}
		metadata["origin"] = m.origin
	}
	header := map[string]any{metadataKey: metadata}
	for name, e := range entries(m.covariance, m.Components(), m.Dim()) {
		header[name] = e
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if padding := len(text) % alignment; padding != 0 {
		text = append(text, bytes.Repeat([]byte(" "), alignment-padding)...)
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, values := range [][]float64{m.covariances, m.means.RawMatrix().Data, m.weights} {
		for part := range slices.Chunk(values, chunk) {
			if err := binary.Write(w, binary.LittleEndian, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// Load reads the mixture in the file at path, as Read does.
func Load(path string) (*Mixture, error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := Read(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read reads a mixture that Write, or another program, has written, to the end of r. It believes nothing that it has not checked:
// what is no mixture is an error, and so are weights that are negative or do not sum up to 1, values that are not finite and
// covariances that are not symmetric and positive definite. It takes memory for what is there alone.
func Read(r io.Reader) (*Mixture, error) {
	covariance, origin, k, d, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	covariances, err := readValues(r, covariancesName, count(kinds[covariance].shape(k, d)))
	if err != nil {
		return nil, err
	}
	means, err := readValues(r, meansName, k*d)
	if err != nil {
		return nil, err
	}
	weights, err := readValues(r, weightsName, k)
	if err != nil {
		return nil, err
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); {
	case err == nil:
		return nil, errors.New("bytes after the last array belong to none")
	case err != io.EOF:
		return nil, err
	}
	if sum := floats.Sum(weights); slices.Min(weights) < 0 || math.Abs(sum-1) > closeToOne {
		return nil, fmt.Errorf("weights sum up to %v, the least is %v: want 1, and none below 0", sum, slices.Min(weights))
	}
	m := &Mixture{covariance: covariance, weights: weights, means: mat.NewDense(k, d, means), covariances: covariances}
	if err := m.checkSymmetry(); err != nil {
		return nil, err
	}
	if m, err = newMixture(covariance, weights, m.means, covariances); err != nil {
		return nil, err
	}
	return m.WithOrigin(origin), nil
}

// readFull fills p with the next bytes of r.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file is cut short")
	}
	return err
}

// readHeader reads the header, and returns what all of it follows from.
func readHeader(r io.Reader) (covariance Covariance, origin string, k, d int, err error) {
	var length [lengthSize]byte
	if err := readFull(r, length[:]); err != nil {
		return "", "", 0, 0, fmt.Errorf("length of the header: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return "", "", 0, 0, fmt.Errorf("its header claims %s bytes, want at most %s: not a mixture", words.Thousands(n), words.Thousands(maxHeader))
	}
	text := make([]byte, n)
	if err := readFull(r, text); err != nil {
		return "", "", 0, 0, fmt.Errorf("header of %s: %w", words.Counted(int(n), "byte"), err)
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(text, &header); err != nil {
		return "", "", 0, 0, fmt.Errorf("header: %w", err)
	}
	if covariance, origin, err = readMetadata(header); err != nil {
		return "", "", 0, 0, err
	}
	k, d, err = readShapes(header, covariance)
	return covariance, origin, k, d, err
}

// readMetadata returns the kind of covariance, and the origin.
func readMetadata(header map[string]json.RawMessage) (covariance Covariance, origin string, err error) {
	var metadata map[string]string
	if text, ok := header[metadataKey]; ok {
		if err := json.Unmarshal(text, &metadata); err != nil {
			return "", "", fmt.Errorf("header: %s: %w", metadataKey, err)
		}
	}
	if format := metadata["format"]; format != formatName {
		return "", "", fmt.Errorf("not a mixture: the format in its metadata is %s, want %q", words.Quoted(format), formatName)
	}
	if v := metadata["version"]; v != version {
		return "", "", fmt.Errorf("version %s of a mixture's format, want %s", words.Quoted(v), version)
	}
	covariance = Covariance(metadata["covariance"])
	if _, ok := kinds[covariance]; !ok {
		var known []string
		for _, c := range Covariances() {
			known = append(known, string(c))
		}
		return "", "", fmt.Errorf("covariance is %s, want %s", words.Quoted(string(covariance)), strings.Join(known, ", "))
	}
	origin = metadata["origin"]
	return covariance, origin, checkOrigin(origin)
}

// checkOrigin says why a text cannot be the origin of a mixture.
func checkOrigin(text string) error {
	if len(text) > maxOrigin {
		return fmt.Errorf("origin has %s bytes, want at most %s", words.Thousands(len(text)), words.Thousands(maxOrigin))
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("origin is %s, which is not UTF-8", words.Quoted(text))
	}
	return nil
}

// readShapes returns K and d, and makes sure that the header says of the arrays what it says for these.
func readShapes(header map[string]json.RawMessage, covariance Covariance) (k, d int, err error) {
	found := make(map[string]entry)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name == metadataKey {
			continue
		}
		var e entry
		if err := json.Unmarshal(header[name], &e); err != nil {
			return 0, 0, fmt.Errorf("header: array %s: %w", words.Quoted(name), err)
		}
		found[name] = e
	}
	shape := found[meansName].Shape
	if len(shape) != 2 {
		return 0, 0, fmt.Errorf("the means have %s, want two: components and columns", words.Counted(len(shape), "dimension"))
	}
	k, d = shape[0], shape[1]
	if k < 1 || k > maxComponents || d < 1 || d > maxColumns {
		return 0, 0, fmt.Errorf("shape of the means is %v, want 1 to %s components and 1 to %s columns",
			shape, words.Thousands(maxComponents), words.Thousands(maxColumns))
	}
	want := entries(covariance, k, d)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if e, ok := want[name]; !ok || !e.equal(found[name]) {
			return 0, 0, fmt.Errorf("array %s does not fit a mixture of %d %s components in %d columns", words.Quoted(name), k, covariance, d)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := found[name]; !ok {
			return 0, 0, fmt.Errorf("there is no array %q", name)
		}
	}
	return k, d, nil
}

func (e entry) equal(o entry) bool {
	return e.Dtype == o.Dtype && slices.Equal(e.Shape, o.Shape) && slices.Equal(e.Offsets, o.Offsets)
}

// readValues returns the next n values of r, which must be finite.
func readValues(r io.Reader, name string, n int) ([]float64, error) {
	var values []float64
	buffer := make([]byte, min(n, chunk)*float64Size)
	for len(values) < n {
		part := buffer[:min(n-len(values), chunk)*float64Size]
		if err := readFull(r, part); err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		for ; len(part) > 0; part = part[float64Size:] {
			v := math.Float64frombits(binary.LittleEndian.Uint64(part))
			if !(math.Abs(v) <= largest*largest) {
				return nil, fmt.Errorf("array %q: value %d is %v, want at most %v in size", name, len(values), v, largest*largest)
			}
			values = append(values, v)
		}
	}
	return values, nil
}

// asymmetry is how far apart the two elements of a covariance may be that are one, as a share of the columns' deviations.
const asymmetry = 1e-8

// checkSymmetry says which covariance of a dense kind is not symmetric.
func (m *Mixture) checkSymmetry() error {
	d := m.Dim()
	if !kinds[m.covariance].dense {
		return nil
	}
	for k := range m.Components() {
		c := m.covarianceOf(k)
		for i := range d {
			for j := range i {
				upper, lower := c[j*d+i], c[i*d+j]
				if !(math.Abs(upper-lower) <= asymmetry*math.Sqrt(c[i*d+i])*math.Sqrt(c[j*d+j])) {
					return fmt.Errorf("covariance of component %d is not symmetric: %v and %v at row %d, column %d", k, upper, lower, j, i)
				}
			}
		}
	}
	return nil
}
