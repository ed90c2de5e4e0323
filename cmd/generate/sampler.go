package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"govae/cmd/internal/trained"
	"govae/internal/setting"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model/gmm"
)

// sampler names what latents of samples are drawn from.
type sampler string

// samplers has, for each that -sampler may name, what returns the mixture to draw from; nil: it is the model's prior.
var samplers = map[sampler]func(context.Context, *fitting) (*gmm.Mixture, error){
	"normal": nil,
	"gmm":    mixtureOfCodes,
}

// samplerFields is the flag, and mixtureFields are those of the mixture. What fixes where EM starts is no flag, so that one mixture
// does for samples of any seed.
var (
	samplerFields = []setting.Field[options]{
		setting.Name(setting.Field[options]{Name: "sampler", Flag: "sampler", Arg: "NAME", Help: "what samples draw latents from, the prior N(0, I) or a mixture of Gaussians that " +
			"is fitted to the codes of the run's training images, which an ae needs since it has no prior"},
			func(o *options) *sampler { return &o.sampler }, samplers),
	}
	mixtureFields = setting.Choose(gmm.Fields, func(f setting.Field[gmm.Options]) bool { return f.Name != "seed" })
)

// fits says whether a mixture is fitted to draw from.
func (o *options) fits() bool { return samplers[o.sampler] != nil }

// checkSampler checks -sampler and the flags of the mixture, of which some are given.
func (o *options) checkSampler(given map[string]bool) error {
	if given["sampler"] && !o.mode.sampler {
		return trained.Usagef("-sampler does not apply to -mode %s, only to samples", o.mode.name)
	}
	if err := setting.Check(samplerFields, o); err != nil {
		return trained.UsageError{Err: setting.Flagged(err)}
	}
	for _, f := range mixtureFields {
		if given[f.Flag] && !o.fits() {
			return trained.Usagef("-%s is of the mixture that -sampler gmm fits, and none is asked for: leave it out, or give -mode samples -sampler gmm", f.Flag)
		}
	}
	if err := setting.Check(mixtureFields, &o.mixture); err != nil {
		return trained.UsageError{Err: setting.Flagged(err)}
	}
	return nil
}

// fitting is what a mixture is fitted with.
type fitting struct {
	*trained.Model
	mixture gmm.Options

	stdout io.Writer // for what is to be known
	stderr io.Writer // for a progress bar
}

// useSampler makes w draw latents from what -sampler names. A signal ends it at once, and leaves no file that is not whole.
func (w *work) useSampler(f *fitting) error {
	if !w.fits() {
		return nil
	}
	ctx, stop := terminal.Stoppable()
	defer stop()
	m, err := samplers[w.sampler](ctx, f)
	if ctx.Err() != nil { // whatever comes of it
		return fmt.Errorf("%w before the mixture was fitted", trained.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	w.g, w.from = w.g.SamplingFrom(m), ", from "+gaussians(m.Components(), m.Kind())+" on the codes"
	return nil
}

// gaussians says what a mixture is of.
func gaussians(n int, covariance gmm.Covariance) string {
	return words.Counted(n, string(covariance)+" Gaussian")
}

// withSampler returns what names a mode for a model of a kind that lacks a prior.
func (m mode) withSampler() string {
	var names []string
	for name, fit := range samplers {
		if fit != nil {
			names = append(names, "-sampler "+string(name))
		}
	}
	slices.Sort(names)
	return m.name + " with " + strings.Join(names, " or ")
}
