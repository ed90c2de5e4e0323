package dataset

import (
	"context"
	"errors"
	"io"
)

// Limits on what a file may hold, beside model.MaxSide, so that no file can ask for more memory than a machine has.
const (
	maxCount = 1 << 22 // images or labels in a file
	maxBytes = 1 << 30 // of a file's values, 8 bits each
)

// firstBytes is the most memory that is taken for values before any are there.
const firstBytes = 1 << 16

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

// narrow makes a byte of each element of a stream, such as a number of more bits.
type narrow struct {
	r       io.Reader
	size    int                                    // of an element, in bytes
	convert func(element []byte) (v byte, ok bool) // not ok: the element has no byte
	done    int                                    // elements converted
	buffer  []byte                                 // whole elements
	held    int                                    // bytes in it: at the start of a Read, less than an element
}

// A misfit is an element that has no byte.
type misfit struct {
	at      int    // its place, from 0
	element []byte // as it is in the file
}

func (m *misfit) Error() string { return "a value is out of range" }

// newNarrow returns a stream of the bytes that convert makes of the elements of r. Where one has none, it ends with a *misfit.
func newNarrow(r io.Reader, size int, convert func([]byte) (byte, bool)) *narrow {
	const elements = 4096
	return &narrow{r: r, size: size, convert: convert, buffer: make([]byte, elements*size)}
}

func (n *narrow) Read(p []byte) (int, error) {
	want := min(len(p)*n.size, len(n.buffer))
	var err error
	for n.held < min(n.size, want) && err == nil {
		var got int
		got, err = n.r.Read(n.buffer[n.held:want])
		n.held += got
	}
	whole := n.held / n.size
	for i := range whole {
		element := n.buffer[i*n.size:][:n.size]
		v, ok := n.convert(element)
		if !ok {
			return i, &misfit{n.done + i, element}
		}
		p[i] = v
	}
	n.done += whole
	n.held = copy(n.buffer, n.buffer[whole*n.size:n.held])
	if err == io.EOF && n.held > 0 {
		err = errors.New("ends within a value")
	}
	return whole, err
}

// cancelled is a stream that ends with the cause of ctx where that is done.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
