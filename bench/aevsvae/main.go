// Command aevsvae measures what is said of plain autoencoders beside variational ones: that they encode an image as a point, overfit more,
// do badly on images that they have not seen, and cannot be drawn from. It trains both on MNIST, on 1,000 images and on 60,000, and writes
// docs/ae-vs-vae.md, in which all numbers are its own, and the pictures there.
//
//	go run ./bench/aevsvae
//
// fit.go trains, samples.go and corrupt.go measure what comes of it, judge.go is the classifier that samples are measured by, pictures.go
// and plots.go draw, and report.go fills in the text, ae-vs-vae.md.tmpl.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"govae/model"
	"govae/train/dataset"
)

// seed fixes everything that is drawn.
const seed = 1

// few is on how many images the models are trained that are to overfit.
const few = 1000

// Latents of the models: the default, and one that can be drawn.
const (
	wide  = 20
	plane = 2
)

var kinds = []model.Kind{model.AE, model.VAE}

func main() {
	log.SetFlags(0)
	log.SetPrefix("aevsvae: ")
	out := flag.String("out", "docs", "the folder of text and pictures")
	epochs := flag.Int("epochs", 15, "epochs on all images; on fewer, as many as make as many steps")
	foreign := flag.String("foreign", "", "also reconstruct the test images of this data set, such as a folder with Fashion-MNIST")
	flag.Parse()
	if *epochs < 1 {
		log.Fatalf("-epochs is %d, want at least 1", *epochs)
	}
	if err := run(*out, *epochs, *foreign); err != nil {
		log.Fatal(err)
	}
}

func run(out string, epochs int, foreign string) error {
	if _, err := os.Stat(out); err != nil { // before minutes of work
		return err
	}
	set, err := dataset.Open(dataset.MNIST)
	if err != nil {
		return err
	}
	s := &study{set: set, epochs: epochs, began: time.Now()}
	s.test = values(&set.Test, 0, set.Test.Len())
	r := newResults(s)
	if r.Foreign, err = foreignSets(foreign, set.Test.Shape); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		of   func(*results) error
	}{
		{"models", s.fitAll}, {"classifier", s.openJudge}, {"samples", s.sampleAll}, {"corrupted images", s.corruptAll},
		{"interpolations", s.interpolateAll}, {"latent plane", s.planes},
	} {
		if err := part.of(r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		s.note("%s done", part.name)
	}
	if err := s.draw(out, r); err != nil {
		return err
	}
	return r.write(out)
}

// study is what the measurements have in common.
type study struct {
	set    *dataset.Set
	test   []float32 // its test images
	epochs int       // on all images
	began  time.Time

	models map[name]*autoencoder
	judge  *judge
}

// name says which of the models one is.
type name struct {
	Kind           model.Kind
	Images, Latent int
}

// note tells how far it is.
func (s *study) note(format string, args ...any) {
	fmt.Printf("%6.1f s  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// values returns some images as they are fed to a model.
func values(images *model.Images, start, end int) []float32 {
	x := make([]float32, (end-start)*images.Shape.Pixels())
	images.Fill(x, start)
	return x
}
