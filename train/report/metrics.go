package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
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
// of which it has no column, because the model did not report them when it was begun, are NaN.
func ReadMetrics(path string, terms []model.Term, epochs int) ([]Epoch, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()

	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 || !isHeader(rows[0], metricsHeader(terms)) {
		return nil, fmt.Errorf("%s: the first line is not the header of a run's metrics: move the file away to resume without it", path)
	}
	var read []Epoch
	for i, row := range rows[1:] {
		e, err := parseEpoch(rows[0], row, terms)
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, i+1, err)
		}
		if n := len(read); n > 0 && e.Number <= read[n-1].Number {
			return nil, fmt.Errorf("%s: row %d is of epoch %d, after one of epoch %d", path, i+1, e.Number, read[n-1].Number)
		}
		if e.Number <= epochs {
			read = append(read, e)
		}
	}
	return read, nil
}

// isHeader says whether the names are those of a header, in its order, of which terms may be missing.
func isHeader(names, header []string) bool {
	present := slices.DeleteFunc(slices.Clone(header), func(name string) bool { return !slices.Contains(names, name) })
	fixed := func(name string) bool { return !strings.HasPrefix(name, "train_") && !strings.HasPrefix(name, "test_") }
	for _, name := range header {
		if fixed(name) && !slices.Contains(names, name) {
			return false
		}
	}
	return slices.Equal(names, present)
}

func parseEpoch(names, row []string, terms []model.Term) (e Epoch, err error) {
	e.Train, e.Test = make(machine.Terms, len(terms)), make(machine.Terms, len(terms))
	if e.Number, err = strconv.Atoi(row[0]); err != nil {
		return e, err
	}
	if e.Step, err = strconv.ParseUint(row[1], 10, 64); err != nil {
		return e, err
	}
	header := metricsHeader(terms)[2:]
	for i, v := range e.numbers() {
		isTerm := i < 2*len(terms)
		column := slices.Index(names, header[i])
		if isTerm && (column < 0 || row[column] == "") {
			*v = math.NaN()
			continue
		}
		if *v, err = strconv.ParseFloat(row[column], 64); err != nil {
			return e, err
		}
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			return e, fmt.Errorf("%s is %v, want a finite number", header[i], *v)
		}
	}
	return e, nil
}
