package dataset

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"govae/internal/files"
	"govae/internal/words"
	"govae/model"
)

// The magic numbers of IDX files: two zero bytes, the type of the values, and the number of dimensions.
const (
	idxBytes   = 0x0800 // unsigned bytes, without the number of dimensions
	wideLabels = 0x0C02 // QMNIST's labels: whole numbers of 32 bits, [n, columns], the first of which is the class
)

// maxColumns is how many columns wide labels may have. QMNIST has 8.
const maxColumns = 64

// readIDXFile reads the IDX file at path as readIDX does. Errors name the file.
func readIDXFile(ctx context.Context, path string, dimensions int) (sizes []int, values []byte, err error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()

	if sizes, values, err = readIDX(cancelled{ctx, file}, dimensions); err != nil {
		return nil, nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return sizes, values, nil
}

// readIDX reads an IDX file, gzipped or not, to its end: images, of 3 dimensions, or labels, of 1. It returns the size of each of its
// dimensions, [n, height, width] or [n], and its values, of that shape. The format: https://yann.lecun.com/exdb/mnist/
func readIDX(r io.Reader, dimensions int) (sizes []int, values []byte, err error) {
	buffered := bufio.NewReader(r)
	stream, fault := io.Reader(buffered), "cannot be read"
	if isGzip(buffered) {
		fault = "damaged gzip data"
		if stream, err = newGunzip(buffered); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", fault, err)
		}
	}

	sizes, columns, err := readIDXHeader(stream, dimensions)
	if err != nil {
		return nil, nil, err
	}
	want := int64(1)
	for _, size := range sizes {
		want *= int64(size) // at most 2²² · 2¹² · 2¹²
	}
	if want > maxBytes {
		return nil, nil, fmt.Errorf("header %v asks for %d bytes, want at most %d", sizes, want, maxBytes)
	}
	if columns > 0 {
		stream = newNarrow(stream, 4*columns, class)
	}

	values, found, err := readValues(stream, int(want))
	if m, ok := err.(*misfit); ok {
		return nil, nil, fmt.Errorf("label %d is %d, want 0 to 255", m.at, int32(binary.BigEndian.Uint32(m.element)))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s, %s after the header: %w", fault, words.Counted(int(found), "value"), err)
	}
	if found != want {
		return nil, nil, fmt.Errorf("has %s after the header, want %s for %v", words.Counted(int(found), "value"), words.Thousands(int(want)), sizes)
	}
	return sizes, values, nil
}

// class returns the class in a row of wide labels.
func class(row []byte) (byte, bool) {
	v := binary.BigEndian.Uint32(row)
	return byte(v), v <= 255
}

// readIDXHeader reads the magic number and the sizes, big-endian and signed. Of wide labels, which it takes for labels, it returns the
// number of columns too, which is 0 otherwise.
func readIDXHeader(r io.Reader, dimensions int) (sizes []int, columns int, err error) {
	header := make([]int32, 1+dimensions)
	if err := binary.Read(r, binary.BigEndian, header); err != nil {
		return nil, 0, fmt.Errorf("no header of %d bytes: %w", 4*len(header), err)
	}
	magic := header[0]
	if want := int32(idxBytes + dimensions); magic != want && (magic != wideLabels || dimensions != 1) {
		return nil, 0, fmt.Errorf("magic number is %d, want %d for an IDX file of unsigned bytes in %d dimensions", magic, want, dimensions)
	}

	limits := []struct {
		name string
		most int32
	}{{"count", maxCount}, {"image height", model.MaxSide}, {"image width", model.MaxSide}}
	sizes = make([]int, dimensions)
	for i, size := range header[1:] {
		if limit := limits[i]; size < 1 || size > limit.most {
			return nil, 0, fmt.Errorf("%s is %d, want 1 to %d", limit.name, size, limit.most)
		}
		sizes[i] = int(size)
	}
	if magic != wideLabels {
		return sizes, 0, nil
	}
	var width int32
	if err := binary.Read(r, binary.BigEndian, &width); err != nil {
		return nil, 0, fmt.Errorf("no header of %d bytes: %w", 12, err)
	}
	if width < 1 || width > maxColumns {
		return nil, 0, fmt.Errorf("each label has %d columns, want 1 to %d", width, maxColumns)
	}
	return sizes, int(width), nil
}
