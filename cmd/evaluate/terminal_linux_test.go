package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"govae/internal/terminaltest"
)

// TestOnATerminal runs the real program on a pseudo-terminal and looks at a screen of the same width: the report stands there, and nothing
// is left of the bar that was shown below it.
func TestOnATerminal(t *testing.T) {
	inWorkshop(t)
	bar := regexp.MustCompile(`evaluating on usual +100%`)
	for kind, shows := range map[string]bool{"xterm": true, "dumb": false} {
		inside, outside := terminaltest.NewPTY(t)
		terminaltest.SetWidth(t, inside, 120)
		command := program(t, "-checkpoint", "plain.safetensors", "-data", "usual", "-device", "cpu")
		command.Stdout, command.Stderr = inside, inside
		command.Env = append(command.Env, "TERM="+kind)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		inside.Close()
		raw, _ := io.ReadAll(outside) // ends with an error where the other end is closed
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if shown := bar.Match(raw); shown != shows {
			t.Errorf("%s: a bar was shown: %t:\n%q", kind, shown, raw)
		}
		screen := terminaltest.NewScreen(120)
		screen.Write(raw)
		want := succeed(t, "-checkpoint plain.safetensors -data usual -device cpu")
		if shown := screen.String(); shown != strings.ReplaceAll(want, " \n", "\n") {
			t.Errorf("%s: the screen shows\n%s, want\n%s", kind, shown, want)
		}
	}
}
