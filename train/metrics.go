package train

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

	"govae/internal/atomicfile"
)

// record is what one epoch gave: a line on the console and a row of metrics.csv.
type record struct {
	Epoch           int    // counted from 1
	Step            uint64 // updates made since the start of the run
	Train           Terms  // mean over the training images, each seen as the weights were at its step
	Test            Terms  // mean over the test images, after the epoch
	Seconds         float64
	ImagesPerSecond float64 // both of the training steps alone, without evaluation and files
}

var metricsHeader = []string{
	"epoch", "step",
	"train_loss", "train_reconstruction", "train_kl",
	"test_loss", "test_reconstruction", "test_kl",
	"seconds", "images_per_second",
}

// numbers lists the fields of r that follow epoch and step, in the order of the header.
func (r *record) numbers() []*float64 {
	return []*float64{
		&r.Train.Loss, &r.Train.Reconstruction, &r.Train.KL,
		&r.Test.Loss, &r.Test.Reconstruction, &r.Test.KL,
		&r.Seconds, &r.ImagesPerSecond,
	}
}

// writeMetrics writes one row per epoch. The file is written anew each time, so that it is never half-written
// and never has an epoch twice.
func writeMetrics(path string, records []record) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		out := csv.NewWriter(w)
		rows := [][]string{metricsHeader}
		for _, r := range records {
			row := []string{strconv.Itoa(r.Epoch), strconv.FormatUint(r.Step, 10)}
			for _, v := range r.numbers() {
				row = append(row, strconv.FormatFloat(*v, 'f', 6, 64))
			}
			rows = append(rows, row)
		}
		return out.WriteAll(rows)
	})
}

// readMetrics returns the rows of the first epochs, which a resumed run keeps. A file that is not there has none.
func readMetrics(path string, epochs int) ([]record, error) {
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
	if len(rows) == 0 || !slices.Equal(rows[0], metricsHeader) {
		return nil, fmt.Errorf("%s: the first line is not the header of a run's metrics: move the file away to resume without it", path)
	}
	var records []record
	for i, row := range rows[1:] {
		r, err := parseRecord(row)
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, i+1, err)
		}
		if n := len(records); n > 0 && r.Epoch <= records[n-1].Epoch {
			return nil, fmt.Errorf("%s: row %d is of epoch %d, after one of epoch %d", path, i+1, r.Epoch, records[n-1].Epoch)
		}
		if r.Epoch <= epochs {
			records = append(records, r)
		}
	}
	return records, nil
}

func parseRecord(row []string) (r record, err error) {
	if r.Epoch, err = strconv.Atoi(row[0]); err != nil {
		return r, err
	}
	if r.Step, err = strconv.ParseUint(row[1], 10, 64); err != nil {
		return r, err
	}
	for i, v := range r.numbers() {
		if *v, err = strconv.ParseFloat(row[2+i], 64); err != nil {
			return r, err
		}
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			return r, fmt.Errorf("%s is %v, want a finite number", metricsHeader[2+i], *v)
		}
	}
	return r, nil
}
