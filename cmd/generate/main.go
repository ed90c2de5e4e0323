// Command generate draws pictures with a trained model: samples, reconstructions, and walks through the latent space.
// See usage.txt, or run it with -h.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"govae/internal/terminal"
	"govae/internal/words"
	"govae/model/machine"
	"govae/train/checkpoint"
	"govae/train/dataset"
	"govae/train/device"
	"govae/train/generate"
	"govae/train/rundir"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
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
	fmt.Fprintf(stderr, "generate: %v\n", words.Plain(advised(err)))
	if errors.As(err, new(usageError)) {
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

// advised returns err with the flags that help against it.
func advised(err error) error {
	switch {
	case errors.Is(err, dataset.ErrNoData):
		return fmt.Errorf("%w: name with -data %s", err, dataset.Wanted)
	case errors.Is(err, dataset.ErrSize):
		return fmt.Errorf("%w: give -size HxW", err)
	case errors.Is(err, dataset.ErrBadPicture):
		return fmt.Errorf("%w: give -skip-bad to leave out what cannot be read", err)
	case errors.Is(err, device.ErrUnavailable):
		return fmt.Errorf("%w: use -device cpu, or auto to take what there is", err)
	case errors.Is(err, device.ErrFailed):
		return fmt.Errorf("%w: -device cpu does without it", err)
	case errors.Is(err, machine.ErrPrecision):
		return fmt.Errorf("%w: leave out -precision, or name a device that has it", err)
	}
	return err
}

// draw makes what the options ask for, writes it and says so.
func draw(o options, stdout, stderr io.Writer) error {
	if err := o.checkPlaces(); err != nil {
		return err
	}
	path, c, err := load(o, stdout)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: train a model with go run ./cmd/train, or name a checkpoint with -checkpoint FILE", err)
	}
	if err != nil {
		return err
	}
	g, err := generate.New(c, o.device)
	if err != nil {
		return err
	}
	defer g.Close()
	w := &work{options: o, path: path, run: c.Run, g: g, stdout: stdout, stderr: stderr}
	if err := w.checkKind(); err != nil {
		return err
	}
	d, err := o.mode.draw(w)
	if err != nil {
		return err
	}
	if err := d.write(g.Config().Image, o, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Drawn with %s, %s.\n", words.Printable(path), g.Config())
	if o.device.Name != device.CPU.Name {
		fmt.Fprintf(stdout, "Computed on %s.\n", g.Device())
	}
	return nil
}

// load reads the checkpoint that the options name, or else that of the newest run, and returns its path as well.
func load(o options, stdout io.Writer) (path string, c *checkpoint.Checkpoint, err error) {
	if path = o.checkpoint; path == "" {
		if path, err = rundir.NewestCheckpoint(); err != nil {
			return "", nil, err
		}
	}
	c, err = checkpoint.Load(path)
	if errors.Is(err, checkpoint.ErrForeign) {
		c, err = loadForeign(path, o, stdout)
	} else if err == nil && len(o.likeGiven) > 0 {
		err = usagef("%s is for weights that another program has written, and %s says itself what model it holds: leave it out", strings.Join(o.likeGiven, " "), words.Printable(path))
	}
	return path, c, err
}

// loadForeign reads weights that another program has written, and says what it takes them for.
func loadForeign(path string, o options, stdout io.Writer) (*checkpoint.Checkpoint, error) {
	flags := strings.Join(likeFlags(), ", ")
	c, err := checkpoint.LoadWeights(path, o.like)
	if err != nil {
		return nil, fmt.Errorf("%w (of another program's weights, %s say what their shapes do not)", err, flags)
	}
	if got := c.Config.Image; slices.Contains(o.likeGiven, "-image") && got != o.like.Image {
		return nil, usagef("-image is %v, and %s is of images of %s", o.like.Image, words.Printable(path), words.Counted(got.Pixels(), "value"))
	}
	fmt.Fprintf(stdout, "%s does not say what model it holds. Taken for %s, of images of %v; %s say otherwise.\n", words.Printable(path), c.Config, c.Config.Image, flags)
	return c, nil
}
