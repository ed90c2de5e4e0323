package rundir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"

	"govae/internal/files"
)

const lockFile = ".lock" // locked while a run is under way

// tryLock is replaced in tests.
var tryLock = (*flock.Flock).TryLock

// claim keeps other runs out of the folder until Close, or until the process ends in whatever way. Where the file system has no
// locks, it notes that instead.
func (d *Dir) claim() error {
	path := filepath.Join(d.name, lockFile)
	if err := files.CheckFile(path); err != nil {
		return fmt.Errorf("the lock, which keeps other runs out: %w", err)
	}
	lock, free, err := locked(path)
	switch {
	case err == nil && free:
		d.lock = lock
	case err == nil:
		d.made = false // but by the run that has it
		return fmt.Errorf("%w in %s", ErrUnderWay, d.name)
	case hasNoLocks(err):
		d.notes = append(d.notes, fmt.Sprintf("nothing keeps other runs out of %s: its file system has no locks (%v)", d.name, err))
	case errors.Is(err, os.ErrPermission):
		return d.lockedOut(path, err)
	default:
		return fmt.Errorf("the lock %s, which keeps other runs out, cannot be taken: %w", path, err)
	}
	return nil
}

// locked tries to lock the file at path, which it makes as umask and folder have it. It opens the file for reading, since that
// of another user may not be one to write to, and for writing as well where locks need that, as on NFS.
func locked(path string) (lock *flock.Flock, free bool, err error) {
	for _, flags := range []int{os.O_CREATE | os.O_RDONLY, os.O_CREATE | os.O_RDWR} {
		lock = flock.New(path, flock.SetFlag(flags), flock.SetPermissions(0o666))
		free, err = tryLock(lock)
		for errors.Is(err, syscall.EINTR) { // by a signal, of which Go's scheduler sends some
			free, err = tryLock(lock)
		}
		if !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EIO) {
			break
		}
	}
	return lock, free, err
}

// hasNoLocks says whether an error means that a file system has none, as many network and container file systems do not.
func hasNoLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.EINVAL)
}

// lockedOut says whose permission is wanting: that of the lock, if there is one, or of the folder.
func (d *Dir) lockedOut(path string, err error) error {
	info, statErr := os.Stat(path)
	if statErr != nil {
		return fmt.Errorf("no lock, which keeps other runs out, can be made in %s: %w", d.name, err)
	}
	return fmt.Errorf("the lock, which keeps other runs out, is one that its owner alone may open (its mode is %v): %w: "+
		"let the owner make it readable with chmod a+r, or remove it while no run is under way in %s", info.Mode(), err, d.name)
}
