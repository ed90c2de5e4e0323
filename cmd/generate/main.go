// Command generate draws pictures with a trained model: samples, reconstructions, and walks through the latent space.
// See usage.txt, or run it with -h.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"govae/train"
	"govae/train/dataset"
	"govae/train/generate"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err == nil {
		err = draw(o, stdout)
	}
	if err == nil {
		return 0
	}
	if errors.Is(err, dataset.ErrNoFolder) {
		err = fmt.Errorf("%w: pass -data DIR, a folder with %s", err, dataset.FileNames)
	}
	fmt.Fprintf(stderr, "generate: %v\n", err)
	if errors.As(err, new(usageError)) {
		fmt.Fprintln(stderr, "Run it with -h for help.")
		return exitUsage
	}
	return exitFailure
}

// draw makes what the options ask for, writes it and says so.
func draw(o options, stdout io.Writer) error {
	path := o.checkpoint
	if path == "" {
		var err error
		if path, err = train.NewestCheckpoint(); err != nil {
			return noCheckpoint(err)
		}
	}
	g, err := generate.Open(path)
	if err != nil {
		return noCheckpoint(err)
	}
	d, err := o.mode.draw(g, o)
	if err != nil {
		return err
	}
	if err := d.write(g.Config().Image, o, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Drawn with %s, %s.\n", path, g.Config())
	return nil
}

// noCheckpoint says how to come by a checkpoint where there is none.
func noCheckpoint(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: train a model with go run ./cmd/train, or name a checkpoint with -checkpoint FILE", err)
	}
	return err
}
