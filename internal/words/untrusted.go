package words

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what is shown of a text, in bytes: none is longer than a few lines of a terminal.
const (
	maxShown = 512
	endShown = maxShown / 8 // of each end of a longer one: four times as much where all of it is escaped
)

// Printable returns text that comes from a file, such as a name, so that a terminal shows it and obeys nothing in it: as it is where all
// of it is plain, and else as Quoted has it.
func Printable(s string) string {
	if s != "" && len(s) <= maxShown && isPlain(s) {
		return s
	}
	return Quoted(s)
}

// Quoted returns text that comes from a file in quotes, as in Go. Of one that is too long it returns both ends and the length.
func Quoted(s string) string {
	if len(s) <= maxShown {
		if quoted := strconv.Quote(s); len(quoted) <= maxShown+len(`""`) {
			return quoted
		}
	}
	head, tail := endShown, len(s)-endShown
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return strconv.Quote(s[:head]+"…"+s[tail:]) + " (" + Counted(len(s), "byte") + ")"
}

// isPlain says whether a terminal shows each character of s.
func isPlain(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, isHidden) < 0 }

func isHidden(r rune) bool { return !unicode.IsPrint(r) }

// Plain returns err with what a terminal would obey in its message escaped, as in Go. It is for errors of the system, which hold paths
// as they are.
func Plain(err error) error {
	if err == nil || isPlain(err.Error()) {
		return err
	}
	return plainError{err}
}

type plainError struct{ error }

func (e plainError) Unwrap() error { return e.error }

func (e plainError) Error() string {
	var b strings.Builder
	for text := e.error.Error(); text != ""; {
		_, size := utf8.DecodeRuneInString(text)
		if character := text[:size]; isPlain(character) {
			b.WriteString(character)
		} else {
			b.WriteString(strings.Trim(strconv.Quote(character), `"`))
		}
		text = text[size:]
	}
	return b.String()
}
