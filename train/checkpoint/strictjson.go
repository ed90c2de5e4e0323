package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// unmarshalStrict is json.Unmarshal that refuses what json.Unmarshal lets pass:
// a key that is there twice, and a key that v does not know.
func unmarshalStrict(text []byte, v any) error {
	if !json.Valid(text) { // also bounds the nesting
		return errors.New("it is not valid JSON")
	}
	if err := uniqueKeys(text); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
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
