// Package setting describes the fields of a struct of settings once. Flags, checks, help, and the comparison with what a run was
// started with are loops over the description.
//
// A field has a name, which files and errors use, and a flag, which a command line uses. Errors name the field; Flagged makes
// of one what a command prints.
package setting

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Field describes one field of an S. The functions Int, Float and so on make it.
type Field[S any] struct {
	Name      string // in files and in errors: learning_rate
	Flag      string // on a command line: lr
	Arg       string // what stands for the value in the help: N
	Help      string // what the field is, without its default
	MayChange bool   // whether a run may go on with another value

	at   func(*S) Value
	want func(*S) string // what is wanted instead, where the value will not do; nil: every value will do
}

// Text returns the field's value in s as text.
func (f Field[S]) Text(s *S) string { return f.at(s).String() }

// Value is a place in a struct that is written and read as text.
type Value = flag.Value

// Invalid is the error of a field whose value will not do.
type Invalid struct{ Name, Flag, Value, Want string }

func (e *Invalid) Error() string { return fmt.Sprintf("%s is %s, want %s", e.Name, e.Value, e.Want) }

// Changed is the error of a field that a run may not go on with another value of.
type Changed struct{ Name, Flag, Value, Stored string }

func (e *Changed) Error() string {
	return fmt.Sprintf("%s is %s, but the run to resume was started with %s", e.Name, e.Value, e.Stored)
}

// Change is a field with which a run goes on otherwise than before.
type Change struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Check reports the first field whose value will not do, as an *Invalid.
func Check[S any](fields []Field[S], s *S) error {
	for _, f := range fields {
		if f.want == nil {
			continue
		}
		if want := f.want(s); want != "" {
			return &Invalid{f.Name, f.Flag, shown(f.at(s)), want}
		}
	}
	return nil
}

// Resume returns what a run goes on with that was started with stored: that, but for the given fields, which are named, as s has
// them. It lists the fields that so change; where one may not, the error is a *Changed. Names that the fields do not have are passed over.
func Resume[S any](fields []Field[S], given []string, s, stored S) (S, []Change, error) {
	resumed := stored
	var changes []Change
	for _, f := range fields {
		is, was := f.at(&s), f.at(&stored)
		if !slices.Contains(given, f.Name) || is.String() == was.String() {
			continue
		}
		if !f.MayChange {
			return stored, nil, &Changed{f.Name, f.Flag, shown(is), shown(was)}
		}
		if err := f.at(&resumed).Set(is.String()); err != nil {
			return stored, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		changes = append(changes, Change{f.Name, was.String(), is.String()})
	}
	return resumed, changes, nil
}

// AddFlags adds a flag for each field of s. What s holds is its default.
func AddFlags[S any](flags *flag.FlagSet, fields []Field[S], s *S) {
	for _, f := range fields {
		flags.Var(f.at(s), f.Flag, f.Help)
	}
}

// Given returns the names of the fields whose flags were on the command line that flags has parsed.
func Given[S any](flags *flag.FlagSet, fields []Field[S]) (names []string) {
	flags.Visit(func(set *flag.Flag) {
		for _, f := range fields {
			if f.Flag == set.Name {
				names = append(names, f.Name)
			}
		}
	})
	return names
}

// Flagged returns an error about a flag in the place of one about the field that the flag sets. Any other error it returns as it is.
func Flagged(err error) error {
	var invalid *Invalid
	if errors.As(err, &invalid) {
		return fmt.Errorf("-%s is %s, want %s", invalid.Flag, invalid.Value, invalid.Want)
	}
	var changed *Changed
	if errors.As(err, &changed) {
		return fmt.Errorf("-%s is %s, but the run to resume was started with %s: leave the flag out, or start another run", changed.Flag, changed.Value, changed.Stored)
	}
	return err
}

// The layout of the help.
const (
	helpIndent = 4
	helpColumn = 21 // where the text begins
	helpWidth  = 94 // of a line
)

// Usage returns the help on the fields, with what defaults holds as their defaults.
func Usage[S any](fields []Field[S], defaults *S) string {
	var b strings.Builder
	for _, f := range fields {
		text := f.Help
		if v := f.at(defaults).String(); v != "" && v != "false" {
			text += " (default " + v + ")"
		}
		b.WriteString(Entry(f.Flag, f.Arg, text))
	}
	return b.String()
}

// Entry returns the help on one flag: its name, what stands for its value, and the text, broken into lines.
func Entry(name, arg, text string) string {
	lines := []string{fmt.Sprintf("%*s-%s", helpIndent, "", name)}
	if arg != "" {
		lines[0] += " " + arg
	}
	if len([]rune(lines[0])) < helpColumn-1 {
		lines[0] += strings.Repeat(" ", helpColumn-1-len([]rune(lines[0])))
	} else {
		lines = append(lines, strings.Repeat(" ", helpColumn-1))
	}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		if len([]rune(*last))+1+len([]rune(word)) > helpWidth {
			lines = append(lines, strings.Repeat(" ", helpColumn-1))
			last = &lines[len(lines)-1]
		}
		*last += " " + word
	}
	return strings.Join(lines, "\n") + "\n"
}
