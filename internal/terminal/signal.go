package terminal

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// Stoppable returns a context that the first signal ends which asks a program to stop, as UntilStopped has it, and a function after which such
// a signal does what it does to any program. It is for work that ends by itself at once, and leaves nothing half done.
func Stoppable() (context.Context, context.CancelFunc) {
	return heeding(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

// UntilStopped returns a context that the first signal ends which asks a program to stop: Ctrl-C, SIGTERM, or a hang-up. After that a
// signal does what it does to any program, so a second one kills at once. Only a hang-up does not: whoever closes a terminal sends it more
// than once. What the program was started to ignore, as nohup does with a hang-up, asks for nothing.
//
// From then on, too, the end of those who read along is an error of Write, and ends no program.
func UntilStopped() context.Context {
	signal.Ignore(syscall.SIGPIPE)
	ctx, _ := heeding(context.Background(), syscall.SIGHUP)
	ctx, stop := heeding(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// heeding is signal.NotifyContext for those of the signals that are not ignored.
func heeding(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	signals = slices.DeleteFunc(signals, signal.Ignored)
	if len(signals) == 0 { // which NotifyContext would take for all there are
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, signals...)
}
