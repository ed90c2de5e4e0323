package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

// gzipMagic is what gzip data begin with.
var gzipMagic = []byte{0x1f, 0x8b}

// isGzip says whether r goes on with gzip data.
func isGzip(r *bufio.Reader) bool {
	start, _ := r.Peek(len(gzipMagic))
	return bytes.Equal(start, gzipMagic)
}

// gunzip reads gzip data of one member or of several, as bgzip and pigz write them, to the end of the file. What follows the last
// member, be it zeros, is an error, and so is a member that is cut.
type gunzip struct {
	compressed *bufio.Reader
	member     *gzip.Reader
}

func newGunzip(compressed *bufio.Reader) (*gunzip, error) {
	member, err := gzip.NewReader(compressed)
	if err != nil {
		return nil, err
	}
	member.Multistream(false) // stop at the end of a member, so that what follows is seen
	return &gunzip{compressed, member}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	for {
		n, err := g.member.Read(p)
		if err == io.EOF {
			err = g.next()
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// next goes on to the next member. Where there is none, the error is io.EOF.
func (g *gunzip) next() error {
	if _, err := g.compressed.Peek(1); err != nil {
		return err
	}
	if !isGzip(g.compressed) {
		return errors.New("has bytes after the end of its gzip data, want none")
	}
	err := g.member.Reset(g.compressed)
	g.member.Multistream(false)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
