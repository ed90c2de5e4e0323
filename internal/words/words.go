// Package words writes numbers and names as people read them.
package words

import (
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
