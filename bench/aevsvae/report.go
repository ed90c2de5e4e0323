package main

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"golang.org/x/sys/cpu"

	"govae/internal/files"
	"govae/internal/words"
	"govae/model"
)

// results are all that the text has numbers of.
type results struct {
	Processor        string
	Epochs, All, Few int
	Test             int // images

	Curves []curve

	Judge                     string // the classifier, in words
	JudgeEpochs               int
	SureAbove, Right          float64
	Halves                    float64 // the distance between two halves of the test images
	TestQuality, TrainQuality quality

	Components     int
	Samples        []samples
	Spreads        []spread
	Interpolations []interpolation
	Foreign        []foreign
	Corruptions    []corruption
	Planes         []latentPlane
}

func newResults(s *study) *results {
	return &results{Processor: processor(), Epochs: s.epochs, All: s.set.Train.Len(), Few: few, Test: s.set.Test.Len()}
}

// Wide returns the curves of the models with the default latent.
func (r *results) Wide() []curve {
	return slices.DeleteFunc(slices.Clone(r.Curves), func(c curve) bool { return c.Latent != wide })
}

func (r *results) curveOf(n name) curve {
	return r.Curves[slices.IndexFunc(r.Curves, func(c curve) bool { return c.name == n })]
}

// Fit returns the curve of the model of a kind with the default latent on so many images.
func (r *results) Fit(kind model.Kind, images int) curve { return r.curveOf(name{kind, images, wide}) }

// Sample returns the samples of a kind from the distribution at a place, in the order of sampleAll.
func (r *results) Sample(kind model.Kind, place int) samples {
	of := slices.DeleteFunc(slices.Clone(r.Samples), func(s samples) bool { return s.Kind != kind })
	return of[place]
}

// processor names the processor, as far as the system says.
func processor() string {
	name := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	if cpu.X86.HasAVX512F {
		name += " with AVX-512"
	}
	return fmt.Sprintf("%s of an %s", words.Counted(runtime.GOMAXPROCS(0), "core"), words.Printable(name))
}

//go:embed ae-vs-vae.md.tmpl
var document string

// functions are what the text calls.
var functions = template.FuncMap{
	"one":     func(v float64) string { return rounded(v, 1) },
	"two":     func(v float64) string { return rounded(v, 2) },
	"percent": func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) },
	"count":   func(n int) string { return words.Thousands(n) },
	"upper":   func(k model.Kind) string { return strings.ToUpper(string(k)) },
	"minus":   func(a, b float64) float64 { return a - b },
}

// rounded writes a number with so many decimals, a true minus and no negative zero.
func rounded(v float64, decimals int) string {
	digits := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	if v < 0 && strings.Trim(digits, "0.") != "" {
		return "−" + digits
	}
	return digits
}

// write writes the text with the numbers in their places.
func (r *results) write(out string) error {
	t, err := template.New("ae-vs-vae.md").Funcs(functions).Parse(document)
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(out, "ae-vs-vae.md"), func(w io.Writer) error { return t.Execute(w, r) })
}
