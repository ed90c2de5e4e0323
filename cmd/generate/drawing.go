package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"

	"govae/cmd/internal/trained"
	"govae/internal/files"
	"govae/internal/picture"
	"govae/internal/words"
	"govae/model"
)

// drawing is what a mode has drawn.
type drawing struct {
	title string
	each  string       // the title where each image has a file; empty: title
	grid  picture.Grid // without shape and scale; where it has images below, these are what was drawn
}

// write writes the picture, or one for each image, and says so.
func (d drawing) write(shape model.Image, o options, stdout io.Writer) error {
	d.grid.Shape, d.grid.Scale = picture.Shape(shape), o.scale
	if o.out != "" {
		if err := d.writeAll(o, stdout); err != nil {
			return err
		}
	}
	if o.dir != "" {
		return d.writeEach(o, stdout)
	}
	return nil
}

// writeAll writes the picture.
func (d drawing) writeAll(o options, stdout io.Writer) error {
	draw := d.grid.DrawToFit
	if o.scaleGiven {
		draw = d.grid.Draw
	}
	img, err := draw()
	if err != nil {
		return err
	}
	if err := files.MakeFolder(filepath.Dir(o.out)); err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	if err := picture.Write(o.out, img); err != nil {
		return err
	}
	trained.NoteOn(filepath.Dir(o.out), stdout)
	fmt.Fprintf(stdout, "Wrote %s, %d×%d pixels: %s.\n", words.Printable(o.out), img.Bounds().Dx(), img.Bounds().Dy(), d.title)
	return nil
}

// writeEach writes each image to a file of its own.
func (d drawing) writeEach(o options, stdout io.Writer) error {
	if err := files.MakeFolder(o.dir); err != nil {
		return fmt.Errorf("-dir: %w", err)
	}
	images, pixels := d.grid.Images, d.grid.Shape.Height*d.grid.Shape.Width*d.grid.Shape.Channels
	if d.grid.Below != nil {
		images = d.grid.Below
	}
	n := len(images) / pixels
	for i := range n {
		img, err := picture.Grid{Images: images[i*pixels:][:pixels], Shape: d.grid.Shape, Columns: 1, Scale: o.scale}.Draw()
		if err != nil {
			return err
		}
		if err := picture.Write(filepath.Join(o.dir, fileName(o.mode.single, i, n)), img); err != nil {
			return err
		}
	}
	trained.NoteOn(o.dir, stdout)
	names, each := fileName(o.mode.single, 0, n), ""
	if n > 1 {
		names, each = names+" to "+fileName(o.mode.single, n-1, n), " each"
	}
	fmt.Fprintf(stdout, "Wrote %s in %s, %d×%d pixels%s: %s.\n", names, words.Printable(o.dir),
		d.grid.Shape.Width*o.scale, d.grid.Shape.Height*o.scale, each, cmp.Or(d.each, d.title))
	return nil
}

// checkPlaces reports what is in the way of what is to be written, before it is made.
func (o options) checkPlaces() error {
	if o.out != "" {
		if err := cmp.Or(files.CheckFolder(filepath.Dir(o.out)), files.CheckFile(o.out)); err != nil {
			return fmt.Errorf("-out: %w", err)
		}
	}
	if o.dir != "" {
		if err := files.CheckFolder(o.dir); err != nil {
			return fmt.Errorf("-dir: %w", err)
		}
	}
	return nil
}

// fileName returns the name of image i of n: they are numbered from 1, with as many digits as make them sort.
func fileName(single string, i, n int) string {
	return fmt.Sprintf("%s-%0*d.png", single, max(4, len(fmt.Sprint(n))), i+1)
}
