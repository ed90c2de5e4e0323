package checkpoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// upgrades bring the metadata of version i+1 to the next one, each in place. run is nil in a file of weights alone. What they
// do not know they leave as it is, for the strict reading that follows to refuse. What that would no longer see they refuse
// themselves: a field that they take and that is missing, or one that they add and that is there already.
var upgrades = []func(config, run object) error{fromVersion1}

// upgraded returns the metadata of a file of an older version, with a config, as the current version has them.
func upgraded(metadata map[string]string, written int) (map[string]string, error) {
	objects := make(map[string]object)
	for _, name := range []string{"config", "run"} {
		text, ok := metadata[name]
		if !ok { // of a file of weights alone
			continue
		}
		var err error
		if objects[name], err = parseObject([]byte(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, upgrade := range upgrades[written-1:] {
		if err := upgrade(objects["config"], objects["run"]); err != nil {
			return nil, err
		}
	}
	metadata = maps.Clone(metadata)
	for name, o := range objects {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		metadata[name] = string(text)
	}
	return metadata, nil
}

// fromVersion1: the settings were spread over config and run, the data's classes were not stored, and the loss of the
// unfinished epoch was not summed up by itself.
func fromVersion1(config, run object) error {
	if run == nil {
		return errors.New("run: it is missing")
	}
	settings := object{}
	if err := cmp.Or(
		config.move("seed", settings),
		config.add("classes", 0),
	); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := cmp.Or(
		run.move("batch", settings),
		run.move("learning_rate", settings),
		run.move("beta", settings),
		run.add("settings", settings),
		run.add("changes", nil),
	); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	beta, err := settings.number("beta")
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	partial, err := run.object("partial")
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if err := sumTerms(partial, beta); err != nil {
		return fmt.Errorf("run: partial: %w", err)
	}
	return nil
}

// sumTerms puts the terms in the place of the sums of version 1.
func sumTerms(partial object, beta float64) error {
	images, err := partial.number("images")
	if err != nil {
		return err
	}
	reconstruction, err := partial.number("reconstruction")
	if err != nil {
		return err
	}
	kl, err := partial.number("kl")
	if err != nil {
		return err
	}
	loss := reconstruction + beta*kl
	if !finite(loss) {
		return fmt.Errorf("reconstruction + beta·kl is %v, want a finite number", loss)
	}
	delete(partial, "reconstruction")
	delete(partial, "kl")
	if images == 0 {
		return partial.add("terms", nil)
	}
	return partial.add("terms", map[string]float64{"loss": loss, "reconstruction": reconstruction, "kl": kl})
}
