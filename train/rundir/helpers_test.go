package rundir

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is what a folder holds: the content of each file, by its path with slashes. A link's content is where it leads. The name
// of an empty folder ends in a slash; one of pictures does not count.
type tree map[string]string

// put makes what a tree says in a folder.
func put(t *testing.T, folder string, files tree) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(path, 0o777))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o666))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what is in a folder, but for the lock. Links to folders are followed.
func read(t *testing.T, folder string) tree {
	t.Helper()
	files := make(tree)
	var walk func(at string)
	walk = func(at string) {
		entries, err := os.ReadDir(filepath.Join(folder, at))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 && at != "" && !slices.Contains(pictureFolders, at) {
			files[filepath.ToSlash(at)+"/"] = ""
		}
		for _, e := range entries {
			name := filepath.Join(at, e.Name())
			info, err := os.Stat(filepath.Join(folder, name))
			switch {
			case name == lockFile:
			case err != nil: // a link to nothing
				files[filepath.ToSlash(name)], _ = os.Readlink(filepath.Join(folder, name))
			case info.IsDir():
				walk(name)
			default:
				content, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					t.Fatal(err)
				}
				files[filepath.ToSlash(name)] = string(content)
			}
		}
	}
	walk("")
	return files
}

// same fails the test where a folder holds something else.
func same(t *testing.T, what, folder string, want tree) {
	t.Helper()
	if got := read(t, folder); !maps.Equal(got, want) {
		t.Errorf("%s: there is %v, want %v", what, got, want)
	}
}

// run returns the files of a run of so many epochs, which tell whose they are.
func run(whose string, epochs int) tree {
	files := tree{Checkpoint: whose, Metrics: whose, Curves: whose, Best: whose}
	for epoch := range epochs {
		files[fmt.Sprintf("%s/epoch-%04d.png", Samples, epoch+1)] = whose
		files[fmt.Sprintf("%s/epoch-%04d.png", Reconstructions, epoch+1)] = whose
	}
	return files
}

// without returns a tree that lacks some files.
func (files tree) without(names ...string) tree {
	rest := maps.Clone(files)
	maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
	return rest
}

// with returns a tree that has those of another as well.
func (files tree) with(others tree) tree {
	all := maps.Clone(files)
	maps.Copy(all, others)
	return all
}

// save writes the files of a run to where they are to be written now, and puts them in place.
func save(t *testing.T, d *Dir, files tree) error {
	t.Helper()
	put(t, d.Path(""), files)
	return d.Commit()
}

// mustNew is New for a test that is not about its errors. The folder is let go of when the test ends, if not before.
func mustNew(t *testing.T, name string, force bool) *Dir {
	t.Helper()
	d, err := New(name, force)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}
