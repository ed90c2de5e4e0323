package train

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"govae/internal/setting"
	"govae/internal/words"
	"govae/train/checkpoint"
	"govae/train/dataset"
)

// sourceOf returns the set's source as a checkpoint stores it. A path that is not UTF-8 no JSON holds, and the run will have to be told.
func sourceOf(set *dataset.Set) map[string]string {
	source := set.Source
	if source == (dataset.Source{}) || !utf8.ValidString(source.Path) {
		return nil
	}
	source.Path = cmp.Or(source.Path, dataset.MNIST) // no path means the same
	return setting.Texts(dataset.Fields, source, dataset.DefaultSource())
}

// inWords names a data set in an error. A checkpoint's may have any name.
func inWords(d checkpoint.Data) string {
	return fmt.Sprintf("%s (%s, fingerprint %s)", words.Printable(d.Name), words.Counted(d.Images, "image"), words.Printable(d.Fingerprint))
}

// readings are the fields of a source that decide what is made of the images at its path.
var readings = setting.Choose(dataset.Fields, func(f setting.Field[dataset.Source]) bool { return f.Name != "data" })

// sameReading reports, as a *setting.Changed, the first field by which other images are made of a place than those of the run that had the
// source was.
func sameReading(was map[string]string, set *dataset.Set) error {
	stored, err := setting.SetTexts(dataset.Fields, was, dataset.DefaultSource())
	if err != nil || set.Source == (dataset.Source{}) {
		return nil // what the run had, or what the set is of, is not known
	}
	_, _, err = setting.Changes(readings, set.Source, stored)
	return err
}

// unread returns an error of reading the images of a run that goes on, with the place at which the run had them, where nobody has named
// another. It is ErrImagesElsewhere then.
func (r *run) unread(was checkpoint.Data, err error) error {
	path, known := was.Source["data"]
	if !known || slices.Contains(r.Given, "data") {
		return err
	}
	seen := ""
	if !filepath.IsAbs(path) {
		seen = ", seen from where it was started"
	}
	return words.Plain(fmt.Errorf("%w at %s%s: %w", ErrImagesElsewhere, words.Printable(path), seen, err))
}
