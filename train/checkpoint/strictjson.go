package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"govae/internal/words"
)

// unmarshalUnique is json.Unmarshal that refuses a key that is there twice.
func unmarshalUnique(text []byte, v any) error {
	if err := uniqueKeys(text); err != nil {
		return err
	}
	return inWords(json.Unmarshal(text, v))
}

// inWords returns an error of package json in words that name the field, what is there and what is wanted, and no type of this program.
func inWords(err error) error {
	wrong := (*json.UnmarshalTypeError)(nil)
	if !errors.As(err, &wrong) {
		return err
	}
	is := "a " + wrong.Value
	switch number, isNumber := strings.CutPrefix(wrong.Value, "number "); {
	case isNumber:
		is = words.Printable(number)
	case wrong.Value == "array", wrong.Value == "object":
		is = "an " + wrong.Value
	case wrong.Value == "bool":
		is = "true or false"
	}
	// A struct that is embedded is named on the way to the field, and JSON knows nothing of it.
	path := slices.DeleteFunc(strings.Split(wrong.Field, "."), func(name string) bool { return strings.ToLower(name) != name })
	return fmt.Errorf("%s is %s, want %s", words.Printable(cmp.Or(strings.Join(path, "."), "it")), is, wanted(wrong.Type))
}

// wanted names the values of JSON that a type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number of 64 bits"
	case reflect.Uint64:
		return "a whole number of 64 bits from 0 on"
	case reflect.Float64:
		return "a number of 64 bits"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// unmarshalStrict is unmarshalUnique that refuses what else json.Unmarshal lets pass: a key that v does not know, or knows in
// another case, a key of v that is missing, and null where v has a value.
func unmarshalStrict(text []byte, v any) error {
	if err := unmarshalUnique(text, v); err != nil {
		return err
	}
	understood, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var got, want any
	if err := errors.Join(decode(text, &got), decode(understood, &want)); err != nil {
		return err
	}
	return sameKeys(got, want)
}

// decode is json.Unmarshal that leaves numbers as they are written, however large, where v does not say what they are.
func decode(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return inWords(decoder.Decode(v))
}

// object is a JSON object whose numbers are as they are written.
type object map[string]any

// parseObject returns the JSON object that text is. It refuses a key that is there twice.
func parseObject(text []byte) (object, error) {
	if err := uniqueKeys(text); err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := decode(text, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, errors.New("it is null")
	}
	return fields, nil
}

// add adds a field that must not be there.
func (o object) add(key string, value any) error {
	if _, ok := o[key]; ok {
		return fmt.Errorf("unknown field %s", words.Quoted(key))
	}
	o[key] = value
	return nil
}

// move moves a field to another object.
func (o object) move(key string, to object) error {
	value, err := o.get(key)
	if err != nil {
		return err
	}
	delete(o, key)
	return to.add(key, value)
}

// get returns the value of a field, which must be there.
func (o object) get(key string) (any, error) {
	value, ok := o[key]
	if !ok {
		return nil, fmt.Errorf("the field %q is missing", key)
	}
	return value, nil
}

// number returns the value of a field that must be a number.
func (o object) number(key string) (float64, error) {
	value, err := o.get(key)
	if err != nil {
		return 0, err
	}
	number, ok := value.(json.Number)
	if !ok {
		return 0, fmt.Errorf("the field %q is no number", key)
	}
	n, err := number.Float64()
	if err != nil {
		return 0, fmt.Errorf("the field %q is %s, which is too large", key, words.Printable(number.String()))
	}
	return n, nil
}

// object returns the value of a field that must be an object.
func (o object) object(key string) (object, error) {
	value, err := o.get(key)
	if err != nil {
		return nil, err
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the field %q is no object", key)
	}
	return fields, nil
}

// sameKeys reports a key that one of two JSON values has and the other has not, and a null that was taken for another value.
func sameKeys(got, want any) error {
	if got == nil && want != nil {
		return errors.New("it is null")
	}
	if need, ok := want.([]any); ok {
		have, _ := got.([]any)
		if len(have) != len(need) {
			return fmt.Errorf("it has %d values, want %d", len(have), len(need))
		}
		for i := range have {
			if err := sameKeys(have[i], need[i]); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	}
	have, _ := got.(map[string]any)
	need, _ := want.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, ok := need[key]; !ok {
			return fmt.Errorf("unknown field %s", words.Quoted(key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(need)) {
		value, ok := have[key]
		if !ok {
			return fmt.Errorf("the field %s is missing", words.Quoted(key))
		}
		if err := sameKeys(value, need[key]); err != nil {
			return fmt.Errorf("%s: %w", words.Printable(key), err)
		}
	}
	return nil
}

// uniqueKeys reports text that is not valid JSON, and a key that one object in it has twice.
func uniqueKeys(text []byte) error {
	if !json.Valid(text) { // also bounds the nesting
		return errors.New("it is not valid JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a number too large is found where its field is known
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
				return fmt.Errorf("the key %s is there twice", words.Quoted(key))
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
