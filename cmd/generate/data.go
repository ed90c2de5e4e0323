package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"govae/internal/setting"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/train/dataset"
)

// askData ends the errors of a model whose images are not to be had.
const askData = "name images with -data PATH, or -data mnist for those of MNIST"

// openData reads the images that -data names, or else those that the model was trained on. It prints what is to be known of the reading.
func (w *work) openData() (*dataset.Set, error) {
	open := w.openRunData
	if slices.Contains(w.given, "data") {
		open = w.openGivenData
	}
	set, err := open()
	if err != nil {
		return nil, err
	}
	printNotes(set.Notes, w.stdout)
	return set, nil
}

func printNotes(notes []string, stdout io.Writer) {
	for _, note := range notes {
		fmt.Fprintf(stdout, "Note: %s.\n", note)
	}
}

// openGivenData reads what -data names. It may be anything that fits the model; what else makes images of it is as in the run, if it is
// known, and no flag says otherwise.
func (w *work) openGivenData() (*dataset.Set, error) {
	source, err := w.runSource()
	if err != nil { // what the run took is of no use, and what is wanted is said
		source = dataset.DefaultSource()
	}
	set, err := w.open(source)
	if err != nil {
		return nil, err
	}
	if got, want := set.Test.Shape, w.g.Config().Image; got != want {
		return nil, fmt.Errorf("the images of %s are %v and the model takes %v: %s", words.Printable(set.Name), got, want, fitting(got, want, slices.Contains(w.given, "grey")))
	}
	return set, nil
}

// fitting says what makes images of a shape that differs from the wanted one fit a model. They may be grey because a flag says so.
func fitting(got, want model.Image, greyGiven bool) string {
	if got.Channels < want.Channels {
		if greyGiven {
			return "leave out -grey, or name images in colour with -data PATH"
		}
		return "name images in colour with -data PATH"
	}
	var flags []string
	if got.Height != want.Height || got.Width != want.Width {
		flags = append(flags, fmt.Sprintf("-size %dx%d", want.Height, want.Width))
	}
	if got.Channels > want.Channels {
		flags = append(flags, "-grey")
	}
	return fmt.Sprintf("give %s, or name others with -data PATH", strings.Join(flags, " "))
}

// openRunData reads the images that the model was trained on from where they were then. Nothing else will do: of other images of
// that shape a model makes something, too, and a picture would not show that they are others.
func (w *work) openRunData() (*dataset.Set, error) {
	if w.run == nil {
		return nil, fmt.Errorf("%s does not say what it was trained on: %s", words.Printable(w.path), askData)
	}
	data := w.run.Data
	trained := fmt.Sprintf("%s was trained on %s", words.Printable(w.path), words.Printable(data.Name))
	// A run on MNIST need not say where that is, and one of an older version does not say where anything is.
	if len(data.Source) == 0 && !strings.EqualFold(data.Name, dataset.MNIST) {
		return nil, fmt.Errorf("%s, and does not say where that is: %s", trained, askData)
	}
	source, err := w.runSource()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, askData)
	}
	if words.Printable(source.Path) != source.Path { // which errors are to name
		return nil, fmt.Errorf("%s, at %s: %s", trained, words.Printable(source.Path), askData)
	}
	set, err := w.open(source)
	if err != nil {
		return nil, fmt.Errorf("%s, which cannot be read: %v: %s", trained, err, askData) // not wrapped: what helps is said
	}
	if set.Test.Shape != w.g.Config().Image || set.Fingerprint() != data.Fingerprint {
		if flags := w.dataFlags(); len(flags) > 0 { // whose doing it may be
			return nil, fmt.Errorf("%s, and %s gives other images with %s: leave that out, or %s", trained, set.Dir, strings.Join(flags, " "), askData)
		}
		return nil, fmt.Errorf("%s, and %s gives other images now: %s", trained, set.Dir, askData)
	}
	return set, nil
}

// dataFlags returns the flags that were given of those which say what is made of images.
func (w *work) dataFlags() []string {
	return setting.Flags(setting.Choose(dataset.Fields, func(f setting.Field[dataset.Source]) bool { return slices.Contains(w.given, f.Name) }))
}

// runSource returns where the run's images were and what was made of them: MNIST as it is, where nothing is known.
func (w *work) runSource() (dataset.Source, error) {
	if w.run == nil {
		return dataset.DefaultSource(), nil
	}
	source, err := setting.SetTexts(dataset.Fields, w.run.Data.Source, dataset.DefaultSource())
	if err != nil {
		return source, fmt.Errorf("%s: run: data.source: %w", words.Printable(w.path), err)
	}
	return source, nil
}

// open reads the images of a source, with what flags say of it in its place.
func (w *work) open(source dataset.Source) (*dataset.Set, error) {
	source, err := setting.Merge(dataset.Fields, w.given, w.data, source)
	if err != nil {
		return nil, err
	}
	bar := terminal.NewBar(w.stderr)
	defer bar.Clear()
	return source.Open(context.Background(), func(done, of int) { bar.Show(done, of, "reading pictures") })
}

// number returns how many images or pairs to draw, each of which takes so many test images of the set: what -n says, or else what the
// mode draws, or as many as there are.
func (w *work) number(set *dataset.Set, each int) (int, error) {
	have := set.Test.Len()
	switch {
	case w.n*each <= have:
		return w.n, nil
	case w.nGiven:
		return 0, usagef("-n is %d, which takes %s, and %s has %s", w.n, words.Counted(w.n*each, "test image"), words.Printable(set.Name), words.Thousands(have))
	case have < each:
		return 0, fmt.Errorf("-mode %s takes at least %s, and %s has %s", w.mode.name, words.Counted(each, "test image"), words.Printable(set.Name), words.Thousands(have))
	}
	return have / each, nil
}

// pick returns the images at the given indices, [n, pixels] in [0, 1].
func pick(split *model.Images, indices []int) []float32 {
	pixels := split.Shape.Pixels()
	images := make([]float32, len(indices)*pixels)
	for row, i := range indices {
		split.Fill(images[row*pixels:][:pixels], i)
	}
	return images
}

// pairs takes n pairs of images in the given order. Each is the first image left and the first after it with
// another label, or the next one if no other label is left or there are no labels.
func pairs(labels []byte, order []int, n int) (from, to []int) {
	left := slices.Clone(order)
	for range n {
		first, others := left[0], left[1:]
		other := max(0, slices.IndexFunc(others, func(i int) bool { return len(labels) > 0 && labels[i] != labels[first] }))
		from, to = append(from, first), append(to, others[other])
		left = slices.Delete(others, other, other+1)
	}
	return from, to
}
