package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"codeberg.org/sbinet/npyio/npy"

	"govae/cmd/internal/trained"
	"govae/internal/files"
	"govae/internal/words"
)

// place is where something is to be written.
type place struct {
	flag, path, extension string
	write                 func(*measured, io.Writer) error
	what                  string // is written
}

// places lists what is to be written.
func (o options) places() (places []place) {
	for _, p := range []place{
		{"-csv", o.csv, ".csv", writeCSV, "the terms of"},
		{"-latents", o.latents, ".npy", writeLatents, "the codes of"},
	} {
		if p.path != "" {
			places = append(places, p)
		}
	}
	return places
}

// unwritten says what is not written of what was asked for.
func (o options) unwritten() string {
	var paths []string
	for _, p := range o.places() {
		paths = append(paths, words.Printable(p.path))
	}
	if len(paths) == 0 {
		return ""
	}
	return ", and nothing is written to " + strings.Join(paths, " and ")
}

// writeTables writes what was asked for of each image, and says so.
func (o options) writeTables(s *measured, stdout io.Writer) error {
	for i, p := range o.places() {
		folder := filepath.Dir(p.path)
		if err := files.MakeFolder(folder); err != nil {
			return fmt.Errorf("%s: %w", p.flag, err)
		}
		if err := files.Write(p.path, func(w io.Writer) error { return p.write(s, w) }); err != nil {
			return err
		}
		if i == 0 {
			fmt.Fprintln(stdout)
		}
		trained.NoteOn(folder, stdout)
		fmt.Fprintf(stdout, "Wrote %s: %s %s.\n", words.Printable(p.path), p.what, words.Counted(s.Images, "image"))
	}
	return nil
}

// writeCSV writes a row for each image, under a header: index, label and the names of the terms, with as many digits as tell float32
// values apart.
func writeCSV(s *measured, w io.Writer) error {
	row := []byte("index,label")
	for _, term := range s.Terms {
		row = append(append(row, ','), term.Name...)
	}
	for i, terms := range s.terms {
		row = strconv.AppendInt(append(row, '\n'), int64(i), 10)
		row = append(row, ',')
		if len(s.images.Labels) > 0 {
			row = strconv.AppendInt(row, int64(s.images.Labels[i]), 10)
		}
		for _, v := range terms {
			row = strconv.AppendFloat(append(row, ','), v, 'g', -1, 32)
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
		row = row[:0]
	}
	_, err := w.Write([]byte("\n"))
	return err
}

// writeLatents writes the codes, [images, latent], as NumPy's arrays of float32 are.
func writeLatents(s *measured, w io.Writer) error {
	rows, latent := make([][]float32, s.Images), len(s.Variance)
	for i := range rows {
		rows[i] = s.codes[i*latent:][:latent]
	}
	return npy.Write(w, rows)
}
