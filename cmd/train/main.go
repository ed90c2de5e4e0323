// Command train trains a variational autoencoder. See usage.txt, or run it with -h. flags.go makes options of the flags,
// advice.go says what helps where a run fails, and shell.go writes the commands that it proposes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"govae/internal/terminal"
	"govae/internal/words"
	"govae/train"
)

// What the program exits with.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT stopped
)

func main() {
	os.Exit(run(terminal.UntilStopped(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program from its arguments to its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := terminal.NewOutput(stdout)
	code := execute(ctx, args, out, stderr)
	if err := out.Err(); err != nil {
		fmt.Fprintf(stderr, "train: %v\n", err)
		if code == exitOK {
			code = exitFailed
		}
	}
	return code
}

// execute does what the arguments say.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "train: %v\nRun it with -h for help.\n", words.Plain(err))
		return exitUsage
	}
	c.Output = stdout
	if c.drawsGraph {
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
	fmt.Fprintf(stderr, "train: %v\n", words.Plain(advised(err)))
	for _, line := range c.waysOn(err) {
		fmt.Fprintln(stderr, line)
	}
	return exitFailed
}
