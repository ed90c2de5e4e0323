package report

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"govae/model/machine"
)

// TestMetricsComeBack checks that what is read is what was written, as far as its six decimals go, up to the epoch that is
// asked for.
func TestMetricsComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.csv")
	epochs := []Epoch{
		{Number: 1, Step: 7, Train: machine.Terms{1.25, -2}, Test: machine.Terms{3.5, 4}, Seconds: 0.5, ImagesPerSecond: 100},
		{Number: 2, Step: 14, Train: machine.Terms{5.000001, 6}, Test: machine.Terms{7, 8}, Seconds: 0.25, ImagesPerSecond: 200},
	}
	if err := WriteMetrics(path, terms, epochs); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		got, err := ReadMetrics(path, terms, n)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != n || n > 0 && !reflect.DeepEqual(got, epochs[:n]) {
			t.Errorf("the first %d epochs are %+v, want %+v", n, got, epochs[:n])
		}
	}
	const want = "epoch,step,train_loss,train_near,test_loss,test_near,seconds,images_per_second\n" +
		"1,7,1.250000,-2.000000,3.500000,4.000000,0.500000,100.000000\n"
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), want) {
		t.Errorf("wrote %q (%v), want at its beginning %q", text, err, want)
	}
}

// TestMetricsWithoutATerm reads a file of before the model reported a term, and writes it again with an epoch of after that.
func TestMetricsWithoutATerm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.csv")
	if err := os.WriteFile(path, []byte("epoch,step,train_loss,test_loss,seconds,images_per_second\n1,7,5,6,0.5,100\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time with empty places
		epochs, err := ReadMetrics(path, terms, 1)
		if err != nil {
			t.Fatal(err)
		}
		if e := epochs[0]; len(epochs) != 1 || e.Train[0] != 5 || e.Test[0] != 6 || !math.IsNaN(e.Train[1]) || !math.IsNaN(e.Test[1]) || e.Seconds != 0.5 || e.ImagesPerSecond != 100 {
			t.Errorf("read %+v", epochs)
		}
		epochs = append(epochs, Epoch{Number: 2, Step: 14, Train: machine.Terms{4, 3}, Test: machine.Terms{2, 1}, Seconds: 1, ImagesPerSecond: 50})
		if err := WriteMetrics(path, terms, epochs); err != nil {
			t.Fatal(err)
		}
		const want = "epoch,step,train_loss,train_near,test_loss,test_near,seconds,images_per_second\n" +
			"1,7,5.000000,,6.000000,,0.500000,100.000000\n2,14,4.000000,3.000000,2.000000,1.000000,1.000000,50.000000\n"
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("wrote %q (%v), want %q", text, err, want)
		}
		if err := WriteCurves(filepath.Join(t.TempDir(), "curves.png"), terms, epochs); err != nil {
			t.Errorf("the curves of a term that is known from the second epoch on: %v", err)
		}
		if err := WriteCurves(filepath.Join(t.TempDir(), "curves.png"), terms, epochs[:1]); err != nil {
			t.Errorf("the curves of a term that is not known: %v", err)
		}
	}
}

const header = "epoch,step,train_loss,train_near,test_loss,test_near,seconds,images_per_second\n"

