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

// checkFile checks the gzipped IDX file at path, and returns the size of each of its dimensions.
// After that, GoMNIST's readers can be given the file: they believe its header, panic on a negative count,
// allocate whatever it asks for, and see neither trailing bytes nor a wrong checksum.
func checkFile(path string, dimensions int) ([]int, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()

	sizes, err := checkIDX(file, dimensions)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return sizes, nil
}

// missing says what to do about a file that is not there.
func missing(path string, err error) error {
	plain := strings.TrimSuffix(path, ".gz")
	if _, statErr := os.Stat(plain); statErr == nil {
		return fmt.Errorf("dataset: %s must be compressed: run gzip on it: %w", plain, err)
	}
	return fmt.Errorf("dataset: a file is missing: %w: want %s", err, fileNames)
}

// checkIDX reads a gzipped IDX file of unsigned bytes to its end, without keeping it, and returns the size of each
// of its dimensions: [n] or [n, height, width]. The format: https://yann.lecun.com/exdb/mnist/
func checkIDX(r io.Reader, dimensions int) ([]int, error) {
	compressed := bufio.NewReader(r)
	values, err := gzip.NewReader(compressed)
	if err != nil {
		return nil, fmt.Errorf("not a gzip file: %w", err)
	}
	values.Multistream(false) // stop at the end of the stream, so that what follows is seen

	sizes, err := readHeader(values, dimensions)
	if err != nil {
		return nil, err
	}
	want := int64(1)
	for _, size := range sizes {
		want *= int64(size) // at most 2²² · 2¹² · 2¹²
	}
	if want > maxBytes {
		return nil, fmt.Errorf("header %v asks for %d bytes, want at most %d", sizes, want, maxBytes)
	}

	found, err := io.Copy(io.Discard, io.LimitReader(values, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("damaged gzip data, %d bytes after the header: %w", found, err)
	}
	if found != want {
		return nil, fmt.Errorf("has %d bytes after the header, want %d for %v", found, want, sizes)
	}
	if _, err := compressed.ReadByte(); err != io.EOF {
		return nil, errors.New("has bytes after the end of its gzip data, want none")
	}
	return sizes, nil
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
