// Package words writes numbers and names as people read them.
package words

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

var english = message.NewPrinter(language.English)

// Thousands returns a whole number with commas: 60,000.
func Thousands[N int | uint64](n N) string { return english.Sprint(n) }

// Rounded returns a number without its fraction, with commas: 66,229.
func Rounded(v float64) string { return english.Sprintf("%.0f", v) }

// Counted returns a number of things in words: 1 epoch, 2,000 steps.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return english.Sprintf("%d %ss", n, thing)
}

// Printable returns text that comes from a file, such as a name, so that a terminal shows it and obeys nothing in it: as it is where all
// of it is plain, and else quoted as in Go.
func Printable(s string) string {
	if s != "" && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	return strconv.Quote(s)
}
