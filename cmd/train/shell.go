package main

import (
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"govae/train"
	"govae/train/device"
)

// goRun matches where go run keeps what it has built and runs: in the build cache, or before Go 1.24 and with GOTMPDIR in a folder for
// temporary files, whatever these are called. That file is not there for long, or not under a name to be typed.
var goRun = regexp.MustCompile(`/[0-9a-f]{2}/[0-9a-f]{64}-d/[^/]+$|/b[0-9]{3,}/exe/[^/]+$`)

// program returns how to start this program again that was started under a name, as words of a shell.
func program(name string) string {
	if !goRun.MatchString(strings.ReplaceAll(name, `\`, "/")) {
		return quoted(name)
	}
	if tags := buildTags(); tags != "" {
		return "go run -tags " + quoted(tags) + " ./cmd/train"
	}
	return "go run ./cmd/train"
}

// buildTags returns the -tags that this program was built with.
func buildTags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				return s.Value
			}
		}
	}
	return ""
}

// resumeCommand returns the command line that continues the run in the folder out.
func (c *command) resumeCommand(out string) string {
	line := c.program + " -resume -out " + quoted(out)
	if c.Epochs != train.DefaultOptions().Epochs {
		line += " -epochs " + strconv.Itoa(c.Epochs)
	}
	if c.Device.Name != device.Auto.Name {
		line += " -device " + quoted(string(c.Device.Name))
	}
	if c.Device.Precision != device.Auto.Precision {
		line += " -precision " + quoted(string(c.Device.Precision))
	}
	return line
}

// shell is how a shell takes words.
type shell struct {
	plain *regexp.Regexp // words that need no quotes
	quote func(string) string
}

var (
	posix = shell{regexp.MustCompile(`^[\w./:=,@%+-]+$`), func(s string) string {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}}
	// A name of a file has no double quotes in it on Windows. A backslash before the closing one would take it for a part of the word.
	windows = shell{regexp.MustCompile(`^[\w./\\:=@+-]+$`), func(s string) string {
		if strings.HasSuffix(s, `\`) {
			s += `\`
		}
		return `"` + s + `"`
	}}
)

func (sh shell) word(s string) string {
	if sh.plain.MatchString(s) {
		return s
	}
	return sh.quote(s)
}

// quoted returns s as one word of a command line.
func quoted(s string) string {
	if runtime.GOOS == "windows" {
		return windows.word(s)
	}
	return posix.word(s)
}
