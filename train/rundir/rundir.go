// Package rundir is the folder of a run: the names of its files, who may write them, and which run is the newest.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gofrs/flock"
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

	lockFile = ".lock" // locked while a run is under way
)

// What keeps a run out of a folder.
var (
	ErrHoldsRun        = errors.New("already holds a run")
	ErrUnderWay        = errors.New("another run is under way")
	ErrNothingToResume = errors.New("nothing to resume")
)

var pictureName = regexp.MustCompile(`^epoch-\d{4,}\.png$`)

// Dir is the folder that holds the files of one run. While the run is under way, it is the only one in it.
type Dir struct {
	name     string
	lock     *flock.Flock
	made     bool     // by this run
	replaced []string // files of the run that this one replaces, until it has files of its own
}

// Name returns the path of the folder.
func (d *Dir) Name() string { return d.name }

// Path returns the path of a file in the folder.
func (d *Dir) Path(name string) string { return filepath.Join(d.name, name) }

// Picture returns the path of an epoch's picture in one of the folders of pictures.
func (d *Dir) Picture(folder string, epoch int) string {
	return filepath.Join(d.name, folder, fmt.Sprintf("epoch-%04d.png", epoch))
}

// New makes and claims the folder of a new run, and refuses to overwrite another run unless force is set: its error is then
// ErrHoldsRun. Without a name it takes the next free one of runs/vae, runs/vae-2, …. It returns ErrUnderWay where another run
// has the folder.
func New(name string, force bool) (*Dir, error) {
	if name == "" {
		return nextFree()
	}
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a file, want a folder for a run", name)
	}
	d := &Dir{name: name, made: errors.Is(err, fs.ErrNotExist)}
	if err := os.MkdirAll(name, 0o777); err != nil {
		return nil, err
	}
	if err := d.claim(); err != nil {
		return nil, err
	}
	if d.replaced, err = d.files(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if len(d.replaced) > 0 && !force {
		err := fmt.Errorf("%s %w (%s)", name, ErrHoldsRun, filepath.Base(d.replaced[0]))
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// nextFree makes and claims the first of runs/vae, runs/vae-2, … that does not exist. Two runs started at once get one each.
func nextFree() (*Dir, error) {
	if err := os.MkdirAll(runsDir, 0o777); err != nil {
		return nil, err
	}
	d := &Dir{name: filepath.Join(runsDir, "vae"), made: true}
	for i := 2; ; i++ {
		err := os.Mkdir(d.name, 0o777)
		if err == nil {
			return d, d.claim()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		d.name = filepath.Join(runsDir, fmt.Sprintf("vae-%d", i))
	}
}

// claim keeps other runs out of the folder until Close, or until the process ends in whatever way.
func (d *Dir) claim() error {
	d.lock = flock.New(d.Path(lockFile))
	free, err := d.lock.TryLock()
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if !free {
		return fmt.Errorf("%w in %s", ErrUnderWay, d.name)
	}
	return nil
}

// Close lets other runs in. The lock's file stays: were it removed, two runs could hold locks on two files of that name.
func (d *Dir) Close() error { return d.lock.Close() }

// Remove removes what a run has made that leaves nothing: the folder, if it is this run's, and if it is empty.
func (d *Dir) Remove() {
	if held, err := d.files(); err != nil || len(held) > 0 {
		return
	}
	for _, folder := range []string{Samples, Reconstructions} {
		os.Remove(d.Path(folder)) // only where it is empty
	}
	if d.made {
		os.Remove(d.Path(lockFile))
		os.Remove(d.name)
	}
}

// DiscardReplaced removes the files of the run that this one replaces. It is called when this one has something to put in their
// place.
func (d *Dir) DiscardReplaced() error {
	for _, path := range d.replaced {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replacing the run in %s: %w", d.name, err)
		}
	}
	d.replaced = nil
	return nil
}

// files lists the files of a run that are in the folder, by their paths. Files that no run writes are not among them.
func (d *Dir) files() ([]string, error) {
	var held []string
	for _, name := range []string{Checkpoint, Best, Metrics, Curves} {
		_, err := os.Lstat(d.Path(name))
		if err == nil {
			held = append(held, d.Path(name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, folder := range []string{Samples, Reconstructions} {
		entries, err := os.ReadDir(d.Path(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if pictureName.MatchString(e.Name()) {
				held = append(held, filepath.Join(d.Path(folder), e.Name()))
			}
		}
	}
	return held, nil
}

// Resume claims the folder whose run is to be continued: the named one, or without a name the one in runs whose checkpoint is
// the newest. It returns ErrNothingToResume where there is no checkpoint, and ErrUnderWay where another run has the folder.
func Resume(name string) (*Dir, error) {
	if name == "" {
		var err error
		if name, err = newestRun(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNothingToResume, err)
		}
	}
	d := &Dir{name: name}
	if _, err := os.Stat(d.Path(Checkpoint)); err != nil {
		return nil, fmt.Errorf("%w in %s: %w", ErrNothingToResume, name, err)
	}
	return d, d.claim()
}

// NewestCheckpoint returns the file with the best state of the newest run in the folder runs, or with its last state while it
// has no best. The newest run is the one that was saved last. An error is fs.ErrNotExist where there is none.
func NewestCheckpoint() (string, error) {
	run, err := newestRun()
	if err != nil {
		return "", err
	}
	best := filepath.Join(run, Best)
	if _, err := os.Stat(best); err != nil {
		return filepath.Join(run, Checkpoint), nil
	}
	return best, nil
}

func newestRun() (string, error) {
	found, _ := filepath.Glob(filepath.Join(runsDir, "*", Checkpoint)) // the pattern is well formed
	var newest string
	var modified time.Time
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(modified) {
			newest, modified = filepath.Dir(path), info.ModTime()
		}
	}
	if newest == "" {
		return "", fmt.Errorf("no folder in %s holds a %s: %w", runsDir, Checkpoint, fs.ErrNotExist)
	}
	return newest, nil
}
