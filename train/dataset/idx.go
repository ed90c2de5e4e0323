package dataset

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"govae/model"
)

// Limits on what a file may hold, beside model.MaxSide, so that no file can ask for more memory than a machine has.
const (
	maxCount = 1 << 22 // images or labels in a file
	maxBytes = 1 << 30 // of a file's values
)

// firstBytes is the most memory that is taken for values before any are there.
const firstBytes = 1 << 16

// readFile reads the gzipped IDX file at path as readIDX does. Errors name the file.
func readFile(path string, dimensions int) (sizes []int, values []byte, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, missing(path, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()

	if sizes, values, err = readIDX(file, dimensions); err != nil {
		return nil, nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return sizes, values, nil
}

// missing says what to do about a file that is not there.
func missing(path string, err error) error {
	plain := strings.TrimSuffix(path, ".gz")
	if _, statErr := os.Stat(plain); statErr == nil {
		return fmt.Errorf("dataset: %s must be compressed: run gzip on it: %w", plain, err)
	}
	return fmt.Errorf("dataset: a file is missing: %w: want %s", err, FileNames)
}

// readIDX reads a gzipped IDX file of unsigned bytes to its end. It returns the size of each of its dimensions, [n] or
// [n, height, width], and its values, of that shape. The format: https://yann.lecun.com/exdb/mnist/
func readIDX(r io.Reader, dimensions int) (sizes []int, values []byte, err error) {
	compressed := bufio.NewReader(r)
	stream, err := gzip.NewReader(compressed)
	if err != nil {
		return nil, nil, fmt.Errorf("not a gzip file: %w", err)
	}
	stream.Multistream(false) // stop at the end of the stream, so that what follows is seen

	if sizes, err = readHeader(stream, dimensions); err != nil {
		return nil, nil, err
	}
	want := int64(1)
	for _, size := range sizes {
		want *= int64(size) // at most 2²² · 2¹² · 2¹²
	}
	if want > maxBytes {
		return nil, nil, fmt.Errorf("header %v asks for %d bytes, want at most %d", sizes, want, maxBytes)
	}

	values, found, err := readValues(stream, int(want))
	if err != nil {
		return nil, nil, fmt.Errorf("damaged gzip data, %d bytes after the header: %w", found, err)
	}
	if found != want {
		return nil, nil, fmt.Errorf("has %d bytes after the header, want %d for %v", found, want, sizes)
	}
	if _, err := compressed.ReadByte(); err != io.EOF {
		return nil, nil, errors.New("has bytes after the end of its gzip data, want none")
	}
	return sizes, values, nil
}

// readValues reads r to its end, or to one byte more than maxBytes. It returns the first want bytes, or as many as there
// are, and how many it has read in all. A header does not decide what memory it takes, but what is there: at most
// firstBytes or, when the values outgrow that, four times as much as has been read.
func readValues(r io.Reader, want int) (values []byte, found int64, err error) {
	size := want
	for size > firstBytes {
		size = (size + 3) / 4 // so that the last size is want, and the values copied on the way to it are a third of want
	}
	values = make([]byte, 0, size)
	for len(values) < want && err == nil {
		if len(values) == cap(values) {
			values = append(make([]byte, 0, min(4*cap(values), want)), values...)
		}
		var n int
		n, err = r.Read(values[len(values):cap(values)])
		values = values[:len(values)+n]
	}
	found = int64(len(values))
	if err == io.EOF {
		return values, found, nil
	}
	if err != nil {
		return nil, found, err
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r, maxBytes+1-found)) // gzip checks its sum at the end
	return values, found + rest, err
}

// readHeader reads the magic number and the sizes, big-endian and signed.
func readHeader(r io.Reader, dimensions int) ([]int, error) {
	header := make([]int32, 1+dimensions)
	if err := binary.Read(r, binary.BigEndian, header); err != nil {
		return nil, fmt.Errorf("no header of %d bytes: %w", 4*len(header), err)
	}
	// Two zero bytes, 8 for unsigned bytes, the number of dimensions.
	if want := int32(0x0800 + dimensions); header[0] != want {
		return nil, fmt.Errorf("magic number is %d, want %d for an IDX file of unsigned bytes in %d dimensions", header[0], want, dimensions)
	}

	limits := []struct {
		name string
		most int32
	}{{"count", maxCount}, {"image height", model.MaxSide}, {"image width", model.MaxSide}}
	sizes := make([]int, dimensions)
	for i, size := range header[1:] {
		if limit := limits[i]; size < 1 || size > limit.most {
			return nil, fmt.Errorf("%s is %d, want 1 to %d", limit.name, size, limit.most)
		}
		sizes[i] = int(size)
	}
	return sizes, nil
}
