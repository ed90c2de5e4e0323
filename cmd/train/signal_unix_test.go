//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"govae/train/checkpoint"
)

// longRun is a program that trains with so many steps that it is still in the first epoch when something happens to it.
type longRun struct {
	*exec.Cmd
	out     string
	lines   *bufio.Scanner
	printed strings.Builder
}

// startLongRun starts it by the words of begin, or by itself if there are none.
func startLongRun(t *testing.T, program, data string, begin ...string) *longRun {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	words := append(begin, program, "-data", data, "-out", out, "-hidden", "4", "-latent", "2", "-batch", "1", "-epochs", "1000", "-v")
	r := &longRun{Cmd: exec.Command(words[0], words[1:]...), out: out}
	timer := time.AfterFunc(time.Minute, func() { r.Process.Kill() })
	t.Cleanup(func() { timer.Stop() })
	stdout, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	r.lines = bufio.NewScanner(stdout)
	return r
}

// untilProgress reads until the run has printed so many lines of progress more, or has ended.
func (r *longRun) untilProgress(n int) {
	for n > 0 && r.lines.Scan() {
		fmt.Fprintln(&r.printed, r.lines.Text())
		if strings.Contains(r.lines.Text(), "images/s, ") {
			n--
		}
	}
}

// wantSaved reads to the end and checks that the run was stopped, saved, and has said how to resume it.
func (r *longRun) wantSaved(t *testing.T, program string) {
	t.Helper()
	r.untilProgress(1 << 30)
	r.Wait()
	if code := r.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("it ended with %v, want exit code %d", r.ProcessState, exitInterrupted)
	}
	if want := fmt.Sprintf("%s -resume -out %s -epochs 1000\n", program, r.out); !strings.HasSuffix(r.printed.String(), want) {
		t.Errorf("printed\n%s, want at its end\n%s", r.printed.String(), want)
	}
	c, err := checkpoint.Load(filepath.Join(r.out, "checkpoint.safetensors"))
	if err != nil || c.State.Step < 100 {
		t.Errorf("checkpoint: %v, %+v", err, c)
	}
}

// TestSignals interrupts the real program while it trains.
func TestSignals(t *testing.T) {
	program, data := build(t), writeDataSet(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("the tests run without this signal, and so does what they start")
			}
			r := startLongRun(t, program, data)
			r.untilProgress(1)
			r.Process.Signal(s)
			r.wantSaved(t, program)
		})
	}
}

// TestHangUps sends hang-ups until the program ends, as shell and system send more than one between them when a terminal is closed: none
// keeps the run from being saved.
func TestHangUps(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests run without this signal, and so does what they start")
	}
	program := build(t)
	r := startLongRun(t, program, writeDataSet(t))
	r.untilProgress(1)
	ended := make(chan struct{})
	go func() {
		again := time.NewTicker(time.Millisecond / 4)
		defer again.Stop()
		for r.Process.Signal(syscall.SIGHUP) == nil {
			select {
			case <-again.C:
			case <-ended:
				return
			}
		}
	}()
	r.wantSaved(t, program)
	close(ended)
}

// TestNohup starts the program without hang-ups, as nohup does, and without Ctrl-C, as a shell does that puts it into the background: it
// goes on, and another signal still stops it.
func TestNohup(t *testing.T) {
	program := build(t)
	r := startLongRun(t, program, writeDataSet(t), "sh", "-c", `trap "" HUP INT; exec "$0" "$@"`)
	r.untilProgress(1)
	r.Process.Signal(syscall.SIGHUP)
	r.Process.Signal(syscall.SIGINT)
	r.untilProgress(20)
	if strings.Contains(r.printed.String(), "stopped") {
		t.Errorf("it was stopped:\n%s", r.printed.String())
	}
	r.Process.Signal(syscall.SIGTERM)
	r.wantSaved(t, program)
}

// TestSecondSignalKills sends the real program signals while it cannot end by itself: it prints to a pipe that is full and that nobody
// reads. The first ends the context, which the program does not see as long as it prints. From some moment after that on, the next one
// kills.
//
// When that moment comes cannot be seen from outside, so more signals are sent until one has killed the program: how many it
// takes does not matter. They do not come all at once, because in a flood of signals Go's runtime has died of a segmentation
// fault instead. If none kills the program, the test fails after a minute.
func TestSecondSignalKills(t *testing.T) {
	program, data := build(t), writeDataSet(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			reader, full, err := fullPipe()
			if err != nil {
				t.Skipf("no pipe can be filled here: %v", err)
			}
			defer reader.Close()
			defer full.Close()
			out := filepath.Join(t.TempDir(), "run")
			command := exec.Command(program, "-data", data, "-out", out)
			command.Stdout = full
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

			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for begun, running := false, true; running; {
				select {
				case <-again.C:
					if !begun { // once it has claimed its folder, it expects signals
						_, err := os.Stat(filepath.Join(out, ".lock"))
						begun = err == nil
					} else {
						command.Process.Signal(signal)
					}
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

// fullPipe returns a pipe to which nothing can be written until somebody reads it.
func fullPipe() (r, w *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(ends[1], true); err != nil {
		return nil, nil, err
	}
	for err == nil {
		_, err = unix.Write(ends[1], []byte{0})
	}
	if !errors.Is(err, unix.EAGAIN) {
		return nil, nil, err
	}
	return os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer"), nil
}

// TestNobodyReads closes the pipe that a run prints to, as head does: it goes on to its end, and says once that not all is printed.
func TestNobodyReads(t *testing.T) {
	program, out := build(t), filepath.Join(t.TempDir(), "run")
	command := exec.Command(program, "-data", writeDataSet(t), "-out", out, "-hidden", "4", "-latent", "2", "-epochs", "3", "-v")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	command.Wait()
	wantUnprinted(t, command, stderr.String())
	if c, err := checkpoint.Load(filepath.Join(out, "checkpoint.safetensors")); err != nil || c.Run.Epoch != 3 {
		t.Errorf("checkpoint: %v, %+v; want that of epoch 3", err, c)
	}
}

// TestFullOutput lets the program print to a device that is always full: whatever it does it does to the end, and exits with 1.
func TestFullOutput(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	program, dir := build(t), t.TempDir()
	small := []string{"-data", writeDataSet(t), "-out", filepath.Join(dir, "run"), "-hidden", "4", "-latent", "2", "-epochs", "2"}
	for _, test := range []struct {
		args   []string
		leaves string
	}{
		{[]string{"-h"}, ""},
		{[]string{"-graph", filepath.Join(dir, "new", "model.dot"), "-hidden", "4"}, "new/model.dot"},
		{small, "run/samples/epoch-0002.png"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(program, test.args...)
		var stderr bytes.Buffer
		command.Stdout, command.Stderr = full, &stderr
		command.Run()
		full.Close()
		wantUnprinted(t, command, stderr.String())
		if _, err := os.Stat(filepath.Join(dir, test.leaves)); err != nil {
			t.Errorf("%v: %v", test.args, err)
		}
	}
}

// wantUnprinted checks that a program ended with 1, and says in one line that not all is printed.
func wantUnprinted(t *testing.T, command *exec.Cmd, stderr string) {
	t.Helper()
	if code := command.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("%v: it ended with %v, want exit code %d", command.Args[1:], command.ProcessState, exitFailed)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "train: not all that was to be printed is: ") {
		t.Errorf("%v: printed %q, want one line on what is not printed", command.Args[1:], stderr)
	}
}
