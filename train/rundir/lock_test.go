package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

// locks makes every lock fail with err until the test ends. The lock's file is made, as where the system refuses the lock itself.
func locks(t *testing.T, err error) {
	t.Helper()
	t.Cleanup(func() { tryLock = (*flock.Flock).TryLock })
	tryLock = func(l *flock.Flock) (bool, error) {
		file, openErr := os.OpenFile(l.Path(), os.O_CREATE|os.O_RDONLY, 0o666)
		if openErr != nil {
			return false, openErr
		}
		return false, errors.Join(err, file.Close())
	}
}

// TestFolderWithoutLocks checks that a run goes on where there are none, and says so, and that its first epoch is safe all the
// same from another run in its folder.
func TestFolderWithoutLocks(t *testing.T) {
	for _, refusal := range []syscall.Errno{syscall.ENOLCK, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOTSUP, syscall.EINVAL} {
		locks(t, refusal)
		t.Chdir(t.TempDir())
		d := mustNew(t, "", false)
		if notes := d.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "no locks") || !strings.Contains(notes[0], d.Name()) {
			t.Errorf("%v: the notes are %q", refusal, notes)
		}
		for _, force := range []bool{false, true} {
			if _, err := New(d.Name(), force); !errors.Is(err, ErrUnderWay) || !strings.Contains(err.Error(), stagingFolder) {
				t.Errorf("%v: error is %v, want ErrUnderWay, and what to remove if it is not", refusal, err)
			}
		}
		if err := errors.Join(save(t, d, run("new", 1)), d.Close()); err != nil {
			t.Fatal(err)
		}
		same(t, refusal.Error(), d.Name(), run("new", 1))
		resumed, err := Resume("")
		if err != nil || len(resumed.Notes()) != 1 {
			t.Fatalf("%v: resumed with the notes %v (%v)", refusal, resumed, err)
		}
		resumed.Close()
	}
}

// TestTemporaryFilesStayWithoutALock checks that nothing is swept which another run may be writing.
func TestTemporaryFilesStayWithoutALock(t *testing.T) {
	locks(t, syscall.ENOLCK)
	folder := filepath.Join(t.TempDir(), "run")
	held := run("other", 1).with(tree{"." + Checkpoint + ".tmp-WN4GKPIOSMZY2RNE2I7OBSP5UX": "half"})
	put(t, folder, held)
	d, err := Resume(folder)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	same(t, "resumed", folder, held)
}

// TestLockThatFails checks that an error of the disk is one, which says that it is the lock's, and that no folder is left of it.
func TestLockThatFails(t *testing.T) {
	for _, failure := range []syscall.Errno{syscall.EIO, syscall.EBADF, syscall.ENOSPC, syscall.EACCES} {
		locks(t, failure)
		t.Chdir(t.TempDir())
		for _, name := range []string{"", "mine"} {
			if _, err := New(name, false); !errors.Is(err, failure) || !strings.Contains(err.Error(), "lock") {
				t.Errorf("error is %v, want %v and the lock", err, failure)
			}
		}
		same(t, failure.Error(), ".", tree{runsDir + "/": ""})

		put(t, "mine", run("old", 1))
		if _, err := Resume("mine"); !errors.Is(err, failure) {
			t.Errorf("error is %v, want %v", err, failure)
		}
		same(t, failure.Error(), "mine", run("old", 1))
	}
}

// TestLockThatNeedsWriting checks that the lock is opened for writing where it must be, as on NFS.
func TestLockThatNeedsWriting(t *testing.T) {
	t.Cleanup(func() { tryLock = (*flock.Flock).TryLock })
	for _, refusal := range []syscall.Errno{syscall.EBADF, syscall.EIO} {
		tries := 0
		tryLock = func(l *flock.Flock) (bool, error) {
			if tries++; tries == 1 {
				return false, refusal
			}
			return l.TryLock()
		}
		d := mustNew(t, filepath.Join(t.TempDir(), "run"), false)
		if d.lock == nil || !d.lock.Locked() || tries != 2 || len(d.Notes()) > 0 {
			t.Errorf("%v: after %d tries the lock is %v, with the notes %q", refusal, tries, d.lock, d.Notes())
		}
	}
}

