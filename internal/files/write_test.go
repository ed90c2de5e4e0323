package files

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteCreatesAndReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	// Longer than the buffer, so that some of it is written before the end.
	for _, content := range []string{"first", strings.Repeat("second ", bufferSize), ""} {
		if err := Write(path, writeString(content)); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, path, content)
	}
}

func TestWriteHasTheModeOfAnyNewFile(t *testing.T) {
	folder := t.TempDir()
	ordinary, err := os.Create(filepath.Join(folder, "ordinary"))
	if err != nil {
		t.Fatal(err)
	}
	defer ordinary.Close()
	if err := Write(filepath.Join(folder, "atomic"), writeString("x")); err != nil {
		t.Fatal(err)
	}
	want, err := ordinary.Stat()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(filepath.Join(folder, "atomic"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("mode is %v, os.Create gives %v", got.Mode(), want.Mode())
	}
}

func TestWriteKeepsTheOldFileOnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("out of ideas")
	err := Write(path, func(w io.Writer) error {
		if _, err := w.Write(bytes.Repeat([]byte("new"), bufferSize)); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %q, want one that wraps %q and names %s", err, failure, path)
	}
	wantOnly(t, path, "old")
}

func TestWriteKeepsTheOldFileOnPanic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v, want the callback's panic", got)
			}
		}()
		Write(path, func(io.Writer) error { panic("boom") })
	}()
	wantOnly(t, path, "old")
}

func TestWriteRefuses(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "file"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"missing folder":       filepath.Join(folder, "missing", "file"),
		"a file as the folder": filepath.Join(folder, "file", "file"),
		"path is a folder":     filepath.Join(folder, "folder"),
	}
	// A link to the device, so that a failing test replaces no more than the link.
	device := filepath.Join(folder, "device")
	if err := os.Symlink(os.DevNull, device); err == nil { // not everybody may, on Windows
		paths["path is a device"] = device
	}
	before := tree(t, folder)

	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			called := false
			err := Write(path, func(io.Writer) error { called = true; return nil })
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want one that names %s", err, path)
			}
			if called {
				t.Error("the callback was called although its output had no place")
			}
		})
	}
	if after := tree(t, folder); after != before {
		t.Errorf("the folder holds %s, before it held %s", after, before)
	}
}

func TestWriteCleansUpWhenTheRenameFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	err := Write(path, func(io.Writer) error {
		return os.MkdirAll(filepath.Join(path, "in the way"), 0o755)
	})
	if err == nil {
		t.Error("no error, although a folder had appeared at the path")
	}
	if got, want := tree(t, folder), ". file file/in the way"; filepath.ToSlash(got) != want {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func writeString(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// wantOnly checks that the file at path has the content, and that its folder holds nothing else.
func wantOnly(t *testing.T, path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content {
		t.Errorf("the file holds %d bytes %.20q, want %d bytes %.20q", len(got), got, len(content), content)
	}
	if got, want := tree(t, filepath.Dir(path)), ". "+filepath.Base(path); got != want {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

// tree lists everything in folder.
func tree(t *testing.T, folder string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}
