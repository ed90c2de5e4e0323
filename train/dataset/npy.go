package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"codeberg.org/sbinet/npyio/npy"

	"govae/internal/words"
)

// Limits on the header of an array.
const (
	maxNPYHeader = 1 << 16 // bytes. numpy itself takes no more than 10,000 unless it is told to
	maxAxes      = 64      // as in numpy
)

// array is an array in a .npy file, or in an entry of a .npz file, whose values are still to be read.
type array struct {
	name    string // of the file, or of the array in it
	path    string // the same, with all that a message needs to find it
	shape   []int
	dtype   string // as numpy names it: uint8
	kind    byte   // as a header names it: u
	size    int    // of an element, in bytes
	order   binary.ByteOrder
	fortran bool
	values  int64 // bytes of values that the file says it has
	open    func() (io.ReadCloser, error)
	header  int64 // bytes before the values of what open opens
}

// readNPYHeader fills in what the header of an array says, which is the start of r, whose whole length is given.
func (a *array) readNPYHeader(r io.Reader, length int64) error {
	text, err := npyHeaderBytes(r)
	if err != nil {
		return err
	}
	h, err := parseNPYHeader(text)
	if err != nil {
		return err
	}
	a.header, a.values = int64(len(text)), length-int64(len(text))
	a.shape, a.fortran = h.Descr.Shape, h.Descr.Fortran
	if n := len(a.shape); n > maxAxes {
		return fmt.Errorf("has %d axes, want at most %d", n, maxAxes)
	}
	for _, side := range a.shape {
		if side < 0 {
			return fmt.Errorf("shape %s has a negative side", shapeText(a.shape))
		}
	}
	a.setType(strings.Trim(h.Descr.Type, "'"))
	return nil
}

// npyHeaderBytes reads the header of an array, from its magic number to the line that ends it.
func npyHeaderBytes(r io.Reader) ([]byte, error) {
	var text []byte
	more := func(n int) error {
		start := len(text)
		text = append(text, make([]byte, n)...)
		_, err := io.ReadFull(r, text[start:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("ends within its header")
		}
		return err
	}
	if err := more(8); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(text, npy.Magic[:]) {
		return nil, errors.New("not an array that numpy.save has written")
	}
	width := 2 // of the length that follows
	if version := text[6]; version == 2 {
		width = 4
	} else if version != 1 {
		return nil, fmt.Errorf("version %d of NumPy's format, want 1 or 2", version)
	}
	if err := more(width); err != nil {
		return nil, err
	}
	var length [4]byte
	copy(length[:], text[8:])
	if n := binary.LittleEndian.Uint32(length[:]); n > maxNPYHeader {
		return nil, fmt.Errorf("header has %d bytes, want at most %d", n, maxNPYHeader)
	} else if err := more(int(n)); err != nil {
		return nil, err
	}
	return text, nil
}

// parseNPYHeader reads a whole header. The library takes for granted that numpy has written it: the end of one that is otherwise may be
// cut off, or be a panic.
func parseNPYHeader(text []byte) (h npy.Header, err error) {
	defer func() {
		if recover() != nil || err != nil {
			err = fmt.Errorf("header is not as numpy writes it: %.80q", text[min(10, len(text)):])
		}
	}()
	if !bytes.HasSuffix(bytes.TrimRight(text, " \n"), []byte("), }")) {
		return npy.Header{}, errors.New("another end")
	}
	r, err := npy.NewReader(bytes.NewReader(text))
	if err != nil {
		return npy.Header{}, err
	}
	return r.Header, nil
}

// setType sets what a header's type, such as <f4, says of the elements.
func (a *array) setType(t string) {
	a.dtype = t
	switch {
	case t == "|O":
		a.dtype = "object"
		return
	case strings.HasPrefix(t, "["):
		a.dtype = "records"
		return
	case len(t) < 3:
		return
	}
	size, err := strconv.Atoi(t[2:])
	if err != nil {
		return
	}
	names := map[byte]string{'u': "uint", 'i': "int", 'f': "float", 'c': "complex"}
	switch name, ok := names[t[1]]; {
	case t[1:] == "b1":
		a.dtype = "bool"
	case !ok || size < 1 || size > 16:
		return
	default:
		a.dtype = name + strconv.Itoa(8*size)
	}
	a.kind, a.size, a.order = t[1], size, binary.LittleEndian
	if t[0] == '>' {
		a.order = binary.BigEndian
	}
}

// String returns what the array is, for messages: its type and shape.
func (a *array) String() string {
	return words.Printable(a.dtype) + " " + shapeText(a.shape)
}

// shapeText returns a shape, or a place in an array, as numpy's users write it.
func shapeText(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}

// count returns how many values the array has, or an error where these are none or more than a set may have.
func (a *array) count() (int, error) {
	n := 1
	for _, side := range a.shape {
		if side == 0 {
			return 0, fmt.Errorf("shape %s has no values", shapeText(a.shape))
		}
		if side > maxBytes/n {
			return 0, fmt.Errorf("shape %s asks for more than %s values", shapeText(a.shape), words.Thousands(maxBytes))
		}
		n *= side
	}
	return n, nil
}

// read returns the values of the array, in the order of the file, as convert makes bytes of them, or as they are where it is nil. It
// takes memory for what is there alone.
func (a *array) read(ctx context.Context, convert func([]byte) (byte, bool)) ([]byte, error) {
	want, err := a.count()
	if err != nil {
		return nil, err
	}
	if need := int64(want) * int64(a.size); a.values != need {
		return nil, fmt.Errorf("has %d bytes of values, want %d for %v", a.values, need, a)
	}
	file, err := a.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stream := io.Reader(cancelled{ctx, file})
	if _, err := io.CopyN(io.Discard, stream, a.header); err != nil {
		return nil, fmt.Errorf("header cannot be read again: %w", err)
	}
	if convert != nil {
		stream = newNarrow(stream, a.size, convert)
	}
	values, found, err := readValues(stream, want)
	if errors.As(err, new(*misfit)) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("damaged after %s: %w", words.Counted(int(found), "value"), err)
	}
	if found != int64(want) {
		return nil, fmt.Errorf("has %s, want %s for %v", words.Counted(int(found), "value"), words.Thousands(want), a)
	}
	return values, nil
}

// place returns the index of the value that is at a place in the file.
func (a *array) place(at int) []int {
	index := make([]int, len(a.shape))
	for i := range a.shape {
		axis := len(a.shape) - 1 - i // the last runs fastest
		if a.fortran {
			axis = i
		}
		index[axis] = at % a.shape[axis]
		at /= a.shape[axis]
	}
	return index
}
