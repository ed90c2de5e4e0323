// Command train trains a variational autoencoder. See usage.txt, or run it with -h. flags.go makes options of the flags, and
// advice.go says which flag helps where a run fails.
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
	"govae/train/device"
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
	c, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "train: %v\nRun it with -h for help.\n", err)
		return exitUsage
	}
	c.Output = stdout
	if c.graph != "" {
		err = writeGraph(ctx, c)
	} else {
		err = train.Run(ctx, c.Options)
	}
	return c.ended(err, stdout, stderr)
}

// ended prints how a run has ended that returned err, and how to go on with it, and returns the exit code.
func (c *command) ended(err error, stdout, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	var interrupted *train.Interrupted
	if errors.As(err, &interrupted) {
		if interrupted.Out != "" {
			fmt.Fprintf(stdout, "to go on: %s\n", c.resumeCommand(interrupted.Out))
		}
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "train: %v\n", advised(err))
	var failed *train.Failed
	if errors.As(err, &failed) && failed.Out != "" {
		onCPU := *c
		onCPU.Device = device.CPU
		fmt.Fprintf(stderr, "to go on from the last checkpoint: %s\n", c.resumeCommand(failed.Out))
		fmt.Fprintf(stderr, "or, on the CPU: %s\n", onCPU.resumeCommand(failed.Out))
	}
	return exitFailed
}
