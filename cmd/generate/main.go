// Command generate draws pictures with a trained model: samples, reconstructions, and walks through the latent space.
// See usage.txt, or run it with -h.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"govae/cmd/internal/trained"
	"govae/internal/words"
	"govae/train/device"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // the end of those who read along is an error of Write, and keeps no picture from being written
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return trained.Command("generate", stdout, stderr, usage, func(stdout io.Writer) error {
		o, err := parse(args)
		if err != nil {
			return err
		}
		return draw(o, stdout, stderr)
	})
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
