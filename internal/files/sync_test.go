package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// syncs makes every sync of a file return one error, and every sync of a folder another, until the test ends.
func syncs(t *testing.T, file, folder error) {
	t.Helper()
	t.Cleanup(func() { Sync = (*os.File).Sync })
	Sync = func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		err = file
		if info.IsDir() {
			err = folder
		}
		if err == nil {
			return nil
		}
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
}

// folderCannotBeOpened makes every folder one that can be written to and not read, until the test ends.
func folderCannotBeOpened(t *testing.T, err error) {
	t.Helper()
	t.Cleanup(func() { openFolder = os.Open })
	openFolder = func(path string) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
}

// TestWriteWhereNothingCanBeSynced checks that a file is written all the same, and that Durable tells of it.
func TestWriteWhereNothingCanBeSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	check := func(what string) {
		t.Helper()
		if err := Write(path, writeString(what)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		wantOnly(t, path, what)
		err := Durable(filepath.Dir(path))
		if err == nil || !strings.Contains(err.Error(), "files in "+filepath.Dir(path)+" may not outlive") || strings.Contains(err.Error(), temporaryInfix) {
			t.Errorf("%s: Durable returns %v, want one that names the folder alone", what, err)
		}
		wantOnly(t, path, what)
	}
	for _, refusal := range []syscall.Errno{syscall.EBADF, syscall.EPERM, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.ENOTSUP, syscall.ENOSYS} {
		syncs(t, refusal, nil)
		check("no sync of a file: " + refusal.Error())
		if SyncFolder(filepath.Dir(path)) != nil {
			t.Errorf("%v: the folder cannot be synced", refusal)
		}
		syncs(t, nil, refusal)
		check("no sync of a folder: " + refusal.Error())
		syncs(t, refusal, refusal)
		check("no sync of either: " + refusal.Error())
	}
	syncs(t, nil, nil)
	for _, refusal := range []syscall.Errno{syscall.EACCES, syscall.EPERM} {
		folderCannotBeOpened(t, refusal)
		check("a folder that cannot be read: " + refusal.Error())
	}
}

// TestWriteWhereTheDiskFails checks that what the disk says while it syncs is an error, and none of Durable's.
func TestWriteWhereTheDiskFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, writeString("old")); err != nil {
		t.Fatal(err)
	}
	for _, failure := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT} {
		syncs(t, failure, nil)
		err := Write(path, writeString("new"))
		if !errors.Is(err, failure) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), temporaryInfix) {
			t.Errorf("error is %v, want one of %s alone that is %v", err, path, failure)
		}
		wantOnly(t, path, "old")

		syncs(t, nil, failure)
		if err := Write(path, writeString("old")); !errors.Is(err, failure) {
			t.Errorf("of the folder: error is %v, want %v", err, failure)
		}
		if err := Durable(filepath.Dir(path)); err != nil {
			t.Errorf("Durable returns %v", err)
		}
	}
	syncs(t, nil, nil)
	folderCannotBeOpened(t, syscall.EMFILE)
	if err := Write(path, writeString("old")); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("error is %v, want %v", err, syscall.EMFILE)
	}
}

func TestDurableAndWritable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, writeString("x")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Durable(filepath.Dir(path)), Writable(filepath.Dir(path))); err != nil {
		t.Error(err)
	}
	wantOnly(t, path, "x")
	none := filepath.Join(filepath.Dir(path), "none")
	if err := Writable(none); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), none) || strings.Contains(err.Error(), temporaryInfix) {
		t.Errorf("Writable returns %v, want one that names the folder alone", err)
	}
	if err := Durable(none); err != nil {
		t.Errorf("Durable returns %v", err)
	}
}

// TestWriteKeepsOthersErrors checks that an error of what writes, which may name another file, is not cut.
func TestWriteKeepsOthersErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	err := Write(path, func(io.Writer) error { _, err := os.ReadFile(path + "-other"); return err })
	if err == nil || !strings.Contains(err.Error(), path+"-other") {
		t.Errorf("error is %v, want one that names %s-other", err, path)
	}
}
