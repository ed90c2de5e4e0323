// Package files opens files that are files, and writes them whole or not at all.
package files

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const bufferSize = 64 << 10

// Write replaces the file at path by what write writes: into a hidden temporary file beside it, which is synced and
// renamed, and the folder is synced. The folder must exist. A symbolic link at path is replaced, not followed.
//
// On an error, or if write panics, path is as it was and no temporary file stays. One error comes later than that: where the
// folder's disk fails as it is synced, path already holds the new file, which may not outlive a power failure. A file system
// that cannot sync at all is no error: Durable tells of it.
func Write(path string, write func(io.Writer) error) error {
	// A rename would put a file in the place of a device such as /dev/null.
	if err := CheckFile(path); err != nil {
		return err
	}
	if err := replace(path, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, write func(io.Writer) error) error {
	folder, name := filepath.Dir(path), filepath.Base(path)
	if _, err := os.Stat(folder); err != nil { // says so without the temporary name
		return err
	}
	file, err := createTemporary(folder, name)
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed { // after an error, and also when write panics
			file.Close()
			os.Remove(file.Name())
		}
	}()

	if err := fill(file, write); err != nil {
		return unnamed(err, file.Name())
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return unnamed(err, file.Name())
	}
	renamed = true
	return SyncFolder(folder)
}

// fill writes the whole content of file, makes sure that it is on the disk, and closes it.
func fill(file *os.File, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(file, bufferSize)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := Sync(file); err != nil && !cannotSync(err) {
		return err
	}
	return file.Close()
}

// A temporary file is named after the file that it becomes, so that people see what it is, but not with the whole of a long
// name: some file systems have names of 143 bytes at most, and no name of ours is nearly as long.
const (
	temporaryInfix  = ".tmp-"
	temporaryLength = 26 // of rand.Text
	longestShown    = 100
)

// createTemporary makes a new file in the folder for what is to become the file of that name.
func createTemporary(folder, name string) (*os.File, error) {
	// Not os.CreateTemp: its files are readable by their owner alone, whatever the umask says.
	path := filepath.Join(folder, temporaryPrefix(name)+rand.Text())
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("no file can be made in %s: %w", folder, unnamed(err, path))
	}
	return file, nil
}

func temporaryPrefix(name string) string {
	if n := longestShown; len(name) > n {
		for n > 0 && !utf8.RuneStart(name[n]) {
			n--
		}
		name = name[:n]
	}
	return "." + name + temporaryInfix
}

// unnamed returns what went wrong with the temporary file without its name, which means nothing to a user.
func unnamed(err error, temporary string) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) && e.Path == temporary {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) && e.Old == temporary {
		return e.Err
	}
	return err
}

// TemporaryOf returns, of the name of one of Write's temporary files, the name of the file that it was to become, or the
// beginning of a long one. Where nobody writes that file, a process that was killed has left it.
func TemporaryOf(name string) (of string, ok bool) {
	random := len(name) - temporaryLength
	if random < 0 || strings.Trim(name[random:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return "", false
	}
	of, ok = strings.CutSuffix(name[:random], temporaryInfix)
	if !ok || !strings.HasPrefix(of, ".") {
		return "", false
	}
	return of[1:], true
}
