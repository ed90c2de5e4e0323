package dataset

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"codeberg.org/sbinet/npyio/npy"

	"govae/internal/files"
	"govae/internal/words"
	"govae/model"
)

// readArrays reads a .npy or a .npz file.
func (s Source) readArrays(ctx context.Context, path string) (*Set, error) {
	file, err := files.Open(path)
	if errors.Is(err, files.ErrNoFile) {
		return nil, fmt.Errorf("dataset: %w: %w, or a folder", ErrNoData, err)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}

	start := make([]byte, len(npy.Magic))
	n, err := file.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	start = start[:n]
	extension := strings.ToLower(filepath.Ext(path))
	switch {
	case bytes.HasPrefix(start, []byte("PK")) || extension == ".npz":
		return s.readNPZ(ctx, file, path, info.Size())
	case bytes.Equal(start, npy.Magic[:]) || extension == ".npy":
		return s.readNPY(ctx, file, path, info.Size())
	}
	if _, _, _, ok := parseIDXName(filepath.Base(path)); ok {
		return nil, fmt.Errorf("dataset: %w: %s is a file of a set in MNIST's format: name its folder", ErrNoData, path)
	}
	return nil, fmt.Errorf("dataset: %w: %s is a file of another kind", ErrNoData, path)
}

// readNPY reads the images of a file that holds one array.
func (s Source) readNPY(ctx context.Context, file io.ReaderAt, path string, size int64) (*Set, error) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, size)), nil }
	a := &array{name: filepath.Base(path), path: path, open: open}
	stream, _ := open()
	if err := a.readNPYHeader(bufio.NewReader(stream), size); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	train, err := a.images(ctx)
	if err != nil {
		return nil, err
	}
	return s.join(train, split{}, nil)
}

// images reads the array as images: [n, height, width], [n, height, width, channels] or [n, channels, height, width], with values from 0
// to 255 of uint8 or from 0 to 1 of float32 and float64.
func (a *array) images(ctx context.Context) (split, error) {
	read := split{name: a.name, path: a.path}
	fault := func(err error) (split, error) { return split{}, fmt.Errorf("dataset: %s: %w", a.path, err) }
	l, err := a.layout()
	if err != nil {
		return fault(err)
	}
	var convert func([]byte) (byte, bool)
	switch a.dtype {
	case "uint8":
	case "float32", "float64":
		convert = func(e []byte) (byte, bool) { return pixel(a.float(e)) }
	default:
		return fault(fmt.Errorf("values are %s, want uint8, or float32 or float64 from 0 to 1%s", words.Printable(a.dtype), a.typeHelp()))
	}
	values, err := a.read(ctx, convert)
	if m := (*misfit)(nil); errors.As(err, &m) {
		return fault(a.outside(m))
	}
	if err != nil {
		return fault(err)
	}
	read.Images = l.images(values)
	return read, nil
}

// pixel returns a value from 0 to 1 in 8 bits.
func pixel(v float64) (byte, bool) {
	if !(v >= 0 && v <= 1) { // NaN is neither
		return 0, false
	}
	return byte(math.Round(255 * v)), true
}

// typeHelp says what makes of values of another type, where these can be pixels, what is wanted.
func (a *array) typeHelp() string {
	switch {
	case a.dtype == "bool":
		return ": x.astype('uint8') * 255 makes them that"
	case a.kind == 'u' || a.kind == 'i':
		return ": x.astype('uint8') makes them that, if they are from 0 to 255"
	case a.kind == 'f':
		return ": x.astype('float32') makes them that"
	}
	return ""
}

// outside is the error of a value of images that is not from 0 to 1.
func (a *array) outside(m *misfit) error {
	help := ""
	switch v := a.float(m.element); {
	case v > 1 && v <= 255 && v == math.Trunc(v):
		help = ": if they go up to 255, x.astype('uint8') makes pixels of them"
	case v < 0 && v >= -1:
		help = ": if they go from -1 to 1, (x + 1) / 2 makes pixels of them"
	}
	return fmt.Errorf("the value at %s is %v, want %s from 0 to 1%s", shapeText(a.place(m.at)), a.float(m.element), a.dtype, help)
}

// layout returns how the array holds its images. Where their channels could be first or last, they are last.
func (a *array) layout() (layout, error) {
	axes, err := a.axes()
	if err != nil {
		return layout{}, err
	}
	strides := make([]int, len(a.shape))
	step := 1
	for i := range a.shape {
		axis := len(a.shape) - 1 - i
		if a.fortran {
			axis = i
		}
		strides[axis] = step
		step *= a.shape[axis]
	}
	l := layout{
		n:     a.shape[0],
		shape: model.Image{Height: a.shape[axes.row], Width: a.shape[axes.column], Channels: 1},
		image: strides[0], row: strides[axes.row], column: strides[axes.column],
	}
	if axes.channel > 0 {
		l.shape.Channels, l.channel = a.shape[axes.channel], strides[axes.channel]
	}
	if n, side := l.n, max(l.shape.Height, l.shape.Width); n > maxCount || side > model.MaxSide {
		return layout{}, fmt.Errorf("shape is %s, want at most %s of %d×%d", shapeText(a.shape), words.Counted(maxCount, "image"), model.MaxSide, model.MaxSide)
	}
	return l, nil
}

