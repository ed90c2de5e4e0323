package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// What is at a path that will not do.
var (
	ErrNoFile   = errors.New("want a file")   // a folder, a pipe, a device
	ErrNoFolder = errors.New("want a folder") // a file, a pipe, a device, a link to nothing
)

// Open opens the file at path for reading. It is os.Open that refuses what is no regular file, with ErrNoFile: to open a pipe
// waits for its other end, which may never come. A link to a file is one, and a link to nothing is fs.ErrNotExist. The error
// names the path.
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

// CheckFile returns ErrNoFile, with the path and what is there, where Write cannot put a file, because there is a folder, a
// pipe or a device. Nothing at all will do, and so will a link to nothing. Another error says why it cannot be told.
func CheckFile(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if what := kindOf(info.Mode()); what != "" {
		return fmt.Errorf("%s is %s: %w", path, what, ErrNoFile)
	}
	return nil
}

// CheckFolder returns ErrNoFolder, with the path and what is there, where neither a folder nor a link to one is, nor nothing at
// all. Another error says why it cannot be told.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		what := kindOf(info.Mode())
		if what == "" {
			what = "a file"
		}
		return fmt.Errorf("%s is %s: %w", path, what, ErrNoFolder)
	}
	if target, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a link to %s, which does not exist: %w", path, target, ErrNoFolder)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// MakeFolder makes the folder at path and those that it is in, as far as they do not exist, with the modes that umask and
// folders give. Where something else is in the way, the error is ErrNoFolder, and names that.
func MakeFolder(path string) error {
	err := os.MkdirAll(path, 0o777)
	if err == nil {
		return nil
	}
	for at := filepath.Clean(path); ; at = filepath.Dir(at) { // the error may name a folder that is not in the way itself
		if found := CheckFolder(at); errors.Is(found, ErrNoFolder) {
			return found
		}
		if at == filepath.Dir(at) {
			return err
		}
	}
}

// Cause returns what an error of the system says beside a path: for messages that name the path in their own way.
func Cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
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
