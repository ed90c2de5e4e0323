package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"govae/internal/picture"
)

const scale = 2 // of pictures of images

// draw draws all pictures.
func (s *study) draw(out string, r *results) error {
	for _, p := range []struct {
		name string
		draw func(path string, r *results) error
	}{
		{"curves", drawCurves}, {"plane", drawPlanes}, {"samples", s.drawSamples}, {"interpolate", s.drawInterpolations}, {"corrupt", s.drawCorruptions},
	} {
		if err := p.draw(filepath.Join(out, "ae-vs-vae-"+p.name+".png"), r); err != nil {
			return err
		}
	}
	return nil
}

// grid writes rows of images, each with a label.
func (s *study) grid(path string, labels []string, rows [][]float32) error {
	shape := s.set.Test.Shape
	columns := len(rows[0]) / shape.Pixels()
	img, err := picture.Grid{
		Images: slices.Concat(rows...), Shape: picture.Shape{Height: shape.Height, Width: shape.Width, Channels: shape.Channels},
		Columns: columns, Scale: scale, Labels: labels,
	}.Draw()
	if err != nil {
		return err
	}
	return picture.Write(path, img)
}

// drawSamples draws some test images and a row of samples of each kind.
func (s *study) drawSamples(path string, r *results) error {
	labels, images := []string{"test images"}, [][]float32{s.test[:pictured*s.set.Test.Shape.Pixels()]}
	for _, sample := range r.Samples {
		labels = append(labels, fmt.Sprintf("%s, %s", strings.ToUpper(string(sample.Kind)), sample.From))
		images = append(images, sample.shown)
	}
	return s.grid(path, labels, images)
}

// drawInterpolations draws each walk for all kinds, one below the other.
func (s *study) drawInterpolations(path string, r *results) error {
	var labels []string
	var images [][]float32
	length := steps * s.set.Test.Shape.Pixels()
	for walk := range walks {
		for _, way := range r.Interpolations {
			labels = append(labels, strings.ToUpper(string(way.Kind)))
			images = append(images, way.shown[walk*length:][:length])
		}
	}
	return s.grid(path, labels, images)
}

// drawCorruptions draws some images of each corruption that is pictured: as they are, as the models are shown them, and what each model
// makes of that.
func (s *study) drawCorruptions(path string, r *results) error {
	const each = 6
	few := func(x []float32) []float32 { return x[:each*s.set.Test.Shape.Pixels()] }
	labels, images := []string{"image", "shown"}, make([][]float32, 2+len(r.Wide()))
	for _, n := range r.Wide() {
		labels = append(labels, fmt.Sprintf("%s, %d", strings.ToUpper(string(n.Kind)), n.Images))
	}
	for _, c := range r.Corruptions {
		if !c.Pictured {
			continue
		}
		images[0], images[1] = append(images[0], few(c.X)...), append(images[1], few(c.Shown)...)
		for i, n := range r.Wide() {
			out, err := s.models[n.name].Reconstruct(few(c.Shown))
			if err != nil {
				return err
			}
			images[2+i] = append(images[2+i], out...)
		}
	}
	return s.grid(path, labels, images)
}
