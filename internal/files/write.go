// Package files opens files that are files, and writes them whole or not at all.
package files

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

const bufferSize = 64 << 10

// Write replaces the file at path by what write writes: into a hidden temporary file beside it, which is synced and
// renamed, and the folder is synced. The folder must exist. A symbolic link at path is replaced, not followed.
//
// On an error, or if write panics, path is as it was and no temporary file stays. One error comes later than that:
// where the folder cannot be synced, path already holds the new file, which may not outlive a power failure.
func Write(path string, write func(io.Writer) error) error {
	if err := replace(path, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, write func(io.Writer) error) error {
	// A rename would put a file in the place of a device such as /dev/null.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errors.New("it exists and is not a regular file")
	}
	folder, name := filepath.Dir(path), filepath.Base(path)
	if _, err := os.Stat(folder); err != nil { // says so without the temporary name
		return err
	}
	temporary := filepath.Join(folder, "."+name+".tmp-"+rand.Text())

	// Not os.CreateTemp: its files are readable by their owner alone, whatever the umask says.
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed { // after an error, and also when write panics
			file.Close()
			os.Remove(temporary)
		}
	}()

	if err := fill(file, write); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	renamed = true
	return syncFolder(folder)
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
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// syncFolder makes a rename in the folder outlive a power failure.
// Windows and some network file systems cannot sync a folder; there, the system decides when it is written.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
