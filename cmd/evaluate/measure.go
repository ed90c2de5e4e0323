package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"govae/cmd/internal/trained"
	"govae/internal/files"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
	"govae/train/dataset"
	"govae/train/evaluate"
)

// measured is what there is to say of the images of one set.
type measured struct {
	*evaluate.Result
	name   string
	images *model.Images
	terms  []machine.Terms // of each image, where they are asked for
	codes  []float32       // [images, latent], where they are asked for
}

// evaluateModel does what the options ask for.
func evaluateModel(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := o.checkPlaces(); err != nil {
		return err
	}
	m, err := o.Open(stdout, stderr)
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Run != nil && !o.seedGiven {
		o.seed = m.Run.Settings.Seed
	}
	sets, err := o.read(ctx, m)
	if ctx.Err() != nil { // whatever the reading says of it
		return fmt.Errorf("%w before the first image", trained.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	if set := sets[0]; o.clusters > 0 && len(splits[o.split](set).Labels) == 0 {
		return fmt.Errorf("%s has no labels, with which -clusters compares: leave it out, or name others with -data PATH", words.Printable(set.Name))
	}
	printModel(m, stdout)
	usual, err := o.measure(ctx, m, sets[0], o.csv != "" || o.against != "", o.latents != "" || o.clusters > 0, stdout, stderr)
	if errors.Is(err, trained.ErrInterrupted) {
		return fmt.Errorf("%w%s", err, o.unwritten())
	}
	if err != nil {
		return err
	}
	if err := o.writeTables(usual, stdout); err != nil {
		return err
	}
	if o.clusters > 0 {
		if err := o.cluster(ctx, usual, stdout); err != nil {
			return err
		}
	}
	if len(sets) < 2 {
		return nil
	}
	others, err := o.measure(ctx, m, sets[1], true, false, stdout, stderr)
	if others != nil && others.Images > 0 {
		printAUROC(usual, others, stdout)
	}
	return err
}

// read reads the images to evaluate on: those of the flags or the run, and others where -against names some.
func (o options) read(ctx context.Context, m *trained.Model) ([]*dataset.Set, error) {
	usual, err := m.Images(ctx)
	if err != nil {
		return nil, err
	}
	sets, flags := []*dataset.Set{usual}, []string{"data", "against"}
	if o.against != "" {
		others, err := m.Others(ctx, o.against, "against")
		if err != nil {
			return nil, err
		}
		sets = append(sets, others)
	}
	for i, set := range sets {
		if err := trained.CheckLabels(m.Config(), words.Printable(set.Name), splits[o.split](set), string(o.split), flags[i]); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// measure evaluates the model on a set, keeps the terms and the codes of each image where they are wanted, and prints the rest. After an
// interruption there are fewer images than in the set, and the error is trained.ErrInterrupted.
func (o options) measure(ctx context.Context, m *trained.Model, set *dataset.Set, terms, codes bool, stdout, stderr io.Writer) (*measured, error) {
	s := &measured{name: words.Printable(set.Name), images: splits[o.split](set)}
	bar := terminal.NewBar(stderr)
	defer bar.Clear()
	var err error
	s.Result, err = evaluate.Over(ctx, m.Generator, s.images, evaluate.Options{
		Seed: o.seed,
		Each: func(p evaluate.Part) error {
			if terms {
				s.terms = append(s.terms, p.Terms...)
			}
			if codes {
				s.codes = append(s.codes, p.Codes...)
			}
			return nil
		},
		Progress: func(done, of int) { bar.Show(done, of, "evaluating on "+s.name) },
	})
	if s.Result == nil {
		return nil, err
	}
	bar.Clear()
	o.printSet(s, stdout)
	if err != nil {
		return s, fmt.Errorf("%w: %s", trained.ErrInterrupted, s.how())
	}
	return s, nil
}

// cluster fits clusters to the codes of a set and prints how far they agree with its labels. An interruption ends it at once.
func (o options) cluster(ctx context.Context, s *measured, stdout io.Writer) error {
	var clusters []int
	fitted := make(chan error, 1)
	go func() {
		var err error
		clusters, err = evaluate.Clusters(s.codes, len(s.Variance), o.clusters, o.seed)
		fitted <- err
	}()
	select {
	case err := <-fitted:
		if err != nil {
			return fmt.Errorf("-clusters: %w", err)
		}
	case <-ctx.Done():
		return fmt.Errorf("%w before the clusters were found", trained.ErrInterrupted)
	}
	agreement, err := evaluate.Agree(clusters, s.images.Labels)
	if err != nil {
		return err
	}
	printAgreement(o.clusters, agreement, stdout)
	return nil
}

// checkPlaces reports what is in the way of what is to be written, before it is made.
func (o options) checkPlaces() error {
	for _, place := range o.places() {
		if err := cmp.Or(files.CheckFolder(filepath.Dir(place.path)), files.CheckFile(place.path)); err != nil {
			return fmt.Errorf("%s: %w", place.flag, err)
		}
	}
	return nil
}
