package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Stoppable returns a context that the first signal ends which asks a program to stop, as UntilStopped has it, and a function after which such
// a signal does what it does to any program. It is for work that ends by itself at once, and leaves nothing half done.
func Stoppable() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signal.NotifyContext(context.Background(), signals...)
}

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
