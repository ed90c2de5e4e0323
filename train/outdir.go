package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
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
)

var pictureName = regexp.MustCompile(`^epoch-\d{4,}\.png$`)

// outDir is the folder that holds the files of one run.
type outDir string

func (d outDir) path(name string) string { return filepath.Join(string(d), name) }

// picture returns the path of an epoch's picture in one of the folders of pictures.
func (d outDir) picture(folder string, epoch int) string {
	return filepath.Join(string(d), folder, fmt.Sprintf("epoch-%04d.png", epoch))
}

// newOutDir makes the folder of a new run, and refuses to overwrite another run unless force is set.
// Without a name it makes the next free one of runs/vae, runs/vae-2, ….
func newOutDir(name string, force bool) (outDir, error) {
	if name == "" {
		return nextFree()
	}
	dir := outDir(name)
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return "", fmt.Errorf("-out %s is a file, want a folder", name)
	}
	held, err := dir.files()
	if err != nil {
		return "", fmt.Errorf("-out %s: %w", name, err)
	}
	if len(held) > 0 && !force {
		return "", fmt.Errorf("%s already holds a run (%s): give -resume to continue it, -force to replace it, or another -out", name, filepath.Base(held[0]))
	}
	for _, path := range held {
		if err := os.Remove(path); err != nil {
			return "", fmt.Errorf("-force: %w", err)
		}
	}
	if err := os.MkdirAll(name, 0o777); err != nil {
		return "", fmt.Errorf("-out %s: %w", name, err)
	}
	return dir, nil
}

// nextFree makes the first of runs/vae, runs/vae-2, … that does not exist. To make a folder is to claim it,
// so that two runs started at once get one each.
func nextFree() (outDir, error) {
	if err := os.MkdirAll(runsDir, 0o777); err != nil {
		return "", err
	}
	name := filepath.Join(runsDir, "vae")
	for i := 2; ; i++ {
		err := os.Mkdir(name, 0o777)
		if err == nil {
			return outDir(name), nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		name = filepath.Join(runsDir, fmt.Sprintf("vae-%d", i))
	}
}

// files lists the files of a run that are in the folder, by their paths. Files that no run writes are not among them.
func (d outDir) files() ([]string, error) {
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

// outDirToResume returns the folder whose run is to be continued: the named one, or without a name
// the one in runs whose checkpoint is the newest.
func outDirToResume(name string) (outDir, error) {
	if name == "" {
		return newestRun()
	}
	dir := outDir(name)
	if _, err := os.Stat(dir.path(checkpointFile)); err != nil {
		return "", fmt.Errorf("nothing to resume in %s: %w: to start a run there, leave out -resume, or give -force if files of another are in the way", name, err)
	}
	return dir, nil
}

func newestRun() (outDir, error) {
	entries, err := os.ReadDir(runsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var newest outDir
	var modified time.Time
	for _, e := range entries {
		dir := outDir(filepath.Join(runsDir, e.Name()))
		info, err := os.Stat(dir.path(checkpointFile))
		if err == nil && info.ModTime().After(modified) {
			newest, modified = dir, info.ModTime()
		}
	}
	if newest == "" {
		return "", fmt.Errorf("nothing to resume: no folder in %s holds a %s; name one with -out", runsDir, checkpointFile)
	}
	return newest, nil
}
