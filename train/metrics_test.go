package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// metricsRows reads a run's metrics with encoding/csv, the header first. A run without metrics has no rows.
func metricsRows(t *testing.T, o Options) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join(o.Out, "metrics.csv"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// column returns the place of a column.
func column(t *testing.T, rows [][]string, name string) int {
	t.Helper()
	at := slices.Index(rows[0], name)
	if at < 0 {
		t.Fatalf("the columns are %v, want one named %s", rows[0], name)
	}
	return at
}

// untimed returns a row without its last two columns, which are times.
func untimed(row []string) []string { return row[:len(row)-2] }

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Error(err)
	}
	return v
}

func TestMetrics(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	rows := metricsRows(t, o)
	const header = "epoch,step,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds,images_per_second"
	if got := strings.Join(rows[0], ","); got != header {
		t.Errorf("header is\n%s, want\n%s", got, header)
	}
	if len(rows) != 3 || rows[1][0] != "1" || rows[1][1] != "7" || rows[2][0] != "2" || rows[2][1] != "14" {
		t.Fatalf("rows are %v", rows)
	}
	for _, row := range rows[1:] {
		for i, text := range row {
			if number(t, text) <= 0 {
				t.Errorf("%s is %s", rows[0][i], text)
			}
		}
	}
	if first, second := number(t, rows[1][2]), number(t, rows[2][2]); second >= first {
		t.Errorf("train loss goes from %v to %v: nothing is learned", first, second)
	}
}

// A crash between metrics and checkpoint leaves a row too many, of the epoch that is then trained again.
func TestResumeDropsRowsBeyondTheCheckpoint(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	path := filepath.Join(o.Out, "metrics.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "3,21,1,1,1,1,1,1,1,1\n4,28,1,1,1,1,1,1,1,1\n"...)
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	o.Epochs = 3
	mustRun(t, o)
	var epochs []string
	rows := metricsRows(t, o)
	for _, row := range rows[1:] {
		epochs = append(epochs, row[0])
	}
	if !slices.Equal(epochs, []string{"1", "2", "3"}) || rows[3][2] == "1" {
		t.Errorf("metrics are %v", rows)
	}
}

// TestImagesPerSecondAreOfTheWholeEpoch checks the last two columns against each other, as far as their six decimals go.
func TestImagesPerSecondAreOfTheWholeEpoch(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	rows := metricsRows(t, o)
	for _, row := range rows[1:] {
		seconds, rate := number(t, row[column(t, rows, "seconds")]), number(t, row[column(t, rows, "images_per_second")])
		if images := seconds * rate; math.Abs(images-trainImages) > 1e-6*(seconds+rate) {
			t.Errorf("epoch %s: %v images/s for %v s are %v images, want %d", row[0], rate, seconds, images, trainImages)
		}
	}
}

// TestPrintedRowsAreTheMetrics checks each row of the printed table against the row of the metrics, to half a unit of its last
// digit.
func TestPrintedRowsAreTheMetrics(t *testing.T) {
	o := testOptions(t)
	o.Settings.LearningRate = 0.05 // so that the terms are not alike on training and test images
	mustRun(t, o)
	rows := metricsRows(t, o)
	for epoch := 1; epoch <= 2; epoch++ {
		_, line, _ := strings.Cut(printed(o), fmt.Sprintf("\n    %d/2 ", epoch))
		line, _, _ = strings.Cut(line, "\n")
		fields := strings.Fields(strings.ReplaceAll(line, ",", ""))
		if len(fields) != 8 {
			t.Fatalf("epoch %d: the row has %d numbers, want 8:\n%s", epoch, len(fields), printed(o))
		}
		for i, decimals := range []int{2, 2, 2, 2, 2, 2, 1, 0} {
			got, want := number(t, fields[i]), number(t, rows[epoch][2+i])
			if math.Abs(got-want) > 0.5*math.Pow10(-decimals)+1e-6 {
				t.Errorf("epoch %d: printed %s where %s is %v", epoch, fields[i], rows[0][2+i], want)
			}
		}
		if fields[0] == fields[3] || fields[1] == fields[4] || fields[2] == fields[5] {
			t.Errorf("epoch %d: training and test images cannot be told apart: %v", epoch, fields)
		}
	}
}
