package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"govae/internal/picture"
	"govae/model"
)

// drawing is what a mode has drawn.
type drawing struct {
	title   string
	each    string    // the title where each image has a file; empty: title
	images  []float32 // [n, pixels]
	inputs  []float32 // [n, pixels], shown in rows above the images; nil: none
	columns int
}

// write writes the picture, or one for each image, and says so.
func (d drawing) write(shape model.Image, o options, stdout io.Writer) error {
	if o.out != "" {
		images := d.images
		if d.inputs != nil {
			var err error
			if images, err = picture.Alternate(d.inputs, d.images, shape.Pixels(), d.columns); err != nil {
				return err
			}
		}
		img, err := picture.Grid(images, picture.Shape(shape), d.columns, o.scale)
		if err != nil {
			return err
		}
		if err := picture.Write(o.out, img); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "Wrote %s, %d×%d pixels: %s.\n", o.out, img.Bounds().Dx(), img.Bounds().Dy(), d.title)
	}
	if o.dir != "" {
		return d.writeEach(shape, o, stdout)
	}
	return nil
}

// writeEach writes each image to a file of its own.
func (d drawing) writeEach(shape model.Image, o options, stdout io.Writer) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("-dir: %w", err)
	}
	pixels := shape.Pixels()
	n := len(d.images) / pixels
	for i := range n {
		img, err := picture.Grid(d.images[i*pixels:][:pixels], picture.Shape(shape), 1, o.scale)
		if err != nil {
			return err
		}
		if err := picture.Write(filepath.Join(o.dir, fileName(o.mode.single, i, n)), img); err != nil {
			return err
		}
	}
	title := d.title
	if d.each != "" {
		title = d.each
	}
	first, last := fileName(o.mode.single, 0, n), fileName(o.mode.single, n-1, n)
	fmt.Fprintf(stdout, "Wrote %s to %s in %s, %d×%d pixels each: %s.\n", first, last, o.dir, shape.Width*o.scale, shape.Height*o.scale, title)
	return nil
}

// fileName returns the name of image i of n: they are numbered from 1, with as many digits as make them sort.
func fileName(single string, i, n int) string {
	return fmt.Sprintf("%s-%0*d.png", single, max(4, len(fmt.Sprint(n))), i+1)
}
