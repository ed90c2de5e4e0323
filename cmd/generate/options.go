package main

import (
	_ "embed"
	"errors"
	"flag"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"govae/cmd/internal/trained"
	"govae/internal/setting"
	"govae/model/gmm"
	"govae/train/dataset"
)

//go:embed usage.txt
var usageText string

// usage returns what -h prints: usage.txt, with the help on what describes devices, images and foreign weights in its place.
func usage() string {
	o := defaults()
	flags := setting.Usage(samplerFields, &o) + setting.Usage(mixtureFields, &o.mixture)
	return trained.Usage(strings.Replace(usageText, "    {sampler}\n", flags, 1))
}

func defaults() options { return options{sampler: "normal", mixture: gmm.DefaultOptions()} }

// Limits of flags.
const (
	maxNumber = 1 << 16 // images of -n: all are held in memory
	maxSteps  = 1 << 8
	maxScale  = 1 << 6
	maxClass  = 1<<8 - 1 // a label is a byte
)

// options are the flags' values.
type options struct {
	trained.Flags

	out, dir string

	mode            mode
	sampler         sampler
	mixture         gmm.Options // of a sampler that fits one
	n, steps, scale int
	dims            [2]int // of a manifold: across and upwards
	class           int    // of what is drawn, of a model that is told classes
	seed            uint64

	nGiven, scaleGiven, dimsGiven, classGiven bool // else their values may be others, where these do not fit
}

// paths are the flags of files and folders.
var paths = []setting.Field[options]{
	setting.Path(setting.Field[options]{Flag: "out"}, func(o *options) *string { return &o.out }),
	setting.Path(setting.Field[options]{Flag: "dir"}, func(o *options) *string { return &o.dir }),
}

// newFlagSet returns the flags, which set o and the mode's name.
func newFlagSet(o *options, mode *string) *flag.FlagSet {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the usage and the errors
	flags.StringVar(mode, "mode", "samples", "")
	flags.IntVar(&o.n, "n", 0, "")
	flags.IntVar(&o.steps, "steps", 0, "")
	flags.Func("dims", "", func(value string) (err error) {
		o.dims, err = parseDims(value)
		return err
	})
	flags.IntVar(&o.class, "class", 0, "")
	flags.Uint64Var(&o.seed, "seed", 1, "")
	setting.AddFlags(flags, samplerFields, o)
	setting.AddFlags(flags, mixtureFields, &o.mixture)
	setting.AddFlags(flags, paths, o)
	flags.IntVar(&o.scale, "scale", 2, "")
	o.Flags.Add(flags)
	return flags
}

// parse returns the options that args ask for. Its errors are usage errors, or flag.ErrHelp.
func parse(args []string) (options, error) {
	o := defaults()
	var mode string
	flags := newFlagSet(&o, &mode)
	err := o.Parse(flags, args)
	if err != nil {
		return o, err
	}
	if o.mode, err = modeNamed(mode); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.nGiven, o.scaleGiven, o.dimsGiven, o.classGiven = given["n"], given["scale"], given["dims"], given["class"]
	if err := o.Check(); err != nil {
		return o, err
	}
	return o, o.complete(given)
}

// complete fills in the mode's defaults and checks the values.
func (o *options) complete(given map[string]bool) error {
	if err := modeNumber("n", &o.n, given["n"], o.mode.name, o.mode.n, 1, maxNumber); err != nil {
		return err
	}
	if err := modeNumber("steps", &o.steps, given["steps"], o.mode.name, o.mode.steps, 2, maxSteps); err != nil {
		return err
	}
	if given["dims"] && o.mode.name != "manifold" {
		return trained.Usagef("-dims does not apply to -mode %s, only to manifold", o.mode.name)
	}
	if err := o.checkSampler(given); err != nil {
		return err
	}
	if !o.mode.starts && !o.fits() {
		if err := o.refuseData(); err != nil {
			return err
		}
	}
	if o.classGiven && !o.mode.class {
		return trained.Usagef("-class does not apply to -mode %s", o.mode.name)
	}
	if o.class < 0 || o.class > maxClass {
		return trained.Usagef("-class is %d, want 0 to %d", o.class, maxClass)
	}
	if o.scale < 1 || o.scale > maxScale {
		return trained.Usagef("-scale is %d, want 1 to %d", o.scale, maxScale)
	}
	if o.out == "" && o.dir == "" {
		o.out = o.mode.name + ".png"
	}
	if o.out != "" && !strings.EqualFold(filepath.Ext(o.out), ".png") {
		return trained.Usagef("-out is %q, want a name that ends in .png: no other format is written", o.out)
	}
	return nil
}

// refuseData refuses the flags that say which images to take, where none are taken.
func (o *options) refuseData() error {
	for _, f := range dataset.Fields {
		if slices.Contains(o.Given, f.Name) {
			unless := ""
			if o.mode.sampler {
				unless = " without -sampler gmm"
			}
			return trained.Usagef("-%s does not apply to -mode %s, which takes no images%s", f.Flag, o.mode.name, unless)
		}
	}
	return nil
}

// modeNumber sets a flag that only some modes have to the mode's default, or checks the value that was given.
// A default of 0 says that the mode does not have the flag.
func modeNumber(flag string, value *int, given bool, mode string, initial, least, most int) error {
	switch {
	case !given:
		*value = initial
	case initial == 0:
		return trained.Usagef("-%s does not apply to -mode %s", flag, mode)
	case *value < least || *value > most:
		return trained.Usagef("-%s is %d, want %d to %d", flag, *value, least, most)
	}
	return nil
}

// parseDims reads two dimensions, such as 3,8.
func parseDims(value string) ([2]int, error) {
	first, second, _ := strings.Cut(value, ",")
	i, errFirst := strconv.Atoi(strings.TrimSpace(first))
	j, errSecond := strconv.Atoi(strings.TrimSpace(second))
	if errFirst != nil || errSecond != nil || i < 0 || j < 0 || i == j {
		return [2]int{}, errors.New("want two different dimensions, counted from 0, such as 3,8")
	}
	return [2]int{i, j}, nil
}
