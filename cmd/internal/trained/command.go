package trained

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"govae/internal/terminal"
	"govae/internal/words"
)

// What a command exits with.
const (
	ExitFailure     = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // as a shell reports a program that SIGINT stopped
)

// ErrInterrupted says that a command was asked to stop before it was done.
var ErrInterrupted = errors.New("interrupted")

// Command is a command of the given name from what it does to its exit code. Its error is printed on stderr, with what helps against it;
// where it is flag.ErrHelp, the usage is printed instead. What cannot be printed on stdout is an error, too.
func Command(name string, stdout, stderr io.Writer, usage func() string, do func(stdout io.Writer) error) int {
	out := terminal.NewOutput(stdout)
	err := do(out)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, usage())
		err = nil
	}
	if err == nil {
		err = out.Err()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, words.Plain(Advised(err)))
	switch {
	case errors.Is(err, ErrInterrupted):
		return ExitInterrupted
	case errors.As(err, new(UsageError)):
		fmt.Fprintln(stderr, "Run it with -h for help.")
		return ExitUsage
	}
	return ExitFailure
}
