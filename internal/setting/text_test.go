package setting

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// place has a field of each kind that the others are none of.
type place struct {
	Path  string
	Shift int
}

var errShift = errors.New("want a letter")

// shifts are written as letters: a is 0.
var placeFields = []Field[place]{
	Path(Field[place]{Name: "path", Flag: "p", Arg: "PATH", Help: "where"}, func(p *place) *string { return &p.Path }),
	Parsed(Field[place]{Name: "shift", Flag: "s", Arg: "LETTER", Help: "how far"}, func(p *place) *int { return &p.Shift },
		func(shift int) string { return string(rune('a' + shift)) },
		func(text string) (int, error) {
			if len(text) != 1 {
				return 0, errShift
			}
			return int(text[0]) - 'a', nil
		},
		func(shift int) bool { return shift >= 0 && shift < 26 }, "a to z"),
}

func TestPathAndParsed(t *testing.T) {
	p, err := SetTexts(placeFields, map[string]string{"path": " ", "shift": "c"}, place{})
	if want := (place{" ", 2}); err != nil || p != want {
		t.Errorf("got %+v (%v), want %+v", p, err, want)
	}
	if got, want := Texts(placeFields, place{"x", 25}, place{"x", 0}), map[string]string{"shift": "z"}; !maps.Equal(got, want) {
		t.Errorf("texts are %v, want %v", got, want)
	}
	if _, err := SetTexts(placeFields, map[string]string{"path": ""}, place{Path: "x"}); !errors.Is(err, ErrEmptyPath) {
		t.Errorf("an empty path: error is %v, want ErrEmptyPath", err)
	}
	if _, err := SetTexts(placeFields, map[string]string{"shift": "cc"}, place{}); !errors.Is(err, errShift) {
		t.Errorf("a text that does not parse: error is %v, want that of the parser", err)
	}
	var invalid *Invalid
	if _, err := SetTexts(placeFields, map[string]string{"shift": "~"}, place{}); !errors.As(err, &invalid) || *invalid != (Invalid{"shift", "s", "~", "a to z"}) {
		t.Errorf("a text whose value will not do: error is %v", err)
	}
	if err := Check(placeFields, &place{}); err != nil { // an empty path cannot be given, but it may be there
		t.Errorf("an empty path that nobody gave: %v", err)
	}
	if err := Check(placeFields, &place{Shift: 26}); err == nil || err.Error() != "shift is {, want a to z" {
		t.Errorf("a value that will not do: error is %v", err)
	}
}

// TestTextsGoBackAndForth checks that SetTexts undoes Texts, whatever the value and whatever the defaults, and that what is as the defaults
// have it is not among them.
func TestTextsGoBackAndForth(t *testing.T) {
	any := rapid.Custom(func(t *rapid.T) all {
		return all{
			Count: rapid.IntRange(-2, 9).Draw(t, "count"), Rate: rapid.Float64Range(1e-30, 2.5).Draw(t, "rate"), Beta: rapid.Float64Range(0, 1e38).Draw(t, "beta"),
			Seed: rapid.Uint64().Draw(t, "seed"), Widths: rapid.SliceOfN(rapid.IntRange(1, 100), 1, 3).Draw(t, "widths"),
			Out: rapid.String().Draw(t, "out"), Colour: rapid.SampledFrom([]colour{"red", "blue", "green"}).Draw(t, "colour"), On: rapid.Bool().Draw(t, "on"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		want, defaults := any.Draw(t, "value"), any.Draw(t, "defaults")
		texts := Texts(fields, want, defaults)
		got, err := SetTexts(fields, texts, defaults)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v gives %+v (%v), want %+v", texts, got, err, want)
		}
		if same := Texts(fields, want, want); same != nil {
			t.Errorf("a value that is its own default has the texts %v", same)
		}
		for name := range texts {
			without := maps.Clone(texts)
			delete(without, name)
			if got, err := SetTexts(fields, without, defaults); err != nil || reflect.DeepEqual(got, want) {
				t.Errorf("without %s: got %+v (%v), want another value", name, got, err)
			}
		}
	})
}

// TestHostileTexts gives SetTexts what no Texts has returned: the error is short and fit for a terminal, names the field, and none is set.
func TestHostileTexts(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	for _, test := range []struct{ name, text, want string }{
		{"\x1b[2J", "", `"\x1b[2J" is no field`},
		{long, "", ` is no field`},
		{"", "", `"" is no field`},
		{"Count", "3", `"Count" is no field`},
		{"count", "\x1b[2J", `count is "\x1b[2J": invalid syntax`},
		{"count", long, "count is "},
		{"count", "10", "count is 10, want -2 to 9"},
		{"rate", "NaN", "rate is NaN, want 1e-30 to 2.5"},
		{"beta", "1e999", `beta is "1e999": value out of range`},
		{"widths", strings.Repeat("1,", 1<<19) + "1", " bytes), want 1 to 3 numbers"},
		{"widths", "1\x1b", `widths is "1\x1b": want whole numbers`},
		{"colour", "\u202eder", `colour is "\u202eder", want blue`},
		{"colour", long, "(1,048,576 bytes), want blue"},
		{"on", "\x00", `on is "\x00": invalid syntax`},
	} {
		got, err := SetTexts(fields, map[string]string{test.name: test.text}, sound())
		if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1000 || strings.IndexFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%.20q: error is %.1000q, want one that says %s", test.name, fmt.Sprint(err), strconv.Quote(test.want))
		}
		if strings.Contains(fmt.Sprint(err), "strconv") {
			t.Errorf("%s: error %q names a Go function", test.name, err)
		}
		if !reflect.DeepEqual(got, sound()) {
			t.Errorf("%.20q: with the error comes %+v, want the defaults", test.name, got)
		}
	}
}
