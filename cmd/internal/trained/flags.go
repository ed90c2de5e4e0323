// Package trained is what the commands that use a trained model have in common: the flags that say which one, on what device and with
// which images, and what is found by them.
//
// command.go is a command from what it does to its exit code, flags.go its command line, model.go opens the checkpoint, and data.go the images of the model's run, or others that fit it.
package trained

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"govae/internal/setting"
	"govae/model"
	"govae/train/dataset"
	"govae/train/device"
)

// Flags are the flags' values.
type Flags struct {
	Checkpoint string // empty: the newest run's
	Device     device.Choice

	Data  dataset.Source // where images are, as far as
	Given []string       // these of its fields say; the rest is as in the model's run

	like      model.Config // of foreign weights: what their shapes do not tell
	likeGiven []string     // the flags that were given for it
}

// UsageError is an error in what was asked for, not in carrying it out.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

func (e UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// paths are the flags of files and folders.
var paths = []setting.Field[Flags]{
	setting.Path(setting.Field[Flags]{Flag: "checkpoint"}, func(f *Flags) *string { return &f.Checkpoint }),
}

// likeFields describes what the shapes of a model's weights do not tell of it, but for the shape of its images.
var likeFields = setting.Choose(model.Fields, func(f setting.Field[model.Config]) bool { return f.OfWeights })

// likeFlags returns the flags that say it.
func likeFlags() []string { return append(setting.Flags(likeFields), "-image") }

// Usage returns a text with the help on the flags in the places that it has for it: lines of {device}, {data} and {like}.
func Usage(text string) string {
	like := model.DefaultConfig()
	flags := setting.Usage(likeFields, &like) +
		setting.Entry("image", "HxWxC", "shape of the images, as in 28x28 or 32x32x3 (default: square, grey or, where only that fits, RGB)")
	var data string
	for _, f := range dataset.Fields {
		data += setting.Entry(f.Flag, f.Arg, f.Help)
	}
	on := device.Auto
	return strings.NewReplacer("    {like}\n", flags, "    {data}\n", data, "    {device}\n", setting.Usage(device.Fields, &on)).Replace(text)
}

// Add adds the flags, which set f, and gives f their defaults.
func (f *Flags) Add(flags *flag.FlagSet) {
	f.Device, f.like = device.Auto, model.DefaultConfig()
	setting.AddFlags(flags, paths, f)
	setting.AddFlags(flags, dataset.Fields, &f.Data)
	setting.AddFlags(flags, device.Fields, &f.Device)
	setting.AddFlags(flags, likeFields, &f.like)
	flags.Func("image", "", func(value string) (err error) {
		f.like.Image, err = parseImage(value)
		return err
	})
}

// Parse parses the arguments with flags, which Add and the command have added to. Its errors are usage errors, or flag.ErrHelp.
func (f *Flags) Parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return UsageError{err}
	}
	if flags.NArg() > 0 {
		return Usagef("unexpected argument %q: every value belongs to a flag", flags.Arg(0))
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given["-"+f.Name] = true })
	for _, name := range likeFlags() {
		if given[name] {
			f.likeGiven = append(f.likeGiven, name)
		}
	}
	f.Given = setting.Given(flags, dataset.Fields)
	return nil
}

// Check reports the first value that will not do, as a usage error.
func (f *Flags) Check() error {
	data, err := setting.Merge(dataset.Fields, f.Given, f.Data, dataset.DefaultSource())
	if err := cmp.Or(err, setting.Check(dataset.Fields, &data), setting.Check(likeFields, &f.like), setting.Check(device.Fields, &f.Device)); err != nil {
		return UsageError{setting.Flagged(err)}
	}
	return nil
}

// readings returns the flags that were given of those which say what is made of images.
func (f *Flags) readings() []string {
	return setting.Flags(setting.Choose(dataset.Fields, func(of setting.Field[dataset.Source]) bool {
		return of.Name != "data" && slices.Contains(f.Given, of.Name)
	}))
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
