package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"govae/cmd/internal/trained"
	"govae/internal/setting"
	"govae/model"
	"govae/train/dataset"
)

//go:embed usage.txt
var usageText string

// usage returns what -h prints: usage.txt, with the help on the flags in its place.
func usage() string {
	o := defaults()
	return trained.Usage(strings.Replace(usageText, "    {flags}\n", setting.Usage(fields, &o), 1))
}

// options are the flags' values.
type options struct {
	trained.Flags

	split     split
	seed      uint64
	seedGiven bool // else it is the run's, where that is known
	clusters  int  // 0: none
	verbose   bool

	csv, latents string // files to write
	against      string // other images
}

// maxClusters is as many as there may be labels.
const maxClusters = 256

func defaults() options { return options{split: "test", seed: 1} }

// split names the part of a set that is evaluated.
type split string

var splits = map[split]func(*dataset.Set) *model.Images{
	"test":  func(s *dataset.Set) *model.Images { return &s.Test },
	"train": func(s *dataset.Set) *model.Images { return &s.Train },
}

// fields describes the flags that are this command's own, but for -seed, whose default is the run's.
var fields = []setting.Field[options]{
	setting.Name(setting.Field[options]{Flag: "split", Arg: "NAME", Help: "the images to evaluate on"},
		func(o *options) *split { return &o.split }, splits),
	setting.Path(setting.Field[options]{Flag: "against", Arg: "PATH", Help: "evaluate on these images as well, which are read as those of -data are, and say how well the loss " +
		"tells them from the first: the probability that it is higher for one of them, AUROC, where equal losses count half"},
		func(o *options) *string { return &o.against }),
	setting.Parsed(setting.Field[options]{Flag: "clusters", Arg: "N", Help: "fit a mixture of N Gaussians to the codes, the posterior means where there are any, without looking at labels, and say how far which Gaussian an image is " +
		"of agrees with its label: as accuracy, each Gaussian standing for the label that is best, as normalized mutual information (NMI), and as adjusted Rand index (ARI)"},
		func(o *options) *int { return &o.clusters },
		func(n int) string { return strings.TrimPrefix(strconv.Itoa(n), "0") }, strconv.Atoi,
		func(n int) bool { return n == 0 || n >= 2 && n <= maxClusters }, fmt.Sprintf("2 to %d", maxClusters)),
	setting.Path(setting.Field[options]{Flag: "csv", Arg: "FILE", Help: "write a row for each image to FILE, whose name ends in .csv: its index, counted from 0, its label, empty " +
		"where there is none, and its terms in nats"},
		func(o *options) *string { return &o.csv }),
	setting.Path(setting.Field[options]{Flag: "latents", Arg: "FILE", Help: "write the codes, the posterior means where there are any, to FILE, whose name ends in .npy: float32 [images, latent]"},
		func(o *options) *string { return &o.latents }),
	setting.Switch(setting.Field[options]{Flag: "v", Help: "list the variance of each latent dimension's posterior mean"},
		func(o *options) *bool { return &o.verbose }),
}

var seed = []setting.Field[options]{setting.Uint(setting.Field[options]{Flag: "seed"}, func(o *options) *uint64 { return &o.seed })}

// newFlagSet returns the flags, which set o.
func newFlagSet(o *options) *flag.FlagSet {
	flags := flag.NewFlagSet("evaluate", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the usage and the errors
	setting.AddFlags(flags, fields, o)
	setting.AddFlags(flags, seed, o)
	o.Flags.Add(flags)
	return flags
}

// parse returns the options that args ask for. Its errors are usage errors, or flag.ErrHelp.
func parse(args []string) (options, error) {
	o := defaults()
	flags := newFlagSet(&o)
	if err := o.Parse(flags, args); err != nil {
		return o, err
	}
	o.seedGiven = len(setting.Given(flags, seed)) > 0
	if err := o.Check(); err != nil {
		return o, err
	}
	if err := setting.Check(fields, &o); err != nil {
		return o, trained.UsageError{Err: setting.Flagged(err)}
	}
	for _, p := range o.places() {
		if !strings.EqualFold(filepath.Ext(p.path), p.extension) {
			return o, trained.Usagef("%s is %q, want a name that ends in %s: no other format is written", p.flag, p.path, p.extension)
		}
	}
	return o, nil
}
