// Command evaluate measures a trained model on images. See usage.txt, or run it with -h. options.go is the command line, measure.go
// what is measured, report.go what is printed, and tables.go the files that are written.
package main

import (
	"context"
	"io"
	"os"

	"govae/cmd/internal/trained"
	"govae/internal/terminal"
)

func main() {
	os.Exit(run(terminal.UntilStopped(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return trained.Command("evaluate", stdout, stderr, usage, func(stdout io.Writer) error {
		o, err := parse(args)
		if err != nil {
			return err
		}
		return evaluateModel(ctx, o, stdout, stderr)
	})
}
