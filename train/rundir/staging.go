package rundir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"govae/internal/files"
)

// The first files of a new run are written to a folder of their own in the run's folder. Once all are there, Commit renames it,
// which is the moment from which on the new run stands and the one that it replaces does not; then it puts the files in place.
// So a save that fails costs nothing, and of a process that is killed at any moment, the next one to hold the lock finishes the
// work:
//
//	stagingFolder                        the save did not come to its end: it is removed
//	wholeFolder, with the checkpoint     the old run's files are being removed: remove those that are left, and put the new ones in place
//	wholeFolder, without                 the new ones are being put in place, the checkpoint first: put the rest in place
const (
	stagingFolder = ".govae-new"
	wholeFolder   = ".govae-whole"
)

// The system's calls, replaced in tests.
var (
	rename     = os.Rename
	remove     = os.Remove
	mkdir      = os.Mkdir
	syncFolder = files.SyncFolder
)

// stage makes the folder for the first files. After restore there is none, unless nothing tells whether it is of a run under way.
func (d *Dir) stage() error {
	staging := filepath.Join(d.name, stagingFolder)
	err := mkdir(staging, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w in %s, or was killed there, for it holds a folder %s, and its file system has no locks to tell: "+
			"remove that folder if no run is under way", ErrUnderWay, d.name, stagingFolder)
	}
	if err != nil {
		return err
	}
	d.staging = true
	return nil
}

// Commit puts the first files of a new run in place, and removes those of the run that it replaces. It is called once they are
// whole: with a checkpoint among them. Later on, and in a run that is resumed, it has nothing to do. After an error either
// nothing has changed, or the next New or Resume goes on where Commit has stopped, which the error says.
func (d *Dir) Commit() error {
	if !d.staging {
		return nil
	}
	if err := d.check(); err != nil {
		return err
	}
	staging, whole := filepath.Join(d.name, stagingFolder), filepath.Join(d.name, wholeFolder)
	if err := rename(staging, whole); err != nil {
		return err
	}
	err := syncFolder(d.name)
	changed := false
	if err == nil {
		changed, err = d.putInPlace()
	}
	if err != nil && !changed && rename(whole, staging) == nil {
		return err
	}
	d.staging, d.made = false, false
	if err != nil {
		return fmt.Errorf("%w: the new run is whole in %s, from where the next start in %s puts it in place", err, whole, d.name)
	}
	return nil
}

// restore brings the folder in order after a run that was killed: it finishes what Commit was about, and removes what a save
// has left that did not come to its end. The latter only where a lock tells that no run is at it.
func (d *Dir) restore() error {
	if _, err := os.Lstat(filepath.Join(d.name, wholeFolder)); err == nil {
		if _, err := d.putInPlace(); err != nil {
			return fmt.Errorf("%s holds a run that is to be put in place: %w", filepath.Join(d.name, wholeFolder), err)
		}
	}
	if d.lock == nil {
		return nil
	}
	d.sweep()
	return os.RemoveAll(filepath.Join(d.name, stagingFolder))
}

// putInPlace moves the files of wholeFolder to where they belong, and says whether it has changed anything. The checkpoint is
// the first of them, so that its place says whether the old run's files are still to be removed.
func (d *Dir) putInPlace() (changed bool, err error) {
	whole := filepath.Join(d.name, wholeFolder)
	staged, err := runFiles(whole)
	if err != nil {
		return false, err
	}
	if slices.Contains(staged, Checkpoint) {
		if changed, err = d.removeReplaced(staged); err != nil {
			return changed, err
		}
		if err := d.place(Checkpoint); err != nil {
			return changed, err
		}
		changed = true
		if err := syncFolder(d.name); err != nil {
			return changed, err
		}
	}
	for _, name := range staged {
		if name == Checkpoint {
			continue
		}
		if err := d.place(name); err != nil {
			return changed, err
		}
		changed = true
	}
	if err := syncFolders(d.name); err != nil {
		return changed, err
	}
	for _, folder := range folders(whole) { // which are empty
		if err := remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, err
		}
	}
	return changed, nil
}

// removeReplaced removes the files of the run that is replaced, but for those that the new ones take the places of.
func (d *Dir) removeReplaced(staged []string) (changed bool, err error) {
	old, err := runFiles(d.name)
	if err != nil {
		return false, err
	}
	for _, name := range old {
		if slices.Contains(staged, name) {
			continue
		}
		if err := remove(filepath.Join(d.name, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, fmt.Errorf("replacing the run in %s: %w", d.name, err)
		}
		changed = true
	}
	if changed {
		err = syncFolders(d.name)
	}
	return changed, err
}

// place moves a file of wholeFolder to its place.
func (d *Dir) place(name string) error {
	from, to := filepath.Join(d.name, wholeFolder, name), filepath.Join(d.name, name)
	if err := mkdir(filepath.Dir(to), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := rename(from, to); err == nil {
		return nil
	}
	// A folder of pictures may be a link to another file system, to which nothing can be renamed.
	file, err := files.Open(from)
	if err != nil {
		return err
	}
	err = files.Write(to, func(w io.Writer) error {
		_, err := io.Copy(w, file)
		return err
	})
	file.Close() // before it is removed, which Windows wants
	if err != nil {
		return err
	}
	return remove(from)
}

// syncFolders makes the changes in the folders of a run outlive a power failure.
func syncFolders(run string) error {
	for _, folder := range folders(run) {
		if err := syncFolder(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sweep removes the temporary files that saves of a run have left here which were killed. One that cannot be removed is no
// reason not to go on.
func (d *Dir) sweep() {
	for _, folder := range folders(d.name) {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if of, ok := files.TemporaryOf(e.Name()); ok && e.Type().IsRegular() && written(of, folder == d.name) {
				os.Remove(filepath.Join(folder, e.Name()))
			}
		}
	}
}

// written says whether a run writes a file of that name, in its folder or in its folders of pictures.
func written(name string, inRun bool) bool {
	return inRun && slices.Contains(fileNames, name) || !inRun && pictureName.MatchString(name) || name == files.Probe
}

// lastState returns the path of a run's checkpoint: in its place, unless it is still to be put there.
func lastState(run string) string {
	whole := filepath.Join(run, wholeFolder, Checkpoint)
	if _, err := os.Lstat(whole); err == nil {
		return whole
	}
	return filepath.Join(run, Checkpoint)
}
