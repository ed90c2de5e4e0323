package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"govae/cmd/internal/trained"
	"govae/internal/terminaltest"
)

// TestInterruptedFit runs the real program on a pseudo-terminal until its bar shows that a mixture is being fitted, which would take
// hours, and asks it to stop: it ends, the bar is gone, and there is no file.
func TestInterruptedFit(t *testing.T) {
	inTwoClusters(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(s) {
			continue // the tests run without this signal, and so does what they start
		}
		before, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		inside, outside := terminaltest.NewPTY(t)
		terminaltest.SetWidth(t, inside, 120)
		program := exec.Command(os.Args[0], strings.Fields("-checkpoint vae.safetensors -sampler gmm -components 300 -starts 65536 -tolerance 0")...)
		program.Env = append(os.Environ(), asCommand+"=1", "TERM=xterm")
		program.Stdout, program.Stderr = inside, inside
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		inside.Close()
		var shown bytes.Buffer
		for buffer, sent := make([]byte, 4096), false; ; {
			n, err := outside.Read(buffer)
			shown.Write(buffer[:n])
			if err != nil { // the other end is closed
				break
			}
			if !sent && strings.Contains(shown.String(), "fitting, start 1 of 65536") {
				sent = true
				if err := program.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
		}
		err = program.Wait()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != trained.ExitInterrupted {
			t.Errorf("%v: it ended with %v, want exit code %d", s, err, trained.ExitInterrupted)
		}
		screen := terminaltest.NewScreen(120)
		screen.Write(shown.Bytes())
		if got, want := screen.String(), "generate: interrupted before the mixture was fitted\n"; got != want {
			t.Errorf("%v: the screen shows %q, want %q", s, got, want)
		}
		if after, err := os.ReadDir("."); err != nil || len(after) != len(before) {
			t.Errorf("%v: there is %v (%v), want %v", s, after, err, before)
		}
	}
}
