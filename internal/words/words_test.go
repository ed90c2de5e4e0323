package words

import "testing"

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

func TestCounted(t *testing.T) {
	for n, want := range map[int]string{0: "0 images", 1: "1 image", 2: "2 images", 60000: "60,000 images"} {
		if got := Counted(n, "image"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
