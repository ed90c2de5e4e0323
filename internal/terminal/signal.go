package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilStopped returns a context that the first signal ends which asks a program to stop: Ctrl-C, SIGTERM, or a hang-up. After that a
// signal does what it does to any program, so a second one kills at once. Only a hang-up does not: whoever closes a terminal sends it more
// than once. Under nohup it is none.
//
// From then on, too, the end of those who read along is an error of Write, and ends no program.
func UntilStopped() context.Context {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		ctx, _ = signal.NotifyContext(ctx, syscall.SIGHUP)
	}
	context.AfterFunc(ctx, stop)
	return ctx
}
