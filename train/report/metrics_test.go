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

func TestReadMetricsErrors(t *testing.T) {
	header := "epoch,step,train_loss,train_near,test_loss,test_near,seconds,images_per_second\n"
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "header"},
		{"another header", "epoch,loss\n1,2\n", "header"},
		{"terms in another order", "epoch,step,test_loss,train_loss,seconds,images_per_second\n", "header"},
		{"no seconds", "epoch,step,train_loss,test_loss,images_per_second\n", "header"},
		{"missing field", header + "1,2,3\n", "wrong number of fields"},
		{"not a number", header + "1,7,1,1,x,1,1,1\n", "row 1"},
		{"not finite", header + "1,7,1,1,NaN,1,1,1\n", "test_loss is NaN"},
		{"infinite", header + "1,7,1,1,1,-Inf,1,1\n", "test_near is -Inf"},
		{"epoch twice", header + strings.Repeat("1,7,1,1,1,1,1,1\n", 2), "row 2 is of epoch 1"},
		{"not an epoch", header + "one,7,1,1,1,1,1,1\n", "row 1"},
	} {
		path := filepath.Join(t.TempDir(), "metrics.csv")
		if err := os.WriteFile(path, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadMetrics(path, terms, 10); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v, want %q and the path", test.name, err, test.want)
		}
	}
}
