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

// TestLockOfAnotherUserThatMayBeRead checks that a lock which may not be written is one all the same: with the usual umask that of
// another user in a folder that a group shares.
func TestLockOfAnotherUserThatMayBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may open everything")
	}
	folder := filepath.Join(t.TempDir(), "run")
	put(t, folder, run("old", 1))
	if err := os.WriteFile(filepath.Join(folder, lockFile), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	d, err := Resume(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := New(folder, true); !errors.Is(err, ErrUnderWay) {
		t.Errorf("error is %v, want ErrUnderWay", err)
	}
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

// ownedBy is what is there as if it were a user's.
type ownedBy struct {
	fs.FileInfo
	user uint32
}

func (o ownedBy) Sys() any { return &syscall.Stat_t{Uid: o.user} }

// TestMayReplace checks that a run knows whose files it may not replace, though the folder may be written to.
func TestMayReplace(t *testing.T) {
	stat := func(path string, user uint32) fs.FileInfo {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return ownedBy{info, user}
	}
	folder := t.TempDir()
	put(t, folder, tree{"file": ""})
	const root, foldersOwner, filesOwner, another = 0, 1, 2, 3
	file, plain := stat(filepath.Join(folder, "file"), filesOwner), stat(folder, foldersOwner)
	if err := os.Chmod(folder, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	sticky := stat(folder, foldersOwner)
	for _, user := range []int{root, foldersOwner, filesOwner, another} {
		if !mayReplace(plain, file, user) {
			t.Errorf("user %d may not replace a file in a folder that all may write to", user)
		}
		if got, want := mayReplace(sticky, file, user), user != another; got != want {
			t.Errorf("user %d may replace a file in a sticky folder: %t, want %t", user, got, want)
		}
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
