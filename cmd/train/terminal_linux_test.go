package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"govae/internal/terminaltest"
)

// TestOnATerminal runs the real program on pseudo-terminals and looks at a screen of the same width: rows and lines stand there, and nothing
// is left of the bar that was shown below them. On a dumb terminal there was none.
func TestOnATerminal(t *testing.T) {
	program, data := build(t), writeDataSet(t)
	bar := regexp.MustCompile(`\d%`)
	for _, test := range []struct {
		width int
		kind  string
	}{{80, "xterm"}, {40, "xterm"}, {10, "xterm"}, {0, "xterm"}, {80, "dumb"}, {80, ""}} {
		inside, outside := terminaltest.NewPTY(t)
		terminaltest.SetWidth(t, inside, test.width)
		command := exec.Command(program, "-data", data, "-out", filepath.Join(t.TempDir(), "run"), "-hidden", "4", "-latent", "2", "-batch", "10", "-epochs", "3")
		command.Stdout, command.Stderr = inside, inside
		command.Env = append(os.Environ(), "TERM="+test.kind)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		inside.Close()
		raw, _ := io.ReadAll(outside) // ends with an error where the other end is closed
		if err := command.Wait(); err != nil {
			t.Errorf("%+v: %v", test, err)
		}
		if shown := bar.Match(raw); shown != (test.kind == "xterm") {
			t.Errorf("%+v: a bar was shown: %t:\n%q", test, shown, raw)
		}
		if test.kind != "xterm" && strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), "\r") {
			t.Errorf("%+v: there are carriage returns in %q", test, raw)
		}
		width := test.width
		if width == 0 {
			width = 80
		}
		screen := terminaltest.NewScreen(width)
		screen.Write(raw)
		if shown := screen.String(); bar.MatchString(shown) || strings.Count(strings.ReplaceAll(shown, "\n", ""), "/3 ") != 3 {
			t.Errorf("%+v: the screen shows\n%s", test, shown)
		}
	}
}