// axes says which axis of an array is which. Channel is 0 where the array has none.
type axes struct{ channel, row, column int }

// axes returns what the array's axes mean, as far as images have such.
func (a *array) axes() (axes, error) {
	if _, err := a.count(); err != nil {
		return axes{}, err
	}
	isChannels := func(side int) bool { return side == 1 || side == 3 }
	switch s := a.shape; {
	case len(s) == 3:
		return axes{row: 1, column: 2}, nil
	case len(s) == 4 && isChannels(s[3]):
		return axes{channel: 3, row: 1, column: 2}, nil
	case len(s) == 4 && isChannels(s[1]):
		return axes{channel: 1, row: 2, column: 3}, nil
	case len(s) == 4 && (s[3] == 2 || s[3] == 4):
		return axes{}, fmt.Errorf("shape %s has %d channels, want 1 or 3: x[..., :%d] drops the last, which tells transparency", shapeText(s), s[3], s[3]-1)
	case len(s) == 4 && (s[1] == 2 || s[1] == 4):
		return axes{}, fmt.Errorf("shape %s has %d channels, want 1 or 3: x[:, :%d] drops the last, which tells transparency", shapeText(s), s[1], s[1]-1)
	case len(s) == 2:
		return axes{}, fmt.Errorf("shape is %s, one row for each image: %s makes images of them", shapeText(s), reshape(s[1]))
	}
	return axes{}, fmt.Errorf("shape is %s, want [n, height, width], [n, height, width, channels] or [n, channels, height, width] with 1 or 3 channels", shapeText(a.shape))
}

// reshape returns what makes images of rows of so many values.
func reshape(values int) string {
	side := func(n int) (int, bool) {
		root := int(math.Round(math.Sqrt(float64(n))))
		return root, root*root == n
	}
	if n, ok := side(values); ok {
		return fmt.Sprintf("x.reshape(-1, %d, %d)", n, n)
	}
	if n, ok := side(values / 3); ok && values%3 == 0 {
		return fmt.Sprintf("x.reshape(-1, 3, %d, %d), or x.reshape(-1, %d, %d, 3) where a pixel's three values are neighbours,", n, n, n, n)
	}
	return "x.reshape(-1, height, width)"
}

// labels reads the array as the labels of images, [n] or [n, 1] whole numbers from 0 to 255. What cannot be labels is none, with a note
// that says why; to have others than images is an error.
func (a *array) labels(ctx context.Context, of *split) (labels []byte, note string, err error) {
	if len(a.shape) == 0 || a.shape[0] != of.Len() {
		return nil, "", fmt.Errorf("dataset: %s: labels have the shape %s, want one for each of the %s of %s",
			a.path, shapeText(a.shape), words.Counted(of.Len(), "image"), of.name)
	}
	unused := func(why string, values ...any) ([]byte, string, error) {
		return nil, fmt.Sprintf("the labels %s are not used: ", a.name) + fmt.Sprintf(why, values...), nil
	}
	if len(a.shape) > 2 || len(a.shape) == 2 && a.shape[1] != 1 {
		return unused("they have the shape %s, want one for each image", shapeText(a.shape))
	}
	if (a.kind != 'u' && a.kind != 'i') || !slices.Contains([]int{1, 2, 4, 8}, a.size) {
		return unused("they are %s, want whole numbers", words.Printable(a.dtype))
	}
	labels, err = a.read(ctx, func(e []byte) (byte, bool) { v := a.integer(e); return byte(v), v <= 255 })
	if m := (*misfit)(nil); errors.As(err, &m) {
		v := a.integer(m.element)
		if a.kind == 'i' {
			return unused("that of image %d is %d, want 0 to 255", m.at, int64(v))
		}
		return unused("that of image %d is %d, want 0 to 255", m.at, v)
	}
	if err != nil {
		return nil, "", fmt.Errorf("dataset: %s: %w", a.path, err)
	}
	return labels, "", nil
}

// integer returns the whole number in an element, in two's complement of 64 bits where that is negative.
func (a *array) integer(e []byte) (v uint64) {
	switch len(e) {
	case 1:
		v = uint64(e[0])
	case 2:
		v = uint64(a.order.Uint16(e))
	case 4:
		v = uint64(a.order.Uint32(e))
	case 8:
		v = a.order.Uint64(e)
	}
	if rest := 64 - 8*len(e); a.kind == 'i' {
		v = uint64(int64(v<<rest) >> rest) // with its sign
	}
	return v
}

// float returns the number in an element of 32 or 64 bits.
func (a *array) float(e []byte) float64 {
	if len(e) == 4 {
		return float64(math.Float32frombits(a.order.Uint32(e)))
	}
	return math.Float64frombits(a.order.Uint64(e))
}
