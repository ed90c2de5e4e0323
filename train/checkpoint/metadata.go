package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"govae/internal/words"
)

const formatName = "govae"

// version is the format version that this package writes. It reads those before it, too, which upgrade.go brings up to date.
//
// A field more in Config, in Settings or in Run needs no new version if its zero means that all is as before and if it has
// omitempty: files without it are then read as they were meant, and programs that do not know it refuse only files that use it.
// Any other field is a new version.
const version = 2

// storedRun is a Run as it is stored.
type storedRun struct {
	Step uint64 `json:"step"` // updates made: the State's
	Run
}

// metadata returns what a checkpoint holds besides tensors.
func (c *Checkpoint) metadata() (map[string]string, error) {
	config, err := json.Marshal(c.Config)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	metadata := map[string]string{
		"format":  formatName,
		"version": strconv.Itoa(version),
		"config":  string(config),
	}
	if c.Run != nil {
		text, err := json.Marshal(storedRun{c.State.Step, *c.Run})
		if err != nil {
			return nil, fmt.Errorf("run: %w", err)
		}
		metadata["run"] = string(text)
	}
	return metadata, nil
}

// fromMetadata returns a checkpoint that has no tensors yet.
func fromMetadata(metadata map[string]string) (*Checkpoint, error) {
	if metadata == nil {
		return nil, fmt.Errorf("header: %s is missing: %w", metadataKey, ErrForeign)
	}
	if got := metadata["format"]; got != formatName {
		return nil, fmt.Errorf("metadata: format is %s, want %s: %w", words.Quoted(got), formatName, ErrForeign)
	}
	written, err := strconv.Atoi(metadata["version"])
	if err != nil || written < 1 || written > version || strconv.Itoa(written) != metadata["version"] {
		return nil, fmt.Errorf("metadata: version is %s, and this program reads versions 1 to %d", words.Quoted(metadata["version"]), version)
	}
	if _, ok := metadata["config"]; !ok {
		return nil, errors.New("metadata: config is missing")
	}
	if written < version {
		if metadata, err = upgraded(metadata, written); err != nil {
			return nil, fmt.Errorf("metadata: version %d: %w", written, err)
		}
	}
	c := new(Checkpoint)
	if err := unmarshalStrict([]byte(metadata["config"]), &c.Config); err != nil {
		return nil, fmt.Errorf("metadata: config: %w", err)
	}
	if text, ok := metadata["run"]; ok { // not where there are weights alone
		var run storedRun
		if err := unmarshalStrict([]byte(text), &run); err != nil {
			return nil, fmt.Errorf("metadata: run: %w", err)
		}
		c.State.Step, c.Run = run.Step, &run.Run
	}
	return c, nil
}
