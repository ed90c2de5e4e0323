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
	"maps"
	"slices"
	"strings"

	"govae/internal/words"
)

// Field describes one field of an S. The functions Int, Float and so on make it.
type Field[S any] struct {
	Name      string // in files and in errors: learning_rate
	Flag      string // on a command line: lr
	Arg       string // what stands for the value in the help: N
	Help      string // what the field is, without its default
	MayChange bool   // whether a run may go on with another value
	OfLoss    bool   // whether losses with another value mean another thing
	OfWeights bool   // whether weights mean nothing without it, though their shapes do not tell it

	at   func(*S) Value
	want func(*S) string // what is wanted instead, where the value will not do; nil: every value will do
}

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

// NotTaken is the error of a field that is given and makes no difference, since there is nothing that takes it.
type NotTaken struct {
	Name, Flag string
	Help       string // what the field is
	By         string // what does not take it
}

func (e *NotTaken) Error() string {
	return fmt.Sprintf("%s is given, but it is the %s, and %s has none", e.Name, e.Help, e.By)
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

// Merge returns stored with the given fields, which are named, as s has them. Names that the fields do not have are passed over.
func Merge[S any](fields []Field[S], given []string, s, stored S) (S, error) {
	merged := stored
	for _, f := range fields {
		if !slices.Contains(given, f.Name) {
			continue
		}
		if err := f.at(&merged).Set(f.at(&s).String()); err != nil {
			return stored, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return merged, nil
}

// Changes lists what changes in a run that was started with stored and goes on with s, and says whether its losses can be
// compared with those before. Where a field may not change, the error is a *Changed.
func Changes[S any](fields []Field[S], s, stored S) (changes []Change, sameLoss bool, err error) {
	sameLoss = true
	for _, f := range fields {
		is, was := f.at(&s), f.at(&stored)
		if is.String() == was.String() {
			continue
		}
		if !f.MayChange {
			return nil, false, &Changed{f.Name, f.Flag, shown(is), shown(was)}
		}
		changes = append(changes, Change{f.Name, was.String(), is.String()})
		sameLoss = sameLoss && !f.OfLoss
	}
	return changes, sameLoss, nil
}

// Texts returns, by their names, the fields of s that are not as defaults has them, as texts that SetTexts takes.
func Texts[S any](fields []Field[S], s, defaults S) map[string]string {
	var texts map[string]string
	for _, f := range fields {
		if text := f.at(&s).String(); text != f.at(&defaults).String() {
			if texts == nil {
				texts = make(map[string]string)
			}
			texts[f.Name] = text
		}
	}
	return texts
}

// SetTexts returns defaults with what Texts has returned. An error names the field whose text means nothing, or that there is none of
// a name.
func SetTexts[S any](fields []Field[S], texts map[string]string, defaults S) (S, error) {
	s := defaults
	if unknown := Unknown(fields, slices.Sorted(maps.Keys(texts))); len(unknown) > 0 {
		return defaults, fmt.Errorf("%s is no field", words.Quoted(unknown[0]))
	}
	for _, f := range fields {
		text, ok := texts[f.Name]
		if !ok {
			continue
		}
		if err := f.at(&s).Set(text); err != nil {
			return defaults, fmt.Errorf("%s is %s: %w", f.Name, words.Quoted(text), err)
		}
	}
	if err := Check(fields, &s); err != nil {
		return defaults, err
	}
	return s, nil
}

// Unknown returns those of the names that none of the fields has.
func Unknown[S any](fields []Field[S], names []string) (unknown []string) {
	for _, name := range names {
		if !slices.ContainsFunc(fields, func(f Field[S]) bool { return f.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// Choose returns the fields for which chosen is true.
func Choose[S any](fields []Field[S], chosen func(Field[S]) bool) []Field[S] {
	return slices.DeleteFunc(slices.Clone(fields), func(f Field[S]) bool { return !chosen(f) })
}

// Flags returns the flags of the fields, with their hyphens.
func Flags[S any](fields []Field[S]) (flags []string) {
	for _, f := range fields {
		flags = append(flags, "-"+f.Flag)
	}
	return flags
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

// Flagged returns an error about a flag in the place of one about the field that the flag sets. Any other error it returns as
// it is.
func Flagged(err error) error {
	var invalid *Invalid
	if errors.As(err, &invalid) {
		return fmt.Errorf("-%s is %s, want %s", invalid.Flag, invalid.Value, invalid.Want)
	}
	var notTaken *NotTaken
	if errors.As(err, &notTaken) {
		return fmt.Errorf("-%s is given, but it is the %s, and %s has none: leave the flag out", notTaken.Flag, notTaken.Help, notTaken.By)
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
