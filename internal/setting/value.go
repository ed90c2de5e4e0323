package setting

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"govae/internal/words"
)

// Int returns f for the whole number at a place in an S, from least to most.
func Int[S any](f Field[S], at func(*S) *int, least, most int) Field[S] {
	f.at = func(s *S) Value { return number[int]{at(s), strconv.Itoa, strconv.Atoi} }
	f.want = func(s *S) string { return within(*at(s), least, most) }
	return f
}

// Float returns f for a number from least to most. NaN and the infinities are none.
func Float[S any](f Field[S], at func(*S) *float64, least, most float64) Field[S] {
	f.at = func(s *S) Value {
		return number[float64]{at(s),
			func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) },
			func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }}
	}
	f.want = func(s *S) string {
		if want := within(*at(s), least, most); want == "" || most < math.MaxFloat32 {
			return want
		}
		return fmt.Sprintf("a number from %v on", least)
	}
	return f
}

// Uint returns f for any whole number of 64 bits.
func Uint[S any](f Field[S], at func(*S) *uint64) Field[S] {
	f.at = func(s *S) Value {
		return number[uint64]{at(s),
			func(v uint64) string { return strconv.FormatUint(v, 10) },
			func(text string) (uint64, error) { return strconv.ParseUint(text, 0, 64) }}
	}
	return f
}

// Ints returns f for a list of at most so many whole numbers from least to most, and at least one.
func Ints[S any](f Field[S], at func(*S) *[]int, length, least, most int) Field[S] {
	f.at = func(s *S) Value { return integers{at(s)} }
	f.want = func(s *S) string {
		list := *at(s)
		if n := len(list); n < 1 || n > length || slices.Min(list) < least || slices.Max(list) > most {
			return fmt.Sprintf("1 to %d numbers from %d to %d", length, least, most)
		}
		return ""
	}
	return f
}

// Text returns f for any text.
func Text[S any, T ~string](f Field[S], at func(*S) *T) Field[S] {
	f.at = func(s *S) Value { return text[T]{at(s)} }
	return f
}

// Path returns f for the path of a file or a folder. An empty one cannot be given: it comes of a shell's variable that is not set.
func Path[S any](f Field[S], at func(*S) *string) Field[S] {
	f.at = func(s *S) Value { return path{text[string]{at(s)}} }
	return f
}

// Parsed returns f for a value with functions to and from text, of which those that are known will do. An error says with want which
// these are.
func Parsed[S, T any](f Field[S], at func(*S) *T, text func(T) string, parse func(string) (T, error), known func(T) bool, want string) Field[S] {
	f.at = func(s *S) Value { return number[T]{at(s), text, parse} }
	f.want = func(s *S) string {
		if known(*at(s)) {
			return ""
		}
		return want
	}
	return f
}

// Name returns f for one of the names that known has. The help lists them.
func Name[S any, T ~string, E any](f Field[S], at func(*S) *T, known map[T]E) Field[S] {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		names = append(names, string(name))
	}
	return Word(f, at, func(word T) bool { return slices.Contains(names, string(word)) }, strings.Join(names, ", "))
}

// Word returns f for the words that are known. The help, and an error, say with want which these are.
func Word[S any, T ~string](f Field[S], at func(*S) *T, known func(T) bool, want string) Field[S] {
	f = Text(f, at)
	f.Help += ": " + want
	f.want = func(s *S) string {
		if known(*at(s)) {
			return ""
		}
		return want
	}
	return f
}

// Switch returns f for what is on or off.
func Switch[S any](f Field[S], at func(*S) *bool) Field[S] {
	f.at = func(s *S) Value { return onOff{number[bool]{at(s), strconv.FormatBool, strconv.ParseBool}} }
	return f
}

// within says what is wanted of a value that is not from least to most.
func within[T cmp.Ordered](v, least, most T) string {
	if v >= least && v <= most { // NaN is not
		return ""
	}
	return fmt.Sprintf("%v to %v", least, most)
}

// number is a Value of a type with functions to and from text.
type number[T any] struct {
	p     *T
	text  func(T) string
	parse func(string) (T, error)
}

func (v number[T]) String() string {
	if v.p == nil { // package flag asks the zero Value
		return ""
	}
	return v.text(*v.p)
}

func (v number[T]) Set(text string) error {
	value, err := v.parse(text)
	if numeric := (*strconv.NumError)(nil); errors.As(err, &numeric) {
		return numeric.Err // without the name of a Go function
	}
	if err == nil {
		*v.p = value
	}
	return err
}

// onOff is a Value whose flag may stand alone.
type onOff struct{ number[bool] }

func (onOff) IsBoolFlag() bool { return true }

// integers is a Value of whole numbers with commas between them.
type integers struct{ p *[]int }

func (v integers) String() string {
	if v.p == nil {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(*v.p), " ", ","), "[]")
}

func (v integers) Set(text string) error {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return errors.New("want whole numbers with commas between them, as in 400,200")
		}
		list = append(list, n)
	}
	*v.p = list
	return nil
}

// text is a Value that is text itself.
type text[T ~string] struct{ p *T }

func (v text[T]) String() string {
	if v.p == nil {
		return ""
	}
	return string(*v.p)
}

func (v text[T]) Set(s string) error { *v.p = T(s); return nil }

func (v text[T]) quoted() string { return words.Quoted(v.String()) }

// path is a Value that is a path.
type path struct{ text[string] }

// ErrEmptyPath says that a path is given and empty.
var ErrEmptyPath = errors.New("it is empty: name a path, or leave the flag out")

func (v path) Set(s string) error {
	if s == "" {
		return ErrEmptyPath
	}
	return v.text.Set(s)
}

// shown returns a value as errors show it: text in quotes, an empty list or size as none.
func shown(v Value) string {
	if t, ok := v.(interface{ quoted() string }); ok {
		return t.quoted()
	}
	return words.Printable(cmp.Or(v.String(), "none"))
}
