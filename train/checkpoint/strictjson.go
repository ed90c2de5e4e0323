package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// unmarshalStrict is json.Unmarshal that refuses what json.Unmarshal lets pass: a key that is there twice,
// that v does not know, or knows in another case, and a key of v that is missing.
func unmarshalStrict(text []byte, v any) error {
	if !json.Valid(text) { // also bounds the nesting
		return errors.New("it is not valid JSON")
	}
	if err := uniqueKeys(text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return err
	}
	understood, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal(understood, &want)); err != nil {
		return err
	}
	return sameKeys(got, want)
}

// sameKeys reports a key that one of two JSON values has and the other has not.
func sameKeys(got, want any) error {
	have, _ := got.(map[string]any)
	need, _ := want.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, ok := need[key]; !ok {
			return fmt.Errorf("unknown field %q", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(need)) {
		value, ok := have[key]
		if !ok {
			return fmt.Errorf("the field %q is missing", key)
		}
		if err := sameKeys(value, need[key]); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// uniqueKeys reports a key that one object of the valid JSON text has twice.
func uniqueKeys(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	type level struct {
		keys    map[string]bool // nil in an array
		isValue bool            // the next token is a key's value
	}
	levels := []level{{}}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		top := &levels[len(levels)-1]
		if key, ok := token.(string); ok && top.keys != nil && !top.isValue {
			if top.keys[key] {
				return fmt.Errorf("the key %q is there twice", key)
			}
			top.keys[key] = true
			top.isValue = true
			continue
		}
		top.isValue = false
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{keys: map[string]bool{}})
		case json.Delim('['):
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		}
	}
}
