// Command generate draws pictures with a trained model: samples, reconstructions, and walks through the latent space.
// See usage.txt, or run it with -h.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"govae/cmd/internal/trained"
	"govae/internal/terminal"
	"govae/internal/words"
	"govae/train/device"
)

// Exit codes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT stopped
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // the end of those who read along is an error of Write, and keeps no picture from being written
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	out := terminal.NewOutput(stdout)
	err := carryOut(args, out, stderr)
	if err == nil {
		err = out.Err()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "generate: %v\n", words.Plain(trained.Advised(err)))
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, new(trained.UsageError)):
		fmt.Fprintln(stderr, "Run it with -h for help.")
		return exitUsage
	}
	return exitFailure
}

// carryOut does what args ask for, help included.
func carryOut(args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return nil
	}
	if err != nil {
		return err
	}
	return draw(o, stdout, stderr)
}

// draw makes what the options ask for, writes it and says so.
func draw(o options, stdout, stderr io.Writer) error {
	if err := o.checkPlaces(); err != nil {
		return err
	}
	m, err := o.Open(stdout, stderr)
	if err != nil {
		return err
	}
	defer m.Close()
	w := &work{options: o, g: m.Generator, images: m.Images}
	if err := w.checkKind(); err != nil {
		return err
	}
	if err := w.useSampler(&fitting{Model: m, mixture: o.mixture, stdout: stdout, stderr: stderr}); err != nil {
		return err
	}
	d, err := o.mode.draw(w)
	if err != nil {
		return err
	}
	if err := d.write(m.Config().Image, o, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Drawn with %s, %s.\n", words.Printable(m.Path), m.Config())
	if o.Device.Name != device.CPU.Name {
		fmt.Fprintf(stdout, "Computed on %s.\n", m.Device())
	}
	return nil
}
