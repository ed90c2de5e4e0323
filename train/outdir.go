package train

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

// The files of a run, in its out folder.
const (
	checkpointFile     = "checkpoint.safetensors" // the last state
	bestFile           = "best.safetensors"       // the state with the lowest test loss
	metricsFile        = "metrics.csv"
	curvesFile         = "curves.png"
	samplesDir         = "samples"
	reconstructionsDir = "reconstructions"
	lockFile           = ".lock" // locked while a run is under way
)

var pictureName = regexp.MustCompile(`^epoch-\d{4,}\.png$`)

// outDir is the folder that holds the files of one run. While the run is under way, it is the only one in it.
type outDir struct {
	name     string
	lock     *flock.Flock
	made     bool     // by this run
	replaced []string // files of the run that this one replaces, until it has files of its own
}

func (d *outDir) path(name string) string { return filepath.Join(d.name, name) }

// picture returns the path of an epoch's picture in one of the folders of pictures.
func (d *outDir) picture(folder string, epoch int) string {
	return filepath.Join(d.name, folder, fmt.Sprintf("epoch-%04d.png", epoch))
}

// newOutDir makes and claims the folder of a new run, and refuses to overwrite another run unless force is set.
// Without a name it takes the next free one of runs/vae, runs/vae-2, ….
func newOutDir(name string, force bool) (*outDir, error) {
	if name == "" {
		return nextFree()
	}
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("-out %s is a file, want a folder", name)
	}
	d := &outDir{name: name, made: errors.Is(err, fs.ErrNotExist)}
	if err := os.MkdirAll(name, 0o777); err != nil {
		return nil, fmt.Errorf("-out %s: %w", name, err)
	}
	if err := d.claim(); err != nil {
		return nil, err
	}
	if d.replaced, err = d.files(); err != nil {
		return nil, errors.Join(fmt.Errorf("-out %s: %w", name, err), d.close())
	}
	if len(d.replaced) > 0 && !force {
		err := fmt.Errorf("%s already holds a run (%s): give -resume to continue it, -force to replace it, or another -out", name, filepath.Base(d.replaced[0]))
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// nextFree makes and claims the first of runs/vae, runs/vae-2, … that does not exist. Two runs started at once get one each.
func nextFree() (*outDir, error) {
	if err := os.MkdirAll(runsDir, 0o777); err != nil {
		return nil, err
	}
	d := &outDir{name: filepath.Join(runsDir, "vae"), made: true}
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

// claim keeps other runs out of the folder until close, or until the process ends in whatever way.
func (d *outDir) claim() error {
	d.lock = flock.New(d.path(lockFile))
	free, err := d.lock.TryLock()
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if !free {
		return fmt.Errorf("another run is under way in %s: wait for it, or give another -out", d.name)
	}
	return nil
}

// close lets other runs in. The lock's file stays: were it removed, two runs could hold locks on two files of that name.
func (d *outDir) close() error { return d.lock.Close() }

// remove removes what a run has made that leaves nothing: the folder, if it is this run's, and if it is empty.
func (d *outDir) remove() {
	if held, err := d.files(); err != nil || len(held) > 0 {
		return
	}
	for _, folder := range []string{samplesDir, reconstructionsDir} {
		os.Remove(d.path(folder)) // only where it is empty
	}
	if d.made {
		os.Remove(d.path(lockFile))
		os.Remove(d.name)
	}
}

// discardReplaced removes the files of the run that this one replaces. It is called when this one has something to put in their place.
func (d *outDir) discardReplaced() error {
	for _, path := range d.replaced {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("-force: %w", err)
		}
	}
	d.replaced = nil
	return nil
}

// files lists the files of a run that are in the folder, by their paths. Files that no run writes are not among them.
func (d *outDir) files() ([]string, error) {
	var held []string
	for _, name := range []string{checkpointFile, bestFile, metricsFile, curvesFile} {
		_, err := os.Lstat(d.path(name))
		if err == nil {
			held = append(held, d.path(name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, folder := range []string{samplesDir, reconstructionsDir} {
		entries, err := os.ReadDir(d.path(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if pictureName.MatchString(e.Name()) {
				held = append(held, filepath.Join(d.path(folder), e.Name()))
			}
		}
	}
	return held, nil
}

// outDirToResume claims the folder whose run is to be continued: the named one, or without a name
// the one in runs whose checkpoint is the newest.
func outDirToResume(name string) (*outDir, error) {
	if name == "" {
		var err error
		if name, err = newestRun(); err != nil {
			return nil, fmt.Errorf("nothing to resume: %w: name a run with -out", err)
		}
	}
	d := &outDir{name: name}
	if _, err := os.Stat(d.path(checkpointFile)); err != nil {
		return nil, fmt.Errorf("nothing to resume in %s: %w", name, err)
	}
	return d, d.claim()
}

// NewestCheckpoint returns the file with the best state of the newest run in the folder runs, or with
// its last state while it has no best. The newest run is the one that was saved last. An error is fs.ErrNotExist where there is none.
func NewestCheckpoint() (string, error) {
	run, err := newestRun()
	if err != nil {
		return "", err
	}
	best := filepath.Join(run, bestFile)
	if _, err := os.Stat(best); err != nil {
		return filepath.Join(run, checkpointFile), nil
	}
	return best, nil
}

func newestRun() (string, error) {
	found, _ := filepath.Glob(filepath.Join(runsDir, "*", checkpointFile)) // the pattern is well formed
	var newest string
	var modified time.Time
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(modified) {
			newest, modified = filepath.Dir(path), info.ModTime()
		}
	}
	if newest == "" {
		return "", fmt.Errorf("no folder in %s holds a %s: %w", runsDir, checkpointFile, fs.ErrNotExist)
	}
	return newest, nil
}
