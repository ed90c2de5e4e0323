//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecondSignalKills sends the real program signals while it cannot end by itself: its data is a pipe that nobody writes to. The
// first ends the context, which the program does not see as long as it reads. From some moment after that on, the next one kills.
//
// When that moment comes cannot be seen from outside, so more signals are sent until one has killed the program: how many it
// takes does not matter. They do not come all at once, because in a flood of signals Go's runtime has died of a segmentation
// fault instead. If none kills the program, the test fails after a minute.
func TestSecondSignalKills(t *testing.T) {
	program, data := build(t), t.TempDir()
	pipe := filepath.Join(data, "train-images-idx3-ubyte.gz")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no named pipe can be made here: %v", err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			command := exec.Command(program, "-data", data, "-out", filepath.Join(data, "run"))
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				command.Wait()
				close(ended)
			}()
			timer := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
			defer timer.Stop()

			// Opening the pipe to write waits until the program opens it to read. By then the program expects signals.
			opened := make(chan *os.File, 1)
			go func() {
				file, _ := os.OpenFile(pipe, os.O_WRONLY, 0)
				opened <- file
			}()
			select {
			case file := <-opened:
				defer file.Close()
			case <-ended:
				t.Fatalf("the program has ended before it read its data: %v", command.ProcessState)
			}

			command.Process.Signal(signal)
			again := time.NewTicker(100 * time.Millisecond)
			defer again.Stop()
			for running := true; running; {
				select {
				case <-again.C:
					command.Process.Signal(signal)
				case <-ended:
					running = false
				}
			}
			if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != signal {
				t.Errorf("the program ended with %v, want it killed by signal %v", command.ProcessState, signal)
			}
		})
	}
}
