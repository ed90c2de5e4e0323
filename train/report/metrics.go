package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"govae/internal/files"
	"govae/model"
	"govae/model/machine"
)

// metricsHeader returns the names of the columns.
func metricsHeader(terms []model.Term) []string {
	header := []string{"epoch", "step"}
	for _, split := range []string{"train_", "test_"} {
		for _, term := range terms {
			header = append(header, split+term.Name)
		}
	}
	return append(header, "seconds", "images_per_second")
}

// numbers lists the fields that follow epoch and step, in the order of the header.
func (e *Epoch) numbers() []*float64 {
	var all []*float64
	for _, terms := range []machine.Terms{e.Train, e.Test} {
		for i := range terms {
			all = append(all, &terms[i])
		}
	}
	return append(all, &e.Seconds, &e.ImagesPerSecond)
}

// WriteMetrics writes one row per epoch. The file is written anew each time, so that it is never half-written
// and never has an epoch twice. A term that is not known, NaN, has an empty place.
func WriteMetrics(path string, terms []model.Term, epochs []Epoch) error {
	return files.Write(path, func(w io.Writer) error {
		out := csv.NewWriter(w)
		rows := [][]string{metricsHeader(terms)}
		for _, e := range epochs {
			row := []string{strconv.Itoa(e.Number), strconv.FormatUint(e.Step, 10)}
			for _, v := range e.numbers() {
				text := strconv.FormatFloat(*v, 'f', 6, 64)
				if math.IsNaN(*v) {
					text = ""
				}
				row = append(row, text)
			}
			rows = append(rows, row)
		}
		return out.WriteAll(rows)
	})
}

// ReadMetrics returns the rows of the first so many epochs, which a resumed run keeps. A file that is not there has none. Terms
// of which it has no column, because the model did not report them when it was begun, are NaN. What a spreadsheet makes of the file is read
// as well: semicolons or tabs instead of commas, commas in the numbers, 1.0 for an epoch, a byte order mark.
//
// Where there is more that cannot be read, the rows before it come with an error, which says where it is and what is wrong.
func ReadMetrics(path string, terms []model.Term, epochs int) ([]Epoch, error) {
	file, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	table, err := readTable(file, terms)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var read []Epoch
	for last := 0; ; {
		e, err := table.next()
		if err == io.EOF {
			return read, nil
		}
		if err == nil && e.Number <= last {
			err = fmt.Errorf("epoch is %d, after a row of epoch %d", e.Number, last)
		}
		if err != nil {
			return read, fmt.Errorf("%s: row %d, in line %d: %w", path, table.rows, table.line, err)
		}
		if last = e.Number; last <= epochs {
			read = append(read, e)
		}
	}
}

// SetAside gives a file of metrics that cannot be read another name beside, metrics.broken.csv or the next free one of
// metrics.broken-2.csv and so on, which it returns.
func SetAside(path string) (string, error) {
	extension := filepath.Ext(path)
	base := strings.TrimSuffix(path, extension) + ".broken"
	aside := base + extension
	for i := 2; ; i++ {
		_, err := os.Lstat(aside)
		if errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(path, aside)
		}
		if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s-%d%s", base, i, extension)
	}
}
