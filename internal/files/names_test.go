package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// TestWriteLongNames checks that a file may have any name that its file system has room for, and that the temporary name fits
// where names have 143 bytes at most, is cut between letters, and is known for what it is.
func TestWriteLongNames(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{
		"short", ".hidden", "ends in .tmp-",
		strings.Repeat("a", 99), strings.Repeat("b", 100), strings.Repeat("c", 101), strings.Repeat("d", 143), strings.Repeat("e", 223),
		strings.Repeat("f", 224), strings.Repeat("g", 251) + ".png", strings.Repeat("画", 80), "a" + strings.Repeat("画", 80), "aa" + strings.Repeat("画", 80),
		strings.Repeat("😀", 63), strings.Repeat("\xff", 200), strings.Repeat("\x80", 200),
	} {
		path := filepath.Join(folder, name)
		var seen string
		err := Write(path, func(w io.Writer) error {
			entries, err := os.ReadDir(folder)
			if err != nil || len(entries) != 1 {
				t.Fatalf("%q: %d files (%v), want the temporary one", name, len(entries), err)
			}
			seen = entries[0].Name()
			_, err = io.WriteString(w, name)
			return err
		})
		if err != nil {
			if errors.Is(err, syscall.EILSEQ) { // a file system of Unicode alone
				continue
			}
			t.Errorf("%q: %v", name, err)
			continue
		}
		of, ok := TemporaryOf(seen)
		if !ok || len(seen) > 143 || !strings.HasPrefix(name, of) || len(name) <= 96 && of != name || utf8.ValidString(name) && !utf8.ValidString(of) {
			t.Errorf("%q has the temporary name %q of %d bytes, which is taken for one of %q (%t)", name, seen, len(seen), of, ok)
		}
		wantOnly(t, path, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteNameThatIsTooLong checks that a name which no file can have is refused before anything is written.
func TestWriteNameThatIsTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 300))
	called := false
	err := Write(path, func(io.Writer) error { called = true; return nil })
	if err == nil || !strings.Contains(err.Error(), path) || called {
		t.Errorf("error is %v, and the callback was called: %t", err, called)
	}
	if got := tree(t, filepath.Dir(path)); got != "." {
		t.Errorf("the folder holds %s", got)
	}
}

func TestTemporaryOf(t *testing.T) {
	const random = "WN4GKPIOSMZY2RNE2I7OBSP5UX"
	for name, want := range map[string]string{
		".a.tmp-" + random:                  "a",
		".a.tmp-b.tmp-" + random:            "a.tmp-b",
		"..tmp-" + random:                   "",
		"a.tmp-" + random:                   "none",
		".a.tmp-" + random[1:]:              "none",
		".a.tmp-A" + random:                 "none",
		".a.tmp-" + random + ".bz":          "none",
		".a.tmp-" + strings.ToLower(random): "none",
		".a-" + random:                      "none",
		random:                              "none",
		"":                                  "none",
		".tmp-" + random:                    "none",
	} {
		of, ok := TemporaryOf(name)
		if !ok {
			of = "none"
		}
		if of != want {
			t.Errorf("%q is of %q, want %q", name, of, want)
		}
	}
}
