// Command letters writes a set of the letters A to Z, drawn from the Go fonts as MNIST's digits are laid out, in MNIST's file format. To a
// model of digits they are foreign images: of the same make, and of nothing that it has learned.
//
//	go run ./bench/letters -out runs/letters
//	go run ./cmd/evaluate -against runs/letters
//
// It draws 10,400, of which 2,600 are in the files of the test images, which are those that a command tests on; -picture shows
// some of them.
package main

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"govae/bench/internal/letters"
	"govae/internal/files"
	"govae/internal/picture"
	"govae/internal/words"
	"govae/model"
)

// How many letters there are. Both are whole alphabets in each of the ten fonts.
const (
	trainLetters = 7800
	testLetters  = 2600
)

// The picture of some: whole alphabets in each font.
const (
	shownAlphabets = 10
	shownScale     = 2
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("letters: ")
	out := flag.String("out", "runs/letters", "the folder, which is made if it is not there")
	seed := flag.Uint64("seed", 1, "fixes slants and shifts")
	shown := flag.String("picture", "", "also draw some of them into this PNG file")
	flag.Parse()
	if err := run(*out, *seed, *shown); err != nil {
		log.Fatal(err)
	}
}

func run(out string, seed uint64, shown string) error {
	all, err := letters.Draw(trainLetters+testLetters, seed)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	pixels := all.Shape.Pixels()
	for _, split := range []struct {
		name       string
		start, end int
	}{{"train", 0, trainLetters}, {"t10k", trainLetters, trainLetters + testLetters}} {
		part := model.Images{Shape: all.Shape, Values: all.Values[split.start*pixels : split.end*pixels], Labels: all.Labels[split.start:split.end]}
		if err := writeSplit(filepath.Join(out, split.name), part); err != nil {
			return err
		}
	}
	fmt.Printf("%s to train on and %s to test on in %s\n", words.Counted(trainLetters, "letter"), words.Thousands(testLetters), words.Printable(out))
	if shown == "" {
		return nil
	}
	return draw(shown, all)
}

// writeSplit writes the files of images and labels whose names begin with prefix.
func writeSplit(prefix string, images model.Images) error {
	s := images.Shape
	return errors.Join(
		writeIDX(prefix+"-images-idx3-ubyte.gz", images.Values, images.Len(), s.Height, s.Width),
		writeIDX(prefix+"-labels-idx1-ubyte.gz", images.Labels, images.Len()))
}

// writeIDX writes an array of bytes of the given sizes, gzipped. The format: https://yann.lecun.com/exdb/mnist/
func writeIDX(path string, values []byte, sizes ...int) error {
	header := []byte{0, 0, 8, byte(len(sizes))} // 8: unsigned bytes
	for _, size := range sizes {
		header = binary.BigEndian.AppendUint32(header, uint32(size))
	}
	return files.Write(path, func(w io.Writer) error {
		zip := gzip.NewWriter(w)
		if _, err := zip.Write(append(header, values...)); err != nil {
			return err
		}
		return zip.Close()
	})
}

// draw draws the first alphabets, one a row.
func draw(path string, images *model.Images) error {
	values := make([]float32, shownAlphabets*letters.Count*images.Shape.Pixels())
	images.Fill(values, 0)
	shape := picture.Shape{Height: images.Shape.Height, Width: images.Shape.Width, Channels: 1}
	img, err := picture.Grid{Images: values, Shape: shape, Columns: letters.Count, Scale: shownScale}.Draw()
	if err != nil {
		return err
	}
	return picture.Write(path, img)
}