// TestCloseOnWindows checks that nothing is left of a folder for nothing where no file can be removed that is open.
func TestCloseOnWindows(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Cleanup(func() { remove = os.Remove })
	remove = func(path string) error {
		if other := flock.New(path); filepath.Base(path) == lockFile {
			if free, err := other.TryLock(); !free {
				return errors.Join(err, syscall.EACCES)
			}
			defer other.Close()
		}
		return os.Remove(path)
	}
	for _, name := range []string{"", "mine"} {
		if err := mustNew(t, name, false).Close(); err != nil {
			t.Error(err)
		}
	}
	same(t, "closed", ".", tree{runsDir + "/": ""})
}

// TestLockThatAnotherTakesFirst checks that a folder which two runs have made at once, and the lock in it, are left to the one that
// has it.
func TestLockThatAnotherTakesFirst(t *testing.T) {
	t.Cleanup(func() { tryLock = (*flock.Flock).TryLock })
	tryLock = func(l *flock.Flock) (bool, error) {
		return false, os.WriteFile(l.Path(), nil, 0o666)
	}
	folder := filepath.Join(t.TempDir(), "run")
	if _, err := New(folder, false); !errors.Is(err, ErrUnderWay) {
		t.Errorf("error is %v, want ErrUnderWay", err)
	}
	if _, err := os.Stat(filepath.Join(folder, lockFile)); err != nil {
		t.Errorf("the other run's lock is gone: %v", err)
	}
}

// TestLockInterrupted checks that a lock which a signal has interrupted is taken anew.
func TestLockInterrupted(t *testing.T) {
	t.Cleanup(func() { tryLock = (*flock.Flock).TryLock })
	tries := 0
	tryLock = func(l *flock.Flock) (bool, error) {
		if tries++; tries < 3 {
			return false, syscall.EINTR
		}
		return l.TryLock()
	}
	d := mustNew(t, filepath.Join(t.TempDir(), "run"), false)
	if d.lock == nil || !d.lock.Locked() || tries != 3 || len(d.Notes()) > 0 {
		t.Errorf("after %d tries the lock is %v, with the notes %q", tries, d.lock, d.Notes())
	}
}

