//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"govae/cmd/internal/trained"
	"govae/internal/idxtest"
)

// asProgram makes of the tests, in whose environment it is, the program itself.
const asProgram = "GOVAE_TEST_AS_EVALUATE=1"

func TestMain(m *testing.M) {
	if slices.Contains(os.Environ(), asProgram) {
		main()
	}
	os.Exit(m.Run())
}

// program returns the program with arguments, to be started.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, args...)
	command.Env = append(os.Environ(), asProgram)
	return command
}

// TestSignals interrupts the real program while it evaluates, on so many images that it takes a second at least.
func TestSignals(t *testing.T) {
	inWorkshop(t)
	if err := os.Mkdir("large", 0o777); err != nil {
		t.Fatal(err)
	}
	for split, n := range map[string]int{"train": 1, "t10k": 2_000_000} {
		idxtest.Write(t, "large", split, height, width, make([]byte, n*height*width), make([]byte, n))
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("the tests run without this signal, and so does what they start")
			}
			command := program(t, "-checkpoint", "plain.safetensors", "-data", "large")
			var stderr strings.Builder
			command.Stderr = &stderr
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
			defer timer.Stop()
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "device") { // the images are read
					command.Process.Signal(s)
				}
			}
			command.Wait()
			if code := command.ProcessState.ExitCode(); code != trained.ExitInterrupted || !strings.HasPrefix(stderr.String(), "evaluate: interrupted: over the first ") {
				t.Errorf("it ended with %v, stderr %q, want exit code %d", command.ProcessState, stderr.String(), trained.ExitInterrupted)
			}
		})
	}
}

// TestNobodyReads closes the pipe that the program prints to: it writes its files all the same, says that not all is printed, and fails.
func TestNobodyReads(t *testing.T) {
	inWorkshop(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	command := program(t, "-checkpoint", "plain.safetensors", "-data", "usual", "-csv", "terms.csv")
	var stderr strings.Builder
	command.Stdout, command.Stderr = writer, &stderr
	command.Run()
	if code := command.ProcessState.ExitCode(); code != trained.ExitFailure || !strings.HasPrefix(stderr.String(), "evaluate: not all that was to be printed is: ") {
		t.Errorf("it ended with %v, stderr %q, want exit code %d", command.ProcessState, stderr.String(), trained.ExitFailure)
	}
	if _, err := os.Stat("terms.csv"); err != nil {
		t.Error(err)
	}
}
