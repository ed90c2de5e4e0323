package main

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPeakMemory trains the default network for an epoch on the real MNIST, whose images are 55 MB.
func TestPeakMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const most = 250_000_000 // bytes
	command := exec.Command(build(t), "-epochs", "1", "-out", filepath.Join(t.TempDir(), "run"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	peak := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 // from KiB
	t.Logf("peak resident set: %d MB", peak/1_000_000)
	if peak > most {
		t.Errorf("peak resident set is %d bytes, want at most %d", peak, most)
	}
}
