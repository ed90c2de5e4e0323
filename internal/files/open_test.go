package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place is what may be at a path, and what is said of it: "" where it will do, and fs.ErrNotExist's words where nothing is there.
type place struct {
	name                   string
	asFile, asFolder, open string
}

// places makes what may be at a path in a folder.
func places(t *testing.T, folder string) []place {
	t.Helper()
	at := func(name string) string { return filepath.Join(folder, name) }
	err := errors.Join(os.WriteFile(at("file"), []byte("x"), 0o666), os.Mkdir(at("folder"), 0o777))
	if err != nil {
		t.Fatal(err)
	}
	all := []place{
		{"nothing", "", "", fs.ErrNotExist.Error()},
		{"file", "", "is a file: want a folder", ""},
		{"folder", "is a folder: want a file", "", "is a folder: want a file"},
	}
	for name, target := range map[string]string{"link to a file": "file", "link to a folder": "folder", "link to nothing": "nowhere"} {
		if err := os.Symlink(target, at(name)); err != nil { // not everybody may, on Windows
			return all
		}
	}
	return append(all,
		place{"link to a file", "", "is a file: want a folder", ""},
		place{"link to a folder", "is a folder: want a file", "", "is a folder: want a file"},
		place{"link to nothing", "", "is a link to nowhere, which does not exist: want a folder", "is a link to nowhere: file does not exist"})
}

func checkPlace(t *testing.T, path string, p place) {
	t.Helper()
	said := func(what string, err error, want string) {
		t.Helper()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s of what is %s: %v, want %q", what, p.name, err, want)
		}
	}
	said("CheckFile", CheckFile(path), p.asFile)
	said("CheckFolder", CheckFolder(path), p.asFolder)
	file, err := Open(path)
	if err == nil {
		file.Close()
	}
	if p.open == fs.ErrNotExist.Error() && errors.Is(err, fs.ErrNotExist) {
		return
	}
	said("Open", err, p.open)
}

func TestWhatIsAtAPath(t *testing.T) {
	folder := t.TempDir()
	for _, p := range places(t, folder) {
		checkPlace(t, filepath.Join(folder, p.name), p)
	}
}

func TestMakeFolder(t *testing.T) {
	folder := t.TempDir()
	for _, p := range places(t, folder) {
		for _, below := range []string{"", "new", filepath.Join("new", "newer")} {
			path := filepath.Join(folder, p.name, below)
			err := MakeFolder(path)
			if p.asFolder == "" {
				if info, statErr := os.Stat(path); err != nil || statErr != nil || !info.IsDir() {
					t.Errorf("in what is %s: %v, and there is %v (%v)", p.name, err, info, statErr)
				}
				continue
			}
			if want := filepath.Join(folder, p.name) + " " + p.asFolder; !errors.Is(err, ErrNoFolder) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("in what is %s: %v, want %q", p.name, err, want)
			}
		}
	}
	if err := MakeFolder(""); err == nil {
		t.Error("a folder without a name was made")
	}
}
