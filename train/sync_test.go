package train

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"govae/internal/files"
)

// TestFileSystemThatCannotSync checks that a run goes on where nothing can be synced, and says so once.
func TestFileSystemThatCannotSync(t *testing.T) {
	t.Cleanup(func() { files.Sync = (*os.File).Sync })
	files.Sync = func(f *os.File) error { return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.EINVAL} }
	o := testOptions(t)
	mustRun(t, o)
	if n := strings.Count(printed(o), "note     files in "+o.Out+" may not outlive a power failure: "); n != 1 {
		t.Errorf("it is noted %d times, want once:\n%s", n, printed(o))
	}
	o.Resume, o.Epochs = true, 3
	mustRun(t, o)
	if c := load(t, o, "checkpoint.safetensors"); c.Run.Epoch != 3 {
		t.Errorf("resumed to epoch %d, want 3", c.Run.Epoch)
	}
}

// TestFoldersOfPictures checks that they have the mode of any new folder.
func TestFoldersOfPictures(t *testing.T) {
	o := testOptions(t)
	mustRun(t, o)
	ordinary := filepath.Join(t.TempDir(), "ordinary")
	if err := os.Mkdir(ordinary, 0o777); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"samples", "reconstructions"} {
		if got, err := os.Stat(filepath.Join(o.Out, name)); err != nil || got.Mode() != want.Mode() {
			t.Errorf("%s: %v, %v, want mode %v", name, got, err, want.Mode())
		}
	}
}
