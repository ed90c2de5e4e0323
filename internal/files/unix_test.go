//go:build unix

package files

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWhatIsAtAPathOnUnix is TestWhatIsAtAPath for what other systems do not have. None of it is waited for.
func TestWhatIsAtAPathOnUnix(t *testing.T) {
	t.Chdir(t.TempDir()) // a socket's path must be short
	socket, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	err = errors.Join(unix.Mkfifo("pipe", 0o666), os.Symlink("pipe", "link to a pipe"), os.Symlink(os.DevNull, "link to a device"))
	if err != nil {
		t.Fatal(err)
	}
	for name, what := range map[string]string{"pipe": "a pipe", "link to a pipe": "a pipe", "socket": "a socket", "link to a device": "a device"} {
		said := "is " + what + ": want a file"
		checkPlace(t, name, place{name, said, "is " + what + ": want a folder", said})
		if err := Write(name, func(io.Writer) error { return nil }); !errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), said) {
			t.Errorf("Write: %v, want one that says that %s %s", err, name, said)
		}
	}
}

// TestModesFollowTheUmask checks that what is made is for those whom the umask and the folder let in, be it few or many.
func TestModesFollowTheUmask(t *testing.T) {
	for _, umask := range []int{0o002, 0o022, 0o077, 0} {
		was := syscall.Umask(umask)
		folder := filepath.Join(t.TempDir(), "new", "newer")
		err := MakeFolder(folder)
		file := filepath.Join(folder, "file")
		err = errors.Join(err, Write(file, writeString("x")))
		syscall.Umask(was)
		if err != nil {
			t.Fatal(err)
		}
		for path, all := range map[string]os.FileMode{filepath.Dir(folder): 0o777, folder: 0o777, file: 0o666} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode().Perm(), all&^os.FileMode(umask); got != want {
				t.Errorf("with umask %03o, %s has mode %v, want %v", umask, path, got, want)
			}
		}
	}
}
