//go:build unix

package main

import (
	"bytes"
	"errors"
	"govae/cmd/internal/trained"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asCommand is the variable that makes the command of the test program.
const asCommand = "GOVAE_TEST_GENERATE"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestNobodyReadsAlong checks that a pipe whose reader is gone, as in `generate … | true`, keeps no picture from being written. A note on
// the images is printed before it.
func TestNobodyReadsAlong(t *testing.T) {
	inWorkshop(t)
	writeData(t, "untested", 40, height, width)
	tests, err := filepath.Glob("untested/t10k-*")
	if err != nil || len(tests) == 0 {
		t.Fatalf("found %v (%v), want the files of the test set", tests, err)
	}
	for _, file := range tests {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()

	program := exec.Command(os.Args[0], strings.Fields("-checkpoint latent2.safetensors -mode reconstruct -data untested -out alone.png")...)
	program.Env = append(os.Environ(), asCommand+"=1")
	var stderr bytes.Buffer
	program.Stdout, program.Stderr = writer, &stderr
	err = program.Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != trained.ExitFailure {
		t.Errorf("ended with %v, want exit code %d", err, trained.ExitFailure)
	}
	if want := "generate: not all that was to be printed is: "; !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("stderr is %q, want %q", stderr.String(), want)
	}
	if _, err := os.Stat("alone.png"); err != nil {
		t.Error(err)
	}
}
