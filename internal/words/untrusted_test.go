package words

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"encoder.0.weight": "encoder.0.weight",
		"größe 字":          "größe 字",
		"":                 `""`,
		"a\x1b[31mred":     `"a\x1b[31mred"`,
		"two\nlines":       `"two\nlines"`,
		"\x9b31m":          `"\x9b31m"`,       // the 8-bit form of an escape sequence's start
		"\u009b31m":        `"\u009b31m"`,     // and as UTF-8
		"gpj.\u202eexe":    `"gpj.\u202eexe"`, // turns the direction of what follows
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q is shown as %s, want %s", in, got, want)
		}
	}
}

// TestLongTextIsCut checks that both ends of a text stay, and how long it is, and that no character is cut through.
func TestLongTextIsCut(t *testing.T) {
	plain := strings.Repeat("a", 512)
	for in, want := range map[string]string{
		plain:                             plain,
		plain + "b":                       `"` + plain[:64] + "…" + plain[:63] + `b" (513 bytes)`,
		strings.Repeat("字", 400):          `"` + strings.Repeat("字", 21) + "…" + strings.Repeat("字", 21) + `" (1,200 bytes)`,
		strings.Repeat("\x00", 128):       `"` + strings.Repeat(`\x00`, 128) + `"`,
		strings.Repeat("\x00", 129):       `"` + strings.Repeat(`\x00`, 64) + "…" + strings.Repeat(`\x00`, 64) + `" (129 bytes)`,
		strings.Repeat("\x80", 1000):      `"…" (1,000 bytes)`,
		strings.Repeat("x", 999) + "\x1b": `"` + strings.Repeat("x", 64) + "…" + strings.Repeat("x", 63) + `\x1b" (1,000 bytes)`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%d bytes are shown as %s, want %s", len(in), got, want)
		}
	}
}

// TestWhateverTheTextATerminalShowsIt checks that nothing in what is shown is obeyed, that it is short, and that what stands in quotes and is
// whole says what the text was.
func TestWhateverTheTextATerminalShowsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text"),
			rapid.SampledFrom([]int{1, 1, 10, 1000}).Draw(t, "times"))
		for _, shown := range []string{Printable(text), Quoted(text), Plain(errors.New(text)).Error()} {
			if i := strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(shown) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
		quoted := Quoted(text)
		if len(Printable(text)) > 600 || len(quoted) > 600 {
			t.Errorf("%d bytes are shown as %s and %s", len(text), Printable(text), quoted)
		}
		if said, err := strconv.Unquote(quoted); err == nil && said != text {
			t.Errorf("%q is shown as %s", text, quoted)
		}
	})
}

func TestPlainError(t *testing.T) {
	if got := Plain(nil); got != nil {
		t.Errorf("no error becomes %v", got)
	}
	if got := Plain(io.EOF); got != io.EOF {
		t.Errorf("an error that is plain becomes %#v", got)
	}
	got := Plain(fmt.Errorf("open a\x1b[2J\xff\nb \"c\" größe: %w", io.EOF))
	if want := `open a\x1b[2J\xff\nb "c" größe: EOF`; got.Error() != want || !errors.Is(got, io.EOF) {
		t.Errorf("it says %q, want %q, and is io.EOF: %t", got, want, errors.Is(got, io.EOF))
	}
}
