// Command train trains a variational autoencoder. See usage.txt, or run it with -h. flags.go makes options of the flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"govae/train"
	"govae/train/dataset"
)

// What the program exits with.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT stopped
)

func main() {
	// The first signal ends the context, and the run saves before it stops. After that a signal does
	// what it does to any program, so a second one kills at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program from its arguments to its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	options, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "train: %v\nRun it with -h for help.\n", err)
		return exitUsage
	}
	options.Output = stdout
	err = train.Run(ctx, options)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, train.ErrInterrupted): // the run has said so, and how to resume
		return exitInterrupted
	default:
		if errors.Is(err, dataset.ErrNoFolder) {
			err = fmt.Errorf("%w: pass -data DIR, a folder with %s", err, dataset.FileNames)
		}
		fmt.Fprintf(stderr, "train: %v\n", err)
		return exitFailed
	}
}
