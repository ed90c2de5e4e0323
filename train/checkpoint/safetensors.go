package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"govae/model"
)

// The safetensors format, https://huggingface.co/docs/safetensors: eight bytes with the header's length N,
// little-endian; N bytes of JSON, padded with spaces; and the tensors' values, one tensor after the other.
// The header maps each tensor's name to its type, shape and place among the values, and __metadata__ to strings.

const (
	metadataKey   = "__metadata__"
	float32Name   = "F32"
	float32Size   = 4
	lengthSize    = 8
	alignment     = 8       // of the first value
	maxHeaderSize = 1 << 20 // bytes; the deepest network that a Config allows needs a tenth of it
	chunk         = 1 << 14 // values converted at a time
)

// tensorInfo is what the header says about one tensor.
type tensorInfo struct {
	Dtype   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // begin and end, in bytes after the header
}

// encode writes tensors and metadata as a safetensors file, whose bytes they alone determine.
func encode(w io.Writer, metadata map[string]string, tensors model.Tensors) error {
	names := slices.Sorted(maps.Keys(tensors))
	values := make([][]float32, len(names))
	header := map[string]any{metadataKey: metadata}
	end := int64(0)
	for i, name := range names {
		var err error
		if values[i], err = rowMajor(tensors[name]); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		begin := end
		end += int64(len(values[i])) * float32Size
		header[name] = tensorInfo{float32Name, tensors[name].Shape(), []int64{begin, end}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if padding := len(text) % alignment; padding != 0 {
		text = append(text, bytes.Repeat([]byte(" "), alignment-padding)...)
	}
	if len(text) > maxHeaderSize {
		return fmt.Errorf("the header has %d bytes, at most %d can be read again", len(text), maxHeaderSize)
	}

	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, v := range values {
		if err := writeFloats(w, v); err != nil {
			return err
		}
	}
	return nil
}

// rowMajor returns the values of t, which must be float32 and stored row by row without gaps.
func rowMajor(t *tensor.Dense) ([]float32, error) {
	if t == nil {
		return nil, errors.New("it is nil")
	}
	values, ok := t.Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("it is a %T, want []float32", t.Data())
	}
	if len(values) != t.Shape().TotalSize() || !slices.Equal(t.Strides(), t.Shape().CalcStrides()) {
		return nil, fmt.Errorf("it is not stored row by row: shape %v, strides %v, %d values", t.Shape(), t.Strides(), len(values))
	}
	return values, nil
}

// layout is what a safetensors file says about itself, checked against its size.
type layout struct {
	metadata map[string]string
	infos    map[string]tensorInfo
	names    []string // in the order of the values
}

// readLayout reads a safetensors file of the given size up to the values. It believes nothing that it has not checked, and
// allocates no more than a small multiple of maxHeaderSize.
func readLayout(r io.Reader, size int64) (l layout, err error) {
	text, err := readHeader(r, size)
	if err != nil {
		return layout{}, err
	}
	if l.metadata, l.infos, err = parseHeader(text); err != nil {
		return layout{}, err
	}
	l.names, err = checkLayout(l.infos, size-lengthSize-int64(len(text)))
	return l, err
}

// readTensors reads the values that follow the header, and allocates what the layout says.
func (l layout) readTensors(r io.Reader) (model.Tensors, error) {
	tensors := make(model.Tensors, len(l.names))
	for _, name := range l.names {
		shape := l.infos[name].Shape
		values := make([]float32, tensor.Shape(shape).TotalSize())
		if err := readFloats(r, values); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		tensors[name] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	}
	return tensors, nil
}

// readHeader returns the JSON text of the header.
func readHeader(r io.Reader, size int64) ([]byte, error) {
	if size < lengthSize {
		return nil, fmt.Errorf("it has %d bytes, too few for a safetensors file", size)
	}
	var prefix [lengthSize]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeaderSize {
		return nil, fmt.Errorf("its header claims %d bytes, want at most %d: not a checkpoint", length, maxHeaderSize)
	}
	if int64(length) > size-lengthSize {
		return nil, fmt.Errorf("its header claims %d bytes, but only %d follow: the file is cut short", length, size-lengthSize)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	return text, nil
}

// parseHeader splits the header into the metadata and what it says about each tensor.
func parseHeader(text []byte) (map[string]string, map[string]tensorInfo, error) {
	var entries map[string]json.RawMessage
	if err := unmarshalStrict(text, &entries); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	var metadata map[string]string
	infos := make(map[string]tensorInfo, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if name == metadataKey {
			if err := unmarshalStrict(entries[name], &metadata); err != nil {
				return nil, nil, fmt.Errorf("header: %s: %w", name, err)
			}
			continue
		}
		var info tensorInfo
		if err := unmarshalStrict(entries[name], &info); err != nil {
			return nil, nil, fmt.Errorf("header: tensor %q: %w", name, err)
		}
		infos[name] = info
	}
	if metadata == nil {
		return nil, nil, fmt.Errorf("header: %s is missing", metadataKey)
	}
	return metadata, infos, nil
}

// checkLayout makes sure that the tensors cover all values, given in bytes, and each value once.
// It returns their names in the order of their values.
func checkLayout(infos map[string]tensorInfo, size int64) ([]string, error) {
	names := slices.Sorted(maps.Keys(infos))
	for _, name := range names {
		if err := infos[name].check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(infos[a].Offsets[0], infos[b].Offsets[0])
	})
	covered := int64(0)
	for _, name := range names {
		begin, end := infos[name].Offsets[0], infos[name].Offsets[1]
		switch {
		case end > size:
			return nil, fmt.Errorf("tensor %q: its values end at byte %d of %d: the file is cut short or damaged", name, end, size)
		case begin < covered:
			return nil, fmt.Errorf("tensor %q: its values begin at byte %d, within another tensor that ends at %d", name, begin, covered)
		case begin > covered:
			return nil, fmt.Errorf("tensor %q: bytes %d to %d before it belong to no tensor", name, covered, begin)
		}
		covered = end
	}
	if covered != size {
		return nil, fmt.Errorf("the last %d of %d bytes of values belong to no tensor", size-covered, size)
	}
	return names, nil
}

// check reports what is wrong with one tensor by itself.
func (i tensorInfo) check() error {
	if i.Dtype != float32Name {
		return fmt.Errorf("dtype is %q, want %s", i.Dtype, float32Name)
	}
	if len(i.Shape) == 0 {
		return errors.New("shape is missing or empty")
	}
	bytes := int64(float32Size)
	for _, n := range i.Shape {
		if n < 1 {
			return fmt.Errorf("shape %v has a dimension below 1", i.Shape)
		}
		if bytes > math.MaxInt/int64(n) {
			return fmt.Errorf("shape %v is too large", i.Shape)
		}
		bytes *= int64(n)
	}
	if len(i.Offsets) != 2 {
		return fmt.Errorf("data_offsets has %d numbers, want begin and end", len(i.Offsets))
	}
	begin, end := i.Offsets[0], i.Offsets[1]
	if begin < 0 || begin > end {
		return fmt.Errorf("data_offsets %v are no range", i.Offsets)
	}
	if end-begin != bytes {
		return fmt.Errorf("shape %v needs %d bytes, data_offsets %v span %d", i.Shape, bytes, i.Offsets, end-begin)
	}
	return nil
}

// writeFloats writes values little-endian, whatever the machine's own order is.
func writeFloats(w io.Writer, values []float32) error {
	buffer := make([]byte, 0, min(len(values), chunk)*float32Size)
	for part := range slices.Chunk(values, chunk) {
		buffer = buffer[:0]
		for _, v := range part {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// readFloats fills values with the next bytes of r.
func readFloats(r io.Reader, values []float32) error {
	buffer := make([]byte, min(len(values), chunk)*float32Size)
	for part := range slices.Chunk(values, chunk) {
		bytes := buffer[:len(part)*float32Size]
		if _, err := io.ReadFull(r, bytes); err != nil {
			return err
		}
		for i := range part {
			part[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[i*float32Size:]))
		}
	}
	return nil
}
