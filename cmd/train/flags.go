package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"govae/internal/setting"
	"govae/model"
	"govae/model/machine"
	"govae/train"
	"govae/train/dataset"
	"govae/train/device"
)

// command is what the command line asks for.
type command struct {
	train.Options
	graph      string // write the expression graph to this .dot or .svg file instead of training
	drawsGraph bool   // whether it was given
	program    string // how the program was started, as words of a shell, for the commands that messages propose
}

// parse returns what args ask for. What no flag names has its default.
func parse(args []string) (command, error) {
	c := command{Options: train.DefaultOptions(), program: program(os.Args[0])}
	flags := newFlagSet(&c)
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	flags.Visit(func(f *flag.Flag) { c.drawsGraph = c.drawsGraph || f.Name == "graph" })
	c.Given = slices.Concat(setting.Given(flags, model.Fields), setting.Given(flags, machine.Fields), setting.Given(flags, dataset.Fields))
	return c, c.validate()
}

// newFlagSet returns the flags, which write to c.
func newFlagSet(c *command) *flag.FlagSet {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the errors
	setting.AddFlags(flags, dataset.Fields, &c.Data)
	setting.AddFlags(flags, train.Fields, &c.Options)
	setting.AddFlags(flags, device.Fields, &c.Device)
	setting.AddFlags(flags, machine.Fields, &c.Settings)
	setting.AddFlags(flags, model.Fields, &c.Model)
	flags.StringVar(&c.graph, "graph", "", "")
	return flags
}

// validate reports the first flag whose value will not do, or that does not go with another.
func (c *command) validate() error {
	extension := filepath.Ext(c.graph)
	switch {
	case c.Resume && c.Force:
		return errors.New("-resume continues a run and -force replaces it: give one of them")
	case c.Force && c.Out == "":
		return errors.New("-force needs -out, the folder of the run to replace")
	case c.drawsGraph && (c.Resume || c.Force):
		return errors.New("-graph draws the model of the flags and trains nothing: leave out -resume and -force")
	case c.drawsGraph && extension != ".dot" && extension != ".svg":
		return fmt.Errorf("-graph is %q, want a name that ends in .dot or .svg", c.graph)
	}
	return setting.Flagged(c.Options.Validate())
}

//go:embed usage.txt
var usageText string

// usage returns what -h prints: usage.txt, with the help on the flags in its place.
func usage() string {
	o := train.DefaultOptions()
	flags := setting.Usage(dataset.Fields, &o.Data) + setting.Usage(train.Fields, &o) + setting.Usage(device.Fields, &o.Device) +
		setting.Usage(machine.Fields, &o.Settings) + setting.Usage(model.Fields, &o.Model) +
		setting.Entry("graph", "FILE", "write the expression graph of the model to FILE and do not train: .dot for Graphviz, or .svg where Graphviz is installed") +
		setting.Entry("h", "", "print this")
	return strings.Replace(usageText, "    {flags}\n", flags, 1)
}
