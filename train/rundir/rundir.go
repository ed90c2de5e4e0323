// Package rundir is the folder of a run: the names of its files, who may write them, and which run is the newest.
//
// lock.go keeps other runs out of the folder, and staging.go puts the first files of a run in place, all or none, where there
// may be those of a run that it replaces.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"govae/internal/files"
	"govae/internal/words"
)

const runsDir = "runs" // where runs go that were given no folder

// The files and folders in a run's folder.
const (
	Checkpoint      = "checkpoint.safetensors" // the last state
	Best            = "best.safetensors"       // the state with the lowest test loss
	Metrics         = "metrics.csv"
	Curves          = "curves.png"
	Samples         = "samples"         // a picture for each epoch
	Reconstructions = "reconstructions" // a picture for each epoch
)

var (
	fileNames      = []string{Checkpoint, Best, Metrics, Curves}
	pictureFolders = []string{Samples, Reconstructions}
	pictureName    = regexp.MustCompile(`^epoch-\d{4,}\.png$`)
)

// What keeps a run out of a folder.
var (
	ErrHoldsRun        = errors.New("already holds a run")
	ErrHoldsFiles      = errors.New("holds files of a run, but no checkpoint to resume it from")
	ErrUnderWay        = errors.New("another run is under way")
	ErrNothingToResume = errors.New("nothing to resume")
)

// Dir is the folder that holds the files of one run. While the run is under way, it is the only one in it.
type Dir struct {
	name    string
	lock    *flock.Flock // nil: the file system has no locks
	made    bool         // by this run, which has put nothing in place yet
	staging bool         // the run's files go to its staging folder, until Commit
	notes   []string
}

// Name returns the path of the folder.
func (d *Dir) Name() string { return d.name }

// Notes returns what a user should know of the folder: that its file system has no locks, for one.
func (d *Dir) Notes() []string { return d.notes }

// Path returns the path at which a file of the run is to be written now. Before Commit it is not in its place.
func (d *Dir) Path(name string) string {
	if d.staging {
		return filepath.Join(d.name, stagingFolder, name)
	}
	return filepath.Join(d.name, name)
}

// Picture returns the path, as Path does, of an epoch's picture in one of the folders of pictures.
func (d *Dir) Picture(folder string, epoch int) string {
	return filepath.Join(d.Path(folder), fmt.Sprintf("epoch-%04d.png", epoch))
}

// New makes and claims the folder of a new run. Another run in it is replaced where force is set, at Commit; else the error is
// ErrHoldsRun, or ErrHoldsFiles where that run has no checkpoint. Without a name it takes the next free one of runs/vae,
// runs/vae-2, …. It returns ErrUnderWay where another run has the folder, and errors that name what is in the place of a file
// or a folder.
func New(name string, force bool) (*Dir, error) {
	if name == "" {
		return nextFree()
	}
	_, err := os.Stat(name)
	d := &Dir{name: name, made: errors.Is(err, fs.ErrNotExist)}
	if err := files.MakeFolder(name); err != nil {
		return nil, err
	}
	return d.opened(func() error { return d.begin(force) })
}

