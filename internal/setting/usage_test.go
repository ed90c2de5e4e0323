package setting

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUsage(t *testing.T) {
	a := sound()
	a.Out, a.On = "", false
	const want = `    -n N             how many (default 3)
    -lr X            how fast (default 0.5)
    -beta X          how much (default 4)
    -seed N          which (default 7)
    -hidden N,N,…    how wide (default 20,10)
    -out DIR         where
    -paint NAME      what: blue, green, red (default blue)
    -v               whether
`
	if got := Usage(fields, &a); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	a.On, a.Count = true, 0
	for _, want := range []string{"how many (default 0)\n", "whether (default true)\n"} {
		if got := Usage(fields, &a); !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
}

// TestEntryBreaksLines checks that a line has at most 94 characters, and as many words as that allows.
func TestEntryBreaksLines(t *testing.T) {
	indent := strings.Repeat(" ", 21)
	full := strings.Repeat("é", 94-21) // characters, not bytes
	for _, test := range []struct{ name, arg, text, want string }{
		{"n", "N", "a b", "    -n N             a b\n"},
		{"n", "N", full, "    -n N             " + full + "\n"},
		{"n", "N", full + " b", "    -n N             " + full + "\n" + indent + "b\n"},
		{"n", "N", full[2:] + " b c", "    -n N             " + full[2:] + "\n" + indent + "b c\n"},
		{"n", "N", full[4:] + " b c", "    -n N             " + full[4:] + " b\n" + indent + "c\n"},
		{"n", "N", full + " " + full + " " + full, "    -n N             " + full + "\n" + indent + full + "\n" + indent + full + "\n"},
		{"n", "N", "  a \n\t b ", "    -n N             a b\n"},
		// 14 characters of name and value stand beside the text, 15 above it.
		{"checkpoint", "N,N", "a", "    -checkpoint N,N  a\n"},
		{"checkpoint", "FILE", "a b", "    -checkpoint FILE\n" + indent + "a b\n"},
		{"activation", "…", "a", "    -activation …    a\n"},
		{"likelihoods", "…", "a", "    -likelihoods …   a\n"},
		{"a-long-name-and", "", "a", "    -a-long-name-and\n" + indent + "a\n"},
		{"a-long-name-", "", "a", "    -a-long-name-    a\n"},
		{"a-long-name-an", "", "a", "    -a-long-name-an  a\n"},
	} {
		got := Entry(test.name, test.arg, test.text)
		if got != test.want {
			t.Errorf("-%s %s %q: got\n%s\nwant\n%s", test.name, test.arg, test.text, got, test.want)
		}
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 94 {
				t.Errorf("-%s: a line has %d characters", test.name, n)
			}
		}
	}
}
