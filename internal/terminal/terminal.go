// Package terminal is what programs show while they work: whether somebody looks at a terminal, a progress bar for it, and an output that
// may fail without ending the work.
package terminal

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// usualWidth is taken for the width of a terminal that does not tell it.
const usualWidth = 80

// Obeys says whether w is a terminal on which a line can be written over, by a carriage return. A file or a pipe is none, and TERM
// says it of a terminal that is: dumb, or nothing at all but on Windows, where it is not set.
func Obeys(w io.Writer) bool {
	file, ok := file(w)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return false
	}
	kind := os.Getenv("TERM")
	return kind != "dumb" && (kind != "" || runtime.GOOS == "windows")
}

// Width returns how many characters go on a line of the terminal w now: it may be resized at any time.
func Width(w io.Writer) int {
	if file, ok := file(w); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return usualWidth
}

// file returns the file that w writes to.
func file(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*Output); ok {
		w = o.w
	}
	file, ok := w.(*os.File)
	return file, ok
}
