package trained

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"govae/internal/files"
	"govae/internal/setting"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/train/dataset"
)

// askData ends the errors of a model whose images are not to be had.
const askData = "name images with -data PATH, or -data mnist for those of MNIST"

// Images reads the images that -data names, or else those that the model was trained on. It prints what is to be known of the reading.
func (m *Model) Images(ctx context.Context) (*dataset.Set, error) {
	if slices.Contains(m.flags.Given, "data") {
		return m.Others(ctx, m.flags.Data.Path, "data")
	}
	set, err := m.runImages(ctx)
	if err != nil {
		return nil, err
	}
	printNotes(set.Notes, m.stdout)
	return set, nil
}

// ImagesFingerprint returns the Fingerprint of the set that Images returns, where that is known without reading it: no other will do where
// no flag says which images, or what to make of them.
func (m *Model) ImagesFingerprint() (fingerprint string, known bool) {
	if m.Run == nil || len(m.flags.Given) > 0 {
		return "", false
	}
	return m.Run.Data.Fingerprint, true
}

// printNotes prints what a user is to know.
func printNotes(notes []string, stdout io.Writer) {
	for _, note := range notes {
		fmt.Fprintf(stdout, "Note: %s.\n", note)
	}
}

// NoteOn says it where files that are written in a folder are not as safe as they are elsewhere.
func NoteOn(folder string, stdout io.Writer) {
	if err := files.Durable(folder); err != nil {
		printNotes([]string{err.Error()}, stdout)
	}
}

// Others reads the images at a path that a flag has named. They may be any that fit the model; what else makes images of what is there
// is as in the run, if that is known, and no flag says otherwise. Where they are not the run's own and have no test set, all of them
// are one. It prints what is to be known of the reading.
func (m *Model) Others(ctx context.Context, path, flag string) (*dataset.Set, error) {
	source, err := m.runSource()
	if err != nil { // what the run took is of no use, and what is wanted is said
		source = dataset.DefaultSource()
	}
	set, err := m.open(ctx, source, path)
	if err != nil {
		return nil, AdvisedOn(err, flag)
	}
	if got, want := set.Test.Shape, m.Config().Image; got != want {
		return nil, fmt.Errorf("the images of %s are %v and the model takes %v: %s", words.Printable(set.Name), got, want, fitting(got, want, flag, slices.Contains(m.flags.Given, "grey")))
	}
	if set.HeldOut && !slices.Contains(m.flags.Given, "holdout") && (m.Run == nil || set.Fingerprint() != m.Run.Data.Fingerprint) {
		set.TakeAll() // of which the model has seen none
	}
	printNotes(set.Notes, m.stdout)
	return set, nil
}

// AdvisedOn returns an error of reading what a flag has named, with the flags that help against it.
func AdvisedOn(err error, flag string) error {
	switch {
	case errors.Is(err, dataset.ErrNoData):
		return fmt.Errorf("%w: name with -%s %s", err, flag, dataset.Wanted)
	case errors.Is(err, dataset.ErrSize):
		return fmt.Errorf("%w: give -size HxW", err)
	case errors.Is(err, dataset.ErrBadPicture):
		return fmt.Errorf("%w: give -skip-bad to leave out what cannot be read", err)
	}
	return err
}

// fitting says what makes images of a shape that differs from the wanted one, which a flag has named, fit a model. They may be grey
// because another flag says so.
func fitting(got, want model.Image, flag string, greyGiven bool) string {
	if got.Channels < want.Channels {
		if greyGiven {
			return fmt.Sprintf("leave out -grey, or name images in colour with -%s PATH", flag)
		}
		return fmt.Sprintf("name images in colour with -%s PATH", flag)
	}
	var flags []string
	if got.Height != want.Height || got.Width != want.Width {
		flags = append(flags, fmt.Sprintf("-size %dx%d", want.Height, want.Width))
	}
	if got.Channels > want.Channels {
		flags = append(flags, "-grey")
	}
	return fmt.Sprintf("give %s, or name others with -%s PATH", strings.Join(flags, " "), flag)
}

// CheckLabels reports labels with which a model that is told classes cannot do, of images that are a split of a set with that name, which
// a flag has named.
func CheckLabels(cfg model.Config, name string, images *model.Images, split, flag string) error {
	if !cfg.Kind.TakesLabels() {
		return nil
	}
	want := fmt.Sprintf("name images with other labels with -%s PATH", flag)
	if len(images.Labels) == 0 {
		return fmt.Errorf("%s has no labels, and a model of kind %s is told the class of each image: %s", name, cfg.Kind, want)
	}
	for i, label := range images.Labels {
		if int(label) >= cfg.Classes {
			return fmt.Errorf("the label of %s image %d of %s is %d, and the model knows 0 to %d: %s", split, i, name, label, cfg.Classes-1, want)
		}
	}
	return nil
}

// runImages reads the images that the model was trained on from where they were then. Nothing else will do: of other images of
// that shape a model makes something, too, and a picture would not show that they are others.
func (m *Model) runImages(ctx context.Context) (*dataset.Set, error) {
	if m.Run == nil {
		return nil, fmt.Errorf("%s does not say what it was trained on: %s", words.Printable(m.Path), askData)
	}
	data := m.Run.Data
	trained := fmt.Sprintf("%s was trained on %s", words.Printable(m.Path), words.Printable(data.Name))
	// A run on MNIST need not say where that is, and one of an older version does not say where anything is.
	if len(data.Source) == 0 && !strings.EqualFold(data.Name, dataset.MNIST) {
		return nil, fmt.Errorf("%s, and does not say where that is: %s", trained, askData)
	}
	source, err := m.runSource()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, askData)
	}
	if words.Printable(source.Path) != source.Path { // which errors are to name
		return nil, fmt.Errorf("%s, at %s: %s", trained, words.Printable(source.Path), askData)
	}
	set, err := m.open(ctx, source, source.Path)
	if err != nil {
		return nil, fmt.Errorf("%s, which cannot be read: %v: %s", trained, err, askData) // not wrapped: what helps is said
	}
	if set.Test.Shape != m.Config().Image || set.Fingerprint() != data.Fingerprint {
		if flags := m.flags.readings(); len(flags) > 0 { // whose doing it may be
			return nil, fmt.Errorf("%s, and %s gives other images with %s: leave that out, or %s", trained, set.Dir, strings.Join(flags, " "), askData)
		}
		return nil, fmt.Errorf("%s, and %s gives other images now: %s", trained, set.Dir, askData)
	}
	return set, nil
}

// runSource returns where the run's images were and what was made of them: MNIST as it is, where nothing is known.
func (m *Model) runSource() (dataset.Source, error) {
	if m.Run == nil {
		return dataset.DefaultSource(), nil
	}
	source, err := setting.SetTexts(dataset.Fields, m.Run.Data.Source, dataset.DefaultSource())
	if err != nil {
		return source, fmt.Errorf("%s: run: data.source: %w", words.Printable(m.Path), err)
	}
	return source, nil
}

// open reads the images at a path as a source has it, with what flags say of that in its place.
func (m *Model) open(ctx context.Context, source dataset.Source, path string) (*dataset.Set, error) {
	source, err := setting.Merge(dataset.Fields, m.flags.Given, m.flags.Data, source)
	if err != nil {
		return nil, err
	}
	source.Path = path
	bar := terminal.NewBar(m.stderr)
	defer bar.Clear()
	return source.Open(ctx, func(done, of int) { bar.Show(done, of, "reading pictures") })
}
