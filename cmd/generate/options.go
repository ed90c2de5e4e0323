package main

import (
	"cmp"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"govae/internal/setting"
	"govae/model"
	"govae/train/dataset"
	"govae/train/device"
)

//go:embed usage.txt
var usageText string

// usage returns what -h prints: usage.txt, with the help on what describes devices and foreign weights in its place.
func usage() string {
	like := model.DefaultConfig()
	flags := setting.Usage(likeFields, &like) +
		setting.Entry("image", "HxWxC", "shape of the images, as in 28x28 or 32x32x3 (default: square, grey or, where only that fits, RGB)")
	var data string
	for _, f := range dataset.Fields {
		data += setting.Entry(f.Flag, f.Arg, f.Help)
	}
	on := device.Auto
	return strings.NewReplacer("    {like}\n", flags, "    {data}\n", data, "    {device}\n", setting.Usage(device.Fields, &on)).Replace(usageText)
}

// Limits of flags.
const (
	maxNumber = 1 << 16 // images of -n: all are held in memory
	maxSteps  = 1 << 8
	maxScale  = 1 << 6
	maxClass  = 1<<8 - 1 // a label is a byte
)

// options are the flags' values.
type options struct {
	checkpoint, out, dir string

	mode            mode
	n, steps, scale int
	dims            [2]int // of a manifold: across and upwards
	class           int    // of what is drawn, of a model that is told classes
	seed            uint64
	device          device.Choice

	nGiven, scaleGiven, dimsGiven, classGiven bool // else their values may be others, where these do not fit

	data  dataset.Source // where test images are, as far as
	given []string       // these of its fields say; the rest is as in the model's run

	like      model.Config // of foreign weights: what their shapes do not tell
	likeGiven []string     // the flags that were given for it
}

// paths are the flags of files and folders.
var paths = []setting.Field[options]{
	setting.Path(setting.Field[options]{Flag: "checkpoint"}, func(o *options) *string { return &o.checkpoint }),
	setting.Path(setting.Field[options]{Flag: "out"}, func(o *options) *string { return &o.out }),
	setting.Path(setting.Field[options]{Flag: "dir"}, func(o *options) *string { return &o.dir }),
}

// likeFields describes what the shapes of a model's weights do not tell of it, but for the shape of its images.
var likeFields = setting.Choose(model.Fields, func(f setting.Field[model.Config]) bool { return f.OfWeights })

// likeFlags returns the flags that say it.
func likeFlags() []string { return append(setting.Flags(likeFields), "-image") }

// usageError is an error in what was asked for, not in carrying it out.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

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
	setting.AddFlags(flags, paths, o)
	setting.AddFlags(flags, dataset.Fields, &o.data)
	flags.IntVar(&o.scale, "scale", 2, "")
	o.device = device.Auto
	setting.AddFlags(flags, device.Fields, &o.device)
	o.like = model.DefaultConfig()
	setting.AddFlags(flags, likeFields, &o.like)
	flags.Func("image", "", func(value string) (err error) {
		o.like.Image, err = parseImage(value)
		return err
	})
	return flags
}

// parse returns the options that args ask for. Its errors are usage errors, or flag.ErrHelp.
func parse(args []string) (options, error) {
	var o options
	var mode string
	flags := newFlagSet(&o, &mode)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, usageError{err}
	}
	if flags.NArg() > 0 {
		return o, usagef("unexpected argument %q: every value belongs to a flag", flags.Arg(0))
	}

	var err error
	if o.mode, err = modeNamed(mode); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, name := range likeFlags() {
		if given[name[1:]] {
			o.likeGiven = append(o.likeGiven, name)
		}
	}
	o.nGiven, o.scaleGiven, o.dimsGiven, o.classGiven = given["n"], given["scale"], given["dims"], given["class"]
	o.given = setting.Given(flags, dataset.Fields)
	data, err := setting.Merge(dataset.Fields, o.given, o.data, dataset.DefaultSource())
	if err := cmp.Or(err, setting.Check(dataset.Fields, &data), setting.Check(likeFields, &o.like), setting.Check(device.Fields, &o.device)); err != nil {
		return o, usageError{setting.Flagged(err)}
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
		return usagef("-dims does not apply to -mode %s, only to manifold", o.mode.name)
	}
	if !o.mode.starts {
		if err := o.refuseData(); err != nil {
			return err
		}
	}
	if o.classGiven && !o.mode.class {
		return usagef("-class does not apply to -mode %s", o.mode.name)
	}
	if o.class < 0 || o.class > maxClass {
		return usagef("-class is %d, want 0 to %d", o.class, maxClass)
	}
	if o.scale < 1 || o.scale > maxScale {
		return usagef("-scale is %d, want 1 to %d", o.scale, maxScale)
	}
	if o.out == "" && o.dir == "" {
		o.out = o.mode.name + ".png"
	}
	if o.out != "" && !strings.EqualFold(filepath.Ext(o.out), ".png") {
		return usagef("-out is %q, want a name that ends in .png: no other format is written", o.out)
	}
	return nil
}

// refuseData refuses the flags that say which images to take, where none are taken.
func (o *options) refuseData() error {
	for _, f := range dataset.Fields {
		if slices.Contains(o.given, f.Name) {
			return usagef("-%s does not apply to -mode %s, which takes no images", f.Flag, o.mode.name)
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
		return usagef("-%s does not apply to -mode %s", flag, mode)
	case *value < least || *value > most:
		return usagef("-%s is %d, want %d to %d", flag, *value, least, most)
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

// parseImage reads the shape of an image, such as 28x28 or 32x32x3.
func parseImage(value string) (model.Image, error) {
	sides := [3]int{2: 1}
	words := strings.Split(value, "x")
	ok := len(words) == 2 || len(words) == 3
	for i := 0; ok && i < len(words); i++ {
		var err error
		sides[i], err = strconv.Atoi(words[i])
		ok = err == nil && sides[i] > 0
	}
	if !ok {
		return model.Image{}, errors.New("want height x width, or height x width x channels, as in 28x28 or 32x32x3")
	}
	return model.Image{Height: sides[0], Width: sides[1], Channels: sides[2]}, nil
}
