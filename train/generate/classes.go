package generate

import (
	"fmt"
	"slices"

	"govae/model"
)

// OfClasses returns a Generator of the same model, on the same device, that takes the images and the latents of each call to be of
// these classes: one for all of them, or one for each in the order in which the call takes or makes them. Interpolate takes those of
// from and then those of to, or one for each pair. A model that is not told classes does as it does without. So labels of a data set may be handed over
// whatever the model is.
//
// It returns at once: a class that the model does not know, or a number of classes that is not one and not that of the images, is an
// ErrInput of the call that uses them. Without classes, a model that is told them does nothing but return model.ErrCannot.
//
// Close of it leaves g as it is.
func (g *Generator) OfClasses(classes ...byte) *Generator {
	of := *g
	of.close = nil
	of.classes = slices.Clone(classes)
	return &of
}

// SampleEveryClass returns for each class that the model is told, in their order, n images of the same n latents, which are drawn as
// Sample draws them: [classes, n, pixels]. What differs between two images of one latent is what the class decides. It returns
// ErrInput where there are too many, and model.ErrCannot where Sample does or the model is not told classes.
func (g *Generator) SampleEveryClass(n int, seed uint64) ([]float32, error) {
	if err := g.needClasses(); err != nil {
		return nil, err
	}
	if n > 0 { // else Sample says what is wrong
		if err := g.checkNumber(n * g.config.Classes); err != nil {
			return nil, err
		}
	}
	var images []float32
	for class := range g.config.Classes {
		ofClass, err := g.OfClasses(byte(class)).Sample(n, seed)
		if err != nil {
			return nil, err
		}
		images = append(images, ofClass...)
	}
	return images, nil
}

// Analogies encodes the images x, [n, pixels] in [0, 1], which are of the classes that OfClasses was given, and decodes the latent of
// each with every class that the model is told: [n, classes, pixels]. A latent need not hold the class, so that what it holds, such as
// the slant and the width of a digit, is kept (Kingma, Mohamed, Rezende and Welling, arXiv:1406.5298, figure 1b). It returns ErrInput
// where Encode does or there are too many, and model.ErrCannot where the model is not told classes.
func (g *Generator) Analogies(x []float32) ([]float32, error) {
	if err := g.needClasses(); err != nil {
		return nil, err
	}
	n, err := g.countImages(x)
	if err != nil {
		return nil, err
	}
	classes, pixels := g.config.Classes, g.config.Image.Pixels()
	if err := g.checkNumber(n * classes); err != nil {
		return nil, err
	}
	mean, _, err := g.Encode(x)
	if err != nil {
		return nil, err
	}
	images := make([]float32, n*classes*pixels)
	for class := range classes {
		ofClass, err := g.OfClasses(byte(class)).Decode(mean)
		if err != nil {
			return nil, err
		}
		for i := range n {
			copy(row(images, i*classes+class, pixels), row(ofClass, i, pixels))
		}
	}
	return images, nil
}

// needClasses reports that the model is not told classes.
func (g *Generator) needClasses() error {
	if g.config.Kind.TakesLabels() {
		return nil
	}
	return fmt.Errorf("generate: %w: kind %s is not told the classes of images", model.ErrCannot, g.config.Kind)
}

// oneHot returns the classes of n images, [n, classes].
func (g *Generator) oneHot(n int) ([]float32, error) {
	given, classes := len(g.classes), g.config.Classes
	if given == 0 {
		return nil, fmt.Errorf("generate: %w: kind %s has to be told the classes of images, which OfClasses does", model.ErrCannot, g.config.Kind)
	}
	if given != 1 && given != n {
		return nil, badInput("%d classes of %d images, want one for all or one for each", given, n)
	}
	y := make([]float32, n*classes)
	for i := range n {
		class := int(g.classes[i%given])
		if class >= classes {
			return nil, badInput("class %d, and the model knows %d: want 0 to %d", class, classes, classes-1)
		}
		row(y, i, classes)[class] = 1
	}
	return y, nil
}
