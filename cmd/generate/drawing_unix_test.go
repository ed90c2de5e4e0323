//go:build unix

package main

import (
	"govae/cmd/internal/trained"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestWhatIsNoFile checks that a picture takes the place of no pipe and of no device, and that nothing waits for a pipe's other end.
func TestWhatIsNoFile(t *testing.T) {
	inWorkshop(t)
	if err := syscall.Mkfifo("pipe.png", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, "null.png"); err != nil { // a link, so that a failing test replaces no more than that
		t.Fatal(err)
	}
	wantFailure(t, "-checkpoint latent2.safetensors -out pipe.png", trained.ExitFailure, "-out: pipe.png is a pipe: want a file")
	wantFailure(t, "-checkpoint latent2.safetensors -out null.png", trained.ExitFailure, "-out: null.png is a device: want a file")
	wantFailure(t, "-checkpoint latent2.safetensors -dir pipe.png", trained.ExitFailure, "-dir: pipe.png is a pipe: want a folder")
	if info, err := os.Lstat("pipe.png"); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("pipe.png is %v (%v), want the pipe", info.Mode(), err)
	}
}

// TestUmask checks that what is made is for a group where the umask is.
func TestUmask(t *testing.T) {
	inWorkshop(t)
	defer syscall.Umask(syscall.Umask(0o002))
	if code, _, stderr := command("-checkpoint latent2.safetensors -n 1 -out new/one.png -dir each"); code != 0 {
		t.Fatal(stderr)
	}
	for path, want := range map[string]string{"new": "drwxrwxr-x", "new/one.png": "-rw-rw-r--", "each": "drwxrwxr-x", "each/sample-0001.png": "-rw-rw-r--"} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Replace(info.Mode().String(), "g", "", 1); got != want {
			t.Errorf("%s has mode %s, want %s", path, got, want)
		}
	}
}
