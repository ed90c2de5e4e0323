package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// The system's calls, replaced in tests, of other packages too.
var (
	Sync       = (*os.File).Sync
	openFolder = os.Open
)

// Durable returns an error where the files that Write puts into the folder may not outlive a power failure, because the system
// cannot sync them. That is for a user to know, and no reason to go without them. It tries it with a file of its own; what else
// may be wrong with the folder is not its errand.
func Durable(folder string) error {
	file, err := createTemporary(folder, Probe)
	if err != nil {
		return nil
	}
	err = unnamed(Sync(file), file.Name())
	file.Close()
	os.Remove(file.Name())
	if err == nil {
		err = trySync(folder)
	}
	if err == nil || !cannotSync(err) {
		return nil
	}
	return fmt.Errorf("files in %s may not outlive a power failure: the system cannot sync them: %w", folder, err)
}

// Writable returns an error where no file can be made in the folder.
func Writable(folder string) error {
	file, err := createTemporary(folder, Probe)
	if err != nil {
		return err
	}
	file.Close()
	return os.Remove(file.Name())
}

// Probe is the name of what Durable and Writable try: a file that comes to nothing.
const Probe = "probe"

// SyncFolder makes what was made, renamed or removed in the folder outlive a power failure, where the system can.
func SyncFolder(folder string) error {
	if err := trySync(folder); err != nil && !cannotSync(err) {
		return err
	}
	return nil
}

func trySync(folder string) error {
	if runtime.GOOS == "windows" { // has nothing of the kind
		return nil
	}
	f, err := openFolder(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return Sync(f)
}

// cannotSync says whether a sync failed because there is none: many network, container and user-space file systems refuse it
// for folders or altogether, each with another error, and a folder that can be written need not be one that can be opened. An
// error of the disk, or that it is full, is none of these.
func cannotSync(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EINVAL)
}
