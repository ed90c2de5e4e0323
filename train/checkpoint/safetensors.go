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

	"govae/internal/words"
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
	maxDimensions = 8       // of a tensor; the weight of a convolution has four
	chunk         = 1 << 14 // values converted at a time
)

// tensorInfo is what the header says about one tensor.
type tensorInfo struct {
	Dtype   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // begin and end, in bytes after the header
}

// encoded is a safetensors file that is ready to be written.
type encoded struct {
	header []byte
	values [][]float32 // the tensors' own
}

// encode returns tensors and metadata as a safetensors file, whose bytes they alone determine. It copies no values.
func encode(metadata map[string]string, tensors model.Tensors) (*encoded, error) {
	file := new(encoded)
	header := map[string]any{metadataKey: metadata}
	end := int64(0)
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		values, err := rowMajor(tensors[name])
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", words.Quoted(name), err)
		}
		begin := end
		end += int64(len(values)) * float32Size
		header[name] = tensorInfo{float32Name, tensors[name].Shape(), []int64{begin, end}}
		file.values = append(file.values, values)
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	if padding := len(text) % alignment; padding != 0 {
		text = append(text, bytes.Repeat([]byte(" "), alignment-padding)...)
	}
	if len(text) > maxHeaderSize {
		return nil, fmt.Errorf("the header has %d bytes, at most %d can be read again", len(text), maxHeaderSize)
	}
	file.header = text
	return file, nil
}

// write writes the file to w.
func (e *encoded) write(w io.Writer) error {
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(e.header)))); err != nil {
		return err
	}
	if _, err := w.Write(e.header); err != nil {
		return err
	}
	for _, v := range e.values {
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
	if t.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("its values are %v, want float32", t.Dtype())
	}
	values, isList := t.Data().([]float32) // a scalar's is none
	if !isList || len(values) != t.Shape().TotalSize() || !slices.Equal(t.Strides(), t.Shape().CalcStrides()) {
		return nil, fmt.Errorf("it is not stored row by row: shape %v, strides %v, %d values", t.Shape(), t.Strides(), len(values))
	}
	return values, nil
}

// layout is what a safetensors file says about itself, checked against its size.
type layout struct {
	metadata map[string]string // nil: none
	infos    map[string]tensorInfo
	names    []string // in the order of the values
	isSized  bool     // and is as large as the file
}

// unknownSize is the size of a file of which only its end tells how large it is.
const unknownSize = -1

// readLayout reads a safetensors file of the given size up to the values. It believes nothing that it has not checked, and
// allocates no more than some hundred times what the header has.
func readLayout(r io.Reader, size int64) (l layout, err error) {
	text, err := readHeader(r, size)
	if err != nil {
		return layout{}, err
	}
	if l.metadata, l.infos, err = parseHeader(text); err != nil {
		return layout{}, err
	}
	values := size - lengthSize - int64(len(text))
	if l.isSized = size != unknownSize; !l.isSized {
		values = 0
		for _, info := range l.infos {
			if len(info.Offsets) == 2 {
				values = max(values, info.Offsets[1])
			}
		}
	}
	l.names, err = checkLayout(l.infos, values)
	return l, err
}

// shapes returns the tensors' shapes by their names.
func (l layout) shapes() map[string]tensor.Shape {
	shapes := make(map[string]tensor.Shape, len(l.infos))
	for name, info := range l.infos {
		shapes[name] = info.Shape
	}
	return shapes
}

// readTensors reads the values that follow the header to the end, and allocates what the layout says, or where that is not
// known to be there, a small multiple of what is.
func (l layout) readTensors(r io.Reader) (model.Tensors, error) {
	tensors := make(model.Tensors, len(l.names))
	for _, name := range l.names {
		shape := l.infos[name].Shape
		size := tensor.Shape(shape).TotalSize()
		room := size
		if !l.isSized {
			room = min(size, chunk)
		}
		values, err := readFloats(r, size, room)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", words.Quoted(name), err)
		}
		tensors[name] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	}
	if !l.isSized {
		n, err := io.ReadFull(r, make([]byte, 1))
		if n != 0 {
			return nil, errors.New("bytes after the last tensor belong to none")
		}
		if err != io.EOF { // such as that of a decompressor whose checksum is wrong
			return nil, fmt.Errorf("after the last tensor: %w", err)
		}
	}
	return tensors, nil
}

// readFull fills p with the next bytes of r.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file is cut short")
	}
	return err
}

// readHeader returns the JSON text of the header.
func readHeader(r io.Reader, size int64) ([]byte, error) {
	if size != unknownSize && size < lengthSize {
		return nil, fmt.Errorf("it has %d bytes, too few for a safetensors file", size)
	}
	var prefix [lengthSize]byte
	if err := readFull(r, prefix[:]); err != nil {
		return nil, fmt.Errorf("length of the header: %w", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeaderSize {
		return nil, fmt.Errorf("its header claims %d bytes, want at most %d: not a checkpoint", length, maxHeaderSize)
	}
	if size != unknownSize && int64(length) > size-lengthSize {
		return nil, fmt.Errorf("its header claims %d bytes, but only %d follow: the file is cut short", length, size-lengthSize)
	}
	text := make([]byte, length)
	if err := readFull(r, text); err != nil {
		return nil, fmt.Errorf("header of %d bytes: %w", length, err)
	}
	return text, nil
}

// parseHeader splits the header into the metadata and what it says about each tensor.
func parseHeader(text []byte) (map[string]string, map[string]tensorInfo, error) {
	var entries map[string]json.RawMessage
	if err := unmarshalUnique(text, &entries); err != nil {
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
			return nil, nil, fmt.Errorf("header: tensor %s: %w", words.Quoted(name), err)
		}
		infos[name] = info
	}
	return metadata, infos, nil
}

// checkLayout makes sure that the tensors cover all values, given in bytes, and each value once.
// It returns their names in the order of their values.
func checkLayout(infos map[string]tensorInfo, size int64) ([]string, error) {
	names := slices.Sorted(maps.Keys(infos))
	for _, name := range names {
		if err := infos[name].check(); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", words.Quoted(name), err)
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
			return nil, fmt.Errorf("tensor %s: its values end at byte %d of %d: the file is cut short or damaged", words.Quoted(name), end, size)
		case begin < covered:
			return nil, fmt.Errorf("tensor %s: its values begin at byte %d, within another tensor that ends at %d", words.Quoted(name), begin, covered)
		case begin > covered:
			return nil, fmt.Errorf("tensor %s: bytes %d to %d before it belong to no tensor", words.Quoted(name), covered, begin)
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
		return fmt.Errorf("dtype is %s, want %s", words.Quoted(i.Dtype), float32Name)
	}
	if len(i.Shape) == 0 {
		return errors.New("shape is missing or empty")
	}
	if len(i.Shape) > maxDimensions { // also keeps messages short
		return fmt.Errorf("shape has %d dimensions, want at most %d", len(i.Shape), maxDimensions)
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

// readFloats returns the next n values of r, with room for so many to begin with.
func readFloats(r io.Reader, n, room int) ([]float32, error) {
	values := make([]float32, 0, room)
	buffer := make([]byte, min(n, chunk)*float32Size)
	for len(values) < n {
		bytes := buffer[:min(n-len(values), chunk)*float32Size]
		if err := readFull(r, bytes); err != nil {
			return nil, err
		}
		for ; len(bytes) > 0; bytes = bytes[float32Size:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(bytes)))
		}
	}
	return values, nil
}