func writeText(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "metrics.csv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMetricsOfOtherPrograms reads what means the same as one row, as other programs write it.
func TestMetricsOfOtherPrograms(t *testing.T) {
	row := "3,21,1.5,-2,3,4,0.5,100\n"
	semicolons := strings.NewReplacer(",", ";")
	for name, text := range map[string]string{
		"as it was":                   header + row,
		"a byte order mark":           "\ufeff" + header + row,
		"CRLF":                        strings.ReplaceAll(header+row, "\n", "\r\n"),
		"no end of the last line":     strings.TrimSpace(header + row),
		"empty lines":                 header + "\n" + row + "\n\n",
		"all quoted":                  "\ufeff\"" + strings.NewReplacer(",", `","`, "\n", "\"\n\"").Replace(header) + "3\",\"21\",1.5,-2,3,4,0.5,100\n",
		"semicolons":                  semicolons.Replace(header + row),
		"semicolons and commas":       "\ufeff" + semicolons.Replace(header) + "3;21;1,5;-2;3;4;0,5;100,0\r\n",
		"quoted names and semicolons": "\"epoch\"" + semicolons.Replace(strings.TrimPrefix(header, "epoch")+row),
		"tabs":                        strings.ReplaceAll(header+row, ",", "\t"),
		"all of them floats":          header + "3.0,21.0,1.5,-2.0,3.0,4.0,0.5,100.0\n",
		"commas in all of them":       semicolons.Replace(header) + "3,0;2,1E1;1,5;-2,0;3,0;4,0;0,5;1E+2\n",
		"endless speed":               header + "3,21,1.5,-2,3,4,0.5,100\n4,28,1,1,1,1,0,+Inf\n",
	} {
		got, err := ReadMetrics(writeText(t, text), terms, 3)
		want := []Epoch{{Number: 3, Step: 21, Train: machine.Terms{1.5, -2}, Test: machine.Terms{3, 4}, Seconds: 0.5, ImagesPerSecond: 100}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, %v; want %+v", name, got, err, want)
		}
	}
}

// TestBrokenMetrics checks that an error says where and what is wrong, in the reader's words, and that the rows before it are there.
func TestBrokenMetrics(t *testing.T) {
	const first = "1,7,1,1,1,1,1,1\n"
	for _, test := range []struct {
		name, text string
		rows       int
		want       string
	}{
		{"empty", "", 0, "it is empty"},
		{"a byte order mark alone", "\ufeff", 0, "it is empty"},
		{"another header", "epoch,loss\n1,2\n", 0, `the first line: "loss" is no column of a run's metrics`},
		{"no header", first, 0, `the first line: "1" is no column`},
		{"an escape sequence", "\x1b[2Jepoch,step\n", 0, `the first line: "\x1b[2Jepoch" is no column`},
		{"terms in another order", "epoch,step,test_loss,train_loss,seconds,images_per_second\n", 0, "the first line: column 3 is test_loss, want train_loss"},
		{"no seconds", "epoch,step,train_loss,test_loss,images_per_second\n", 0, "the first line: the column seconds is missing"},
		{"a column twice", strings.TrimSpace(header) + ",seconds\n", 0, "the first line: the column seconds is there twice"},
		{"quotes in the header", "epoch,\"step\n", 0, `the first line: a quote (") is where none belongs`},
		{"cut", header + first + "2,14,3\n", 1, "row 2, in line 3: it has 3 columns, and the header 8"},
		{"cut in the first column", header + "\n" + first + "2", 1, "row 2, in line 4: it has 1 column, and the header 8"},
		{"too long", header + first + "2,14,1,1,1,1,1,1,,\n", 1, "row 2, in line 3: it has 10 columns, and the header 8"},
		{"not a number", header + "1,7,1,1,x,1,1,1\n", 0, `row 1, in line 2: test_loss is "x", want a finite number`},
		{"not finite", header + "1,7,1,1,NaN,1,1,1\n", 0, `row 1, in line 2: test_loss is "NaN", want a finite number`},
		{"infinite", header + first + "2,7,1,1,1,-Inf,1,1\n", 1, `row 2, in line 3: test_near is "-Inf", want a finite number`},
		{"too large", header + "1,7,1,1,1,1e999,1,1\n", 0, `test_near is "1e999", want a finite number`},
		{"no time", header + "1,7,1,1,1,1,,1\n", 0, `seconds is "", want a finite number`},
		{"epoch twice", header + strings.Repeat(first, 2), 1, "row 2, in line 3: epoch is 1, after a row of epoch 1"},
		{"out of order", header + first + "3,21,1,1,1,1,1,1\n2,14,1,1,1,1,1,1\n", 2, "row 3, in line 4: epoch is 2, after a row of epoch 3"},
		{"not an epoch", header + "one,7,1,1,1,1,1,1\n", 0, `row 1, in line 2: epoch is "one", want a whole number from 1 on`},
		{"half an epoch", header + "1.5,7,1,1,1,1,1,1\n", 0, `epoch is "1.5", want a whole number from 1 on`},
		{"epoch 0", header + "0,7,1,1,1,1,1,1\n", 0, `epoch is "0", want a whole number from 1 on`},
		{"a negative epoch", header + "-1.0,7,1,1,1,1,1,1\n", 0, `epoch is "-1.0", want a whole number from 1 on`},
		{"not a step", header + "1,NaN,1,1,1,1,1,1\n", 0, `step is "NaN", want a whole number`},
		{"a date of a spreadsheet", header + first + "2-Jan,14,1,1,1,1,1,1\n", 1, `row 2, in line 3: epoch is "2-Jan", want`},
		{"a thousand with two marks", strings.ReplaceAll(header, ",", ";") + "1;7;1.000,5;1;1;1;1;1\n", 0, `train_loss is "1.000,5", want`},
		{"an open quote", header + first + "2,\"14,1,1,1,1,1,1\n", 1, `row 2, in line 3: a quote (") is where none belongs, or is not closed`},
		{"a long value", header + "1,7," + strings.Repeat("x", 1000) + ",1,1,1,1,1\n", 0, `train_loss is "` + strings.Repeat("x", 40) + `", want`},
	} {
		path := writeText(t, test.text)
		got, err := ReadMetrics(path, terms, 10)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q and the path", test.name, err, test.want)
			continue
		}
		for _, foreign := range []string{"strconv", "wrong number of fields", "parse", "record"} {
			if strings.Contains(err.Error(), foreign) {
				t.Errorf("%s: error %q has a library's words, %q", test.name, err, foreign)
			}
		}
		if len(got) != test.rows {
			t.Errorf("%s: %d rows are read, want %d", test.name, len(got), test.rows)
		}
	}
}

// TestSetAside checks that a file gets the next free name, and that what has one of the names keeps it, also a link to nothing.
func TestSetAside(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "metrics.csv")
	for i, want := range []string{"metrics.broken.csv", "metrics.broken-2.csv", "metrics.broken-4.csv"} {
		if i == 2 {
			if err := os.Symlink("nowhere", filepath.Join(folder, "metrics.broken-3.csv")); err != nil {
				t.Skipf("no link can be made here: %v", err)
			}
		}
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		aside, err := SetAside(path)
		if err != nil || aside != filepath.Join(folder, want) {
			t.Errorf("it is now %s (%v), want %s", aside, err, want)
		}
		if text, err := os.ReadFile(aside); err != nil || string(text) != want {
			t.Errorf("%s holds %q (%v)", aside, text, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(folder, "metrics.broken.csv")); err != nil || string(text) != "metrics.broken.csv" {
		t.Errorf("the first holds %q (%v)", text, err)
	}
}