// nextFree makes and claims the first of runs/vae, runs/vae-2, … that does not exist. Two runs started at once get one each.
func nextFree() (*Dir, error) {
	if err := files.MakeFolder(runsDir); err != nil {
		return nil, err
	}
	d := &Dir{name: filepath.Join(runsDir, "vae"), made: true}
	for i := 2; ; i++ {
		err := os.Mkdir(d.name, 0o777)
		if err == nil {
			return d.opened(func() error { return d.begin(false) })
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		d.name = filepath.Join(runsDir, fmt.Sprintf("vae-%d", i))
	}
}

// opened claims the folder, brings it in order, and returns it where it is fit for what the caller is about.
func (d *Dir) opened(fit func() error) (*Dir, error) {
	err := d.claim()
	if err == nil {
		err = d.restore()
	}
	if err == nil {
		err = fit()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// begin makes sure that the folder is free for a new run, and makes the folder for its first files.
func (d *Dir) begin(force bool) error {
	if err := d.check(); err != nil {
		return err
	}
	held, err := runFiles(d.name)
	if err != nil {
		return err
	}
	if len(held) > 0 && !force {
		why := ErrHoldsRun
		if _, err := os.Stat(d.Path(Checkpoint)); err != nil {
			why = ErrHoldsFiles
		}
		return fmt.Errorf("%s %w (%s)", d.name, why, held[0])
	}
	return d.stage()
}

// check makes sure that the files of a run can be put into the folder: that nothing else is in the place of one, and that the
// folders can be written to. In the place of a spared file there may be whatever is there.
func (d *Dir) check(spared ...string) error {
	for _, folder := range pictureFolders {
		if err := files.CheckFolder(filepath.Join(d.name, folder)); err != nil {
			return err
		}
	}
	held, err := runFiles(d.name)
	if err != nil && !errors.Is(err, fs.ErrPermission) { // what can be written need not be readable
		return err
	}
	for _, name := range held {
		if err := checkFile(filepath.Join(d.name, name)); errors.Is(err, files.ErrNoFile) && slices.Contains(spared, name) {
			continue
		} else if err != nil {
			return err
		}
	}
	for _, folder := range folders(d.name) {
		if err := files.Writable(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// checkFile makes sure that a file which is there can be replaced.
func checkFile(path string) error {
	if err := files.CheckFile(path); err != nil {
		return err
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	file, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !mayReplace(folder, file, os.Geteuid()) {
		return fmt.Errorf("%s is another user's, and its folder lets nobody else replace it: %w", path, fs.ErrPermission)
	}
	return nil
}

// folders returns the paths of the folders in which a run has files, whether they exist or not, that of the run last.
func folders(run string) []string {
	return []string{filepath.Join(run, Samples), filepath.Join(run, Reconstructions), run}
}

// runFiles lists what has the name of a run's file in a folder, by the path from there. Files that no run writes are not among
// them. With an error it is what was found up to there.
func runFiles(folder string) ([]string, error) {
	var held []string
	for _, name := range fileNames {
		_, err := os.Lstat(filepath.Join(folder, name))
		if err == nil {
			held = append(held, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return held, err
		}
	}
	for _, pictures := range pictureFolders {
		entries, err := os.ReadDir(filepath.Join(folder, pictures))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return held, err
		}
		for _, e := range entries {
			if pictureName.MatchString(e.Name()) {
				held = append(held, filepath.Join(pictures, e.Name()))
			}
		}
	}
	return held, nil
}

// Close lets other runs in. Where the run has put nothing in place, what it has made is removed. The lock's file stays in a
// folder that does: were it removed, two runs could hold locks on two files of that name.
func (d *Dir) Close() error {
	var errs []error
	if d.staging {
		errs = append(errs, os.RemoveAll(filepath.Join(d.name, stagingFolder)))
	}
	removed := !d.made || d.unmake()
	d.staging, d.made = false, false
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	if !removed { // Windows removes nothing that is open: not this run's lock until now, nor that of one that has taken it by now
		d.unmake()
	}
	return errors.Join(errs...)
}

// unmake removes a folder in which there is nothing but the lock, and says whether the lock is gone.
func (d *Dir) unmake() bool {
	err := remove(filepath.Join(d.name, lockFile))
	remove(d.name) // only where it is empty
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

// Resume claims the folder whose run is to be continued: the named one, or without a name the one in runs whose checkpoint is
// the newest. It returns ErrNothingToResume where there is no checkpoint, ErrUnderWay where another run has the folder, and
// errors that name what is in the place of a file or a folder.
func Resume(name string) (*Dir, error) {
	if name == "" {
		var err error
		if name, err = newestRun(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNothingToResume, err)
		}
	}
	d := &Dir{name: name}
	if err := files.CheckFolder(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNothingToResume, err)
	}
	file, err := files.Open(lastState(name)) // before a lock is left in a folder that is none of a run
	if _, none := os.Lstat(lastState(name)); errors.Is(none, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: it has no %s: %w", ErrNothingToResume, words.Printable(name), Checkpoint, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("%w in %s: %w", ErrNothingToResume, words.Printable(name), err)
	}
	file.Close()
	return d.opened(func() error { return d.check(Metrics, Curves) }) // which a run can do without
}

// NewestCheckpoint returns the file with the best state of the newest run in the folder runs, or with its last state while it
// has no best. The newest run is the one that was saved last. An error is fs.ErrNotExist where there is none.
func NewestCheckpoint() (string, error) {
	run, err := newestRun()
	if err != nil {
		return "", err
	}
	// What is still to be put in place goes before what is there, which may be another run's.
	for _, name := range []string{filepath.Join(wholeFolder, Best), filepath.Join(wholeFolder, Checkpoint), Best} {
		path := filepath.Join(run, name)
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		}
	}
	return filepath.Join(run, Checkpoint), nil
}

func newestRun() (string, error) {
	if err := files.CheckFolder(runsDir); err != nil {
		return "", err
	}
	found, _ := filepath.Glob(filepath.Join(runsDir, "*")) // the pattern is well formed
	var newest string
	var modified time.Time
	for _, run := range found {
		if info, err := os.Stat(lastState(run)); err == nil && info.ModTime().After(modified) {
			newest, modified = run, info.ModTime()
		}
	}
	if newest == "" {
		return "", fmt.Errorf("no folder in %s holds a %s: %w", runsDir, Checkpoint, fs.ErrNotExist)
	}
	return newest, nil
}