// TestLockKeepsOthersOut checks that a lock is one, whoever asks and for what, and that a run which does not get it leaves all
// as it is.
func TestLockKeepsOthersOut(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	d := mustNew(t, folder, false)
	put(t, d.Path(""), tree{Metrics: "under way"})
	before := read(t, folder)
	for _, force := range []bool{false, true} {
		if _, err := New(folder, force); !errors.Is(err, ErrUnderWay) {
			t.Errorf("New: error is %v, want ErrUnderWay", err)
		}
	}
	same(t, "while it is under way", folder, before)
	if err := save(t, d, run("new", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(folder); !errors.Is(err, ErrUnderWay) {
		t.Errorf("Resume: error is %v, want ErrUnderWay", err)
	}
	d.Close()
	if again, err := Resume(folder); err != nil {
		t.Error(err)
	} else {
		again.Close()
	}
}

// TestWhatIsInTheWay checks that a run does not begin, and says why, where something else is in the place of one of its files
// or folders.
func TestWhatIsInTheWay(t *testing.T) {
	for name, want := range map[string]string{
		Checkpoint: "is a folder: want a file", Best: "is a folder: want a file", Metrics: "is a folder: want a file", Curves: "is a folder: want a file",
		lockFile: "is a folder: want a file", Samples: "is a file: want a folder", Reconstructions: "is a file: want a folder",
		filepath.Join(Samples, "epoch-0007.png"): "is a folder: want a file",
	} {
		for _, held := range []tree{{}, run("old", 1)} {
			folder := filepath.Join(t.TempDir(), "run")
			put(t, folder, held.with(tree{"notes.txt": ""}))
			path := filepath.Join(folder, name)
			os.RemoveAll(path)
			if strings.HasPrefix(want, "is a folder") {
				put(t, path, tree{"in the way": ""})
			} else {
				put(t, folder, tree{name: ""})
			}
			before := read(t, folder)
			_, errNew := New(folder, false)
			_, errForce := New(folder, true)
			d, errResume := Resume(folder)
			resumes := len(held) > 0 && (name == Metrics || name == Curves) // without which a run goes on
			if resumes != (errResume == nil) {
				t.Errorf("%s: error of Resume is %v", name, errResume)
			}
			if errResume == nil {
				d.Close()
			}
			for _, err := range []error{errNew, errForce, errResume} {
				if resumes && err == errResume {
					continue
				}
				if len(held) == 0 && err == errResume && errors.Is(err, ErrNothingToResume) {
					continue
				}
				if err == nil || !strings.Contains(err.Error(), path+" "+want) {
					t.Errorf("error is %v, want one that says that %s %s", err, path, want)
				}
			}
			same(t, name, folder, before)
		}
	}
}

// TestFolderThatIsNone checks what is said of a folder, given or runs itself, that is something else.
func TestFolderThatIsNone(t *testing.T) {
	for what, want := range map[string]string{"file": " is a file: want a folder", "link": " is a link to nowhere, which does not exist: want a folder"} {
		for _, name := range []string{"mine", runsDir} {
			t.Chdir(t.TempDir())
			if what == "file" {
				put(t, ".", tree{name: "x"})
			} else if err := os.Symlink("nowhere", name); err != nil {
				t.Skipf("no link can be made here: %v", err)
			}
			before := read(t, ".")
			given := name
			if name == runsDir {
				given = ""
				if _, err := NewestCheckpoint(); err == nil || !strings.Contains(err.Error(), name+want) {
					t.Errorf("NewestCheckpoint: error is %v, want %q", err, name+want)
				}
			}
			_, errNew := New(given, false)
			_, errResume := Resume(given)
			if !errors.Is(errResume, ErrNothingToResume) {
				t.Errorf("error is %v, want ErrNothingToResume", errResume)
			}
			for _, err := range []error{errNew, errResume} {
				if err == nil || !strings.Contains(err.Error(), name+want) {
					t.Errorf("error is %v, want %q", err, name+want)
				}
			}
			same(t, what, ".", before)
		}
	}
}

// TestHoldsFiles checks that a folder is only said to hold a run where that can be resumed.
func TestHoldsFiles(t *testing.T) {
	for _, test := range []struct {
		held tree
		want error
	}{
		{run("old", 1), ErrHoldsRun},
		{tree{Checkpoint: "old"}, ErrHoldsRun},
		{run("old", 1).without(Checkpoint), ErrHoldsFiles},
		{tree{Reconstructions + "/epoch-0001.png": "old"}, ErrHoldsFiles},
	} {
		folder := filepath.Join(t.TempDir(), "run")
		put(t, folder, test.held)
		if _, err := New(folder, false); !errors.Is(err, test.want) || errors.Is(err, ErrHoldsRun) != (test.want == ErrHoldsRun) {
			t.Errorf("%v: error is %v, want %v", test.held, err, test.want)
		}
		same(t, "refused", folder, test.held)
		resumed, err := Resume(folder)
		if errors.Is(err, ErrNothingToResume) != (test.want == ErrHoldsFiles) {
			t.Errorf("%v: Resume returns %v", test.held, err)
		}
		if err == nil {
			resumed.Close()
		}
	}
}

// TestCheckpointThatLeadsNowhere checks that a link to nothing is none to resume from, and is replaced, and not followed, by a
// run that may.
func TestCheckpointThatLeadsNowhere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	put(t, folder, run("old", 1).without(Checkpoint))
	path := filepath.Join(folder, Checkpoint)
	if err := os.Symlink("nowhere", path); err != nil {
		t.Skipf("no link can be made here: %v", err)
	}
	if _, err := New(folder, false); !errors.Is(err, ErrHoldsFiles) {
		t.Errorf("error is %v, want ErrHoldsFiles", err)
	}
	if _, err := Resume(folder); !errors.Is(err, ErrNothingToResume) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+" is a link to nowhere") {
		t.Errorf("error is %v, want ErrNothingToResume", err)
	}
	d := mustNew(t, folder, true)
	if err := errors.Join(save(t, d, run("new", 1)), d.Close()); err != nil {
		t.Fatal(err)
	}
	same(t, "replaced", folder, run("new", 1))
}
