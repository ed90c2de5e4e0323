// Command evaluate measures a trained model on images. See usage.txt, or run it with -h. options.go is the command line, measure.go
// what is measured, report.go what is printed, and tables.go the files that are written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"govae/cmd/internal/trained"
	"govae/internal/terminal"
	"govae/internal/words"
)

// Exit codes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT stopped
)

func main() {
	os.Exit(run(terminal.UntilStopped(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := terminal.NewOutput(stdout)
	err := carryOut(ctx, args, out, stderr)
	if err == nil {
		err = out.Err()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "evaluate: %v\n", words.Plain(trained.Advised(err)))
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
func carryOut(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return nil
	}
	if err != nil {
		return err
	}
	return evaluateModel(ctx, o, stdout, stderr)
}
