//go:build unix

package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestModesFollowUmaskAndFolder checks that others in a group's folder may do with a run what the umask lets them: lock it, for
// one, and that all of it is the group's.
func TestModesFollowUmaskAndFolder(t *testing.T) {
	for _, umask := range []int{0o002, 0o022, 0o077} {
		was := syscall.Umask(umask)
		t.Cleanup(func() { syscall.Umask(was) })
		shared := t.TempDir()
		if err := os.Chmod(shared, 0o777|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(shared, "run")
		d := mustNew(t, folder, false)
		if err := os.Mkdir(d.Path(Samples), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(save(t, d, run("new", 1)), d.Close()); err != nil {
			t.Fatal(err)
		}
		for name, all := range map[string]fs.FileMode{"": 0o777, lockFile: 0o666, Samples: 0o777, Reconstructions: 0o777, Checkpoint: 0o666} {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode().Perm(), all&^fs.FileMode(umask); got != want {
				t.Errorf("with umask %03o, the mode of %q is %v, want %v", umask, name, got, want)
			}
			if info.IsDir() && info.Mode()&fs.ModeSetgid == 0 {
				t.Errorf("what is made in %q is not the group's", name)
			}
		}
		syscall.Umask(was)
	}
}

// TestLockOfAnotherUser checks what is said of a lock that may not be opened, as earlier versions have made it.
func TestLockOfAnotherUser(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may open everything")
	}
	folder := filepath.Join(t.TempDir(), "run")
	put(t, folder, run("old", 1))
	if err := os.WriteFile(filepath.Join(folder, lockFile), nil, 0); err != nil {
		t.Fatal(err)
	}
	_, errNew := New(folder, true)
	_, errResume := Resume(folder)
	for _, err := range []error{errNew, errResume} {
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "lock") || !strings.Contains(err.Error(), "chmod a+r") || !strings.Contains(err.Error(), folder) {
			t.Errorf("error is %v, want one that says whose permission is wanting and what to do", err)
		}
	}
	same(t, "refused", folder, run("old", 1))
}

// TestFolderThatMayNotBeWritten checks that a run which can save nothing does not begin.
func TestFolderThatMayNotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	for _, closed := range []string{"", Samples} {
		folder := filepath.Join(t.TempDir(), "run")
		put(t, folder, run("old", 1).with(tree{lockFile: ""}))
		path := filepath.Join(folder, closed)
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		_, errNew := New(folder, true)
		_, errResume := Resume(folder)
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{errNew, errResume} {
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "no file can be made in "+path) {
				t.Errorf("error is %v, want one that says that %s may not be written", err, path)
			}
		}
		same(t, "refused", folder, run("old", 1))
	}
}

// TestFolderThatMayNotBeRead checks that a folder in which files can be made and not listed is one for a run.
func TestFolderThatMayNotBeRead(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, filepath.Join(folder, Samples)} { // the second in a run that is resumed
		if err := os.Chmod(path, 0o333); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o777) })
		var d *Dir
		var err error
		if path == folder {
			d, err = New(folder, false)
		} else {
			d, err = Resume(folder)
		}
		if err == nil {
			err = errors.Join(save(t, d, run("new", 1)), d.Close())
		}
		if chmodErr := os.Chmod(path, 0o777); chmodErr != nil {
			t.Fatal(chmodErr)
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		same(t, path, folder, run("new", 1))
	}
}

// TestMayReplace checks that a run knows whose files it may not replace, though the folder may be written to.
func TestMayReplace(t *testing.T) {
	stat := func(path string) fs.FileInfo {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	folder := t.TempDir()
	put(t, folder, tree{"file": ""})
	file, plain, me := stat(filepath.Join(folder, "file")), stat(folder), os.Geteuid()
	if err := os.Chmod(folder, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	sticky, another := stat(folder), me+1
	if !mayReplace(plain, file, another) || !mayReplace(sticky, file, me) || !mayReplace(sticky, file, 0) || mayReplace(sticky, file, another) {
		t.Error("want another user's file in a sticky folder to be the one that may not be replaced")
	}
}

// TestPipesAreNotWaitedFor is TestWhatIsInTheWay for pipes, which nobody writes to.
func TestPipesAreNotWaitedFor(t *testing.T) {
	for _, name := range []string{Checkpoint, Best, Metrics, Curves, lockFile, Samples, Reconstructions, filepath.Join(Samples, "epoch-0007.png"), ""} {
		folder := filepath.Join(t.TempDir(), "run")
		path := filepath.Join(folder, name)
		if name != "" {
			put(t, folder, run("old", 1))
		}
		os.RemoveAll(path)
		if err := unix.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
		_, errNew := New(folder, false)
		_, errForce := New(folder, true)
		d, errResume := Resume(folder)
		if name == Metrics || name == Curves { // without which a run goes on
			if errResume != nil {
				t.Fatal(errResume)
			}
			d.Close()
			errResume = errNew
		}
		for _, err := range []error{errNew, errForce, errResume} {
			if err == nil || !strings.Contains(err.Error(), path+" is a pipe: want a ") {
				t.Errorf("error is %v, want one that says that %s is a pipe", err, path)
			}
		}
	}
}
