// Package idxtest writes small data sets in MNIST's file format for tests.
package idxtest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Write writes the images, [n, height, width], and the labels, [n], of a split, train or t10k, as gzipped IDX files in dir.
func Write(t testing.TB, dir, split string, height, width int, images, labels []byte) {
	t.Helper()
	writeFile(t, filepath.Join(dir, split+"-images-idx3-ubyte.gz"), images, len(labels), height, width)
	writeFile(t, filepath.Join(dir, split+"-labels-idx1-ubyte.gz"), labels, len(labels))
}

func writeFile(t testing.TB, path string, values []byte, dims ...int) {
	t.Helper()
	var file bytes.Buffer
	zip := gzip.NewWriter(&file)
	header := []byte{0, 0, 8, byte(len(dims))} // 8: unsigned bytes
	for _, d := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	zip.Write(append(header, values...))
	if err := errors.Join(zip.Close(), os.WriteFile(path, file.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}
