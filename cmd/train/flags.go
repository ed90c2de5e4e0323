package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"govae/train"
)

//go:embed usage.txt
var usage string

// parse fills the options of a run from the command line. What no flag names keeps its default.
func parse(args []string) (train.Options, error) {
	o := train.DefaultOptions()
	flags := newFlagSet(&o)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.Given = make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { o.Given[f.Name] = true })
	o.Program = program(os.Args[0])
	return o, o.Validate()
}

// newFlagSet returns the flags, which write to o. What they mean is told in usage.txt.
func newFlagSet(o *train.Options) *flag.FlagSet {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the errors
	flags.StringVar(&o.Data, "data", o.Data, "")
	flags.StringVar(&o.Out, "out", o.Out, "")
	flags.IntVar(&o.Epochs, "epochs", o.Epochs, "")
	flags.IntVar(&o.Batch, "batch", o.Batch, "")
	flags.Float64Var(&o.LearningRate, "lr", o.LearningRate, "")
	flags.Var((*widths)(&o.Model.Hidden), "hidden", "")
	flags.IntVar(&o.Model.Latent, "latent", o.Model.Latent, "")
	flags.StringVar((*string)(&o.Model.Activation), "activation", string(o.Model.Activation), "")
	flags.Float64Var(&o.Beta, "beta", o.Beta, "")
	flags.Uint64Var(&o.Model.Seed, "seed", o.Model.Seed, "")
	flags.StringVar((*string)(&o.Device), "device", string(o.Device), "")
	flags.BoolVar(&o.Resume, "resume", o.Resume, "")
	flags.BoolVar(&o.Force, "force", o.Force, "")
	flags.StringVar(&o.Graph, "graph", o.Graph, "")
	flags.BoolVar(&o.Verbose, "v", o.Verbose, "")
	return flags
}

// program returns how to start this program again: go run keeps what it built only while it runs.
func program(name string) string {
	if strings.Contains(name, "go-build") {
		return "go run ./cmd/train"
	}
	return name
}

// widths are the widths of layers, on the command line with commas: 400,200.
type widths []int

func (w *widths) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(*w), " ", ","), "[]")
}

func (w *widths) Set(text string) error {
	var list widths
	for _, word := range strings.Split(text, ",") {
		width, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("want whole numbers with commas between them, as in 400,200")
		}
		list = append(list, width)
	}
	*w = list
	return nil
}
