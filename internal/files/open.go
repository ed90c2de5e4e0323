package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrNoFile says that there is something at a path, but no file: a folder, a pipe, a device.
var ErrNoFile = errors.New("want a file")

// Open opens the file at path for reading. It is os.Open that refuses what is no regular file, with ErrNoFile: to open a pipe waits
// for its other end, which may never come. A link to a file is one, and a link to nothing is fs.ErrNotExist. The error names the path.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		if target, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is a link to %s: %w", path, target, fs.ErrNotExist)
		}
		return nil, err
	}
	if what := kindOf(info.Mode()); what != "" {
		return nil, fmt.Errorf("%s is %s: %w", path, what, ErrNoFile)
	}
	return os.Open(path)
}

// kindOf names what is no regular file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
