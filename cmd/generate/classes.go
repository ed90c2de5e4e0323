package main

import (
	"fmt"
	"strconv"
	"strings"

	"govae/cmd/internal/trained"
	"govae/internal/picture"
	"govae/internal/words"
	"govae/model"
	"govae/train/dataset"
)

// classColumns is how many latents samples of every class have without -n: one for each image of a row.
const classColumns = 10

// checkKind reports what of the mode and of -class does not go with the kind of the model, and makes the Generator one of that class.
func (w *work) checkKind() error {
	cfg := w.g.Config()
	told := cfg.Kind.TakesLabels()
	switch {
	case !cfg.Kind.Can(model.Decode):
		return fmt.Errorf("a model of kind %s makes no images: name another with -checkpoint FILE", cfg.Kind)
	case w.mode.prior && !cfg.Kind.HasPrior() && !w.fits():
		return trained.Usagef("-mode %s draws latents from a prior, and a model of kind %s has none: %s", w.mode.name, cfg.Kind, others(cfg.Kind))
	case w.mode.classes && !told:
		return trained.Usagef("-mode %s draws images of every class, and a model of kind %s is not told classes: %s", w.mode.name, cfg.Kind, others(cfg.Kind))
	case w.classGiven && !told:
		return trained.Usagef("-class is given, and a model of kind %s is not told classes: leave it out", cfg.Kind)
	case w.classGiven && w.class >= cfg.Classes:
		return trained.Usagef("-class is %d, want 0 to %d, which this model knows", w.class, cfg.Classes-1)
	case w.classGiven:
		w.g = w.g.OfClasses(byte(w.class))
	case told && w.mode.class && !w.mode.every:
		return trained.Usagef("-mode %s of a model that is told classes shows one of them: say which with -class, 0 to %d", w.mode.name, cfg.Classes-1)
	}
	return nil
}

// others says which modes go with a kind of model.
func others(kind model.Kind) string {
	var names []string
	for _, m := range modes {
		switch {
		case m.classes && !kind.TakesLabels() || m.prior && !m.sampler && !kind.HasPrior():
		case m.prior && !kind.HasPrior():
			names = append(names, m.withSampler())
		default:
			names = append(names, m.name)
		}
	}
	return "want " + strings.Join(names, ", ")
}

// ofClass ends a title: with the class that -class gives.
func (w *work) ofClass() string {
	if !w.classGiven {
		return ""
	}
	return fmt.Sprintf(", of class %d", w.class)
}

// labelsOf returns the labels of the images at the given indices, or none where there are none.
func labelsOf(split *model.Images, indices []int) (labels []byte) {
	if len(split.Labels) == 0 {
		return nil
	}
	for _, i := range indices {
		labels = append(labels, split.Labels[i])
	}
	return labels
}

// samplesOfClasses draws a row for each class, with the same latent down a column.
func samplesOfClasses(w *work) (drawing, error) {
	if !w.nGiven {
		w.n = classColumns
	}
	images, err := w.g.SampleEveryClass(w.n, w.seed)
	var numbers []string
	for class := range w.g.Config().Classes {
		numbers = append(numbers, strconv.Itoa(class))
	}
	return drawing{
		title: fmt.Sprintf("%s of seed %d in each class, a class a row%s", words.Counted(w.n, "sample"), w.seed, w.from),
		grid:  picture.Grid{Images: images, Columns: w.n, Labels: numbers},
	}, err
}

// analogy draws test images, with their labels, and beside each what its latent decodes to with every class.
func analogy(w *work, set *dataset.Set) (drawing, error) {
	n, err := w.number(set, 1)
	if err != nil {
		return drawing{}, err
	}
	taken := dataset.Order(set.Test.Len(), w.seed, 0)[:n]
	inputs, labels := pick(&set.Test, taken), labelsOf(&set.Test, taken)
	images, err := w.g.OfClasses(labels...).Analogies(inputs)
	if err != nil {
		return drawing{}, err
	}
	cfg := w.g.Config()
	pixels := cfg.Image.Pixels()
	var rows []float32
	var numbers []string
	for i, label := range labels {
		rows = append(rows, inputs[i*pixels:][:pixels]...)
		rows = append(rows, images[i*cfg.Classes*pixels:][:cfg.Classes*pixels]...)
		numbers = append(numbers, strconv.Itoa(int(label)))
	}
	return drawing{
		title: fmt.Sprintf("%s of %s with the label, and beside each its latent with the classes 0 to %d", words.Counted(n, "test image"),
			words.Printable(set.Name), cfg.Classes-1),
		grid: picture.Grid{Images: rows, Columns: 1 + cfg.Classes, Labels: numbers},
	}, nil
}
