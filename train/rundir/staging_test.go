package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"govae/internal/files"
)

// calls makes the system's calls that change something go through fails, which is told what is asked and the number of the
// call, counted from 1, and may return an error in its place. It lasts until the test ends, or until the function is called
// that it returns. Nothing is synced up to the end of the test, which would take most of its time.
func calls(t *testing.T, fails func(n int, what string) error) (restore func()) {
	t.Helper()
	restore = func() {
		rename, remove, mkdir = os.Rename, os.Remove, os.Mkdir
		syncFolder = func(string) error { return nil }
	}
	t.Cleanup(func() { restore(); syncFolder = files.SyncFolder })
	n := 0
	next := func(what string) error { n++; return fails(n, what) }
	rename = func(from, to string) error {
		if err := next("rename " + from); err != nil {
			return err
		}
		return os.Rename(from, to)
	}
	remove = func(path string) error {
		if err := next("remove " + path); err != nil {
			return err
		}
		return os.Remove(path)
	}
	mkdir = func(path string, mode fs.FileMode) error {
		if err := next("mkdir " + path); err != nil {
			return err
		}
		return os.Mkdir(path, mode)
	}
	syncFolder = func(path string) error { return next("sync " + path) }
	return restore
}

// errKilled is what the calls of a process return, in place of doing anything, from the moment on at which it is killed.
var errKilled = errors.New("killed")

// replacements are runs that are there, and runs that take their places. A foreign file stays in any case.
var replacements = map[string]struct{ old, new tree }{
	"a run of more epochs":          {run("old", 2), run("new", 1)},
	"by one that was interrupted":   {run("old", 2), tree{Checkpoint: "new"}},
	"one that was interrupted":      {tree{Checkpoint: "old"}, run("new", 1)},
	"a run without a checkpoint":    {run("old", 2).without(Checkpoint), run("new", 1)},
	"a run that left a picture":     {tree{Samples + "/epoch-0001.png": "old"}, run("new", 1)},
	"a run without reconstructions": {run("old", 1), run("new", 1).without(Reconstructions + "/epoch-0001.png")},
	"nothing":                       {tree{}, run("new", 1)},
}

var foreign = tree{"notes.txt": "foreign", Samples + "/best.png": "foreign", "." + Checkpoint: "foreign"}

// TestKilledAtAnyMoment kills a run after each of the calls with which its first files take the places of another's. Whatever
// comes then, the old run is there in full, or the new one: to be resumed, to be replaced, and for generate.
func TestKilledAtAnyMoment(t *testing.T) {
	for name, r := range replacements {
		t.Run(name, func(t *testing.T) {
			old, new := r.old.with(foreign), r.new.with(foreign)
			rolledBack, rolledForward := 0, 0
			for last := 0; ; last++ {
				folder := filepath.Join(t.TempDir(), "run")
				put(t, folder, old)
				d := mustNew(t, folder, true)
				same(t, "before the first save", folder, old.with(tree{stagingFolder + "/": ""}))
				restore := calls(t, func(n int, _ string) error {
					if n > last {
						return errKilled
					}
					return nil
				})
				err := save(t, d, r.new)
				restore()
				if err == nil {
					same(t, "after Commit", folder, new)
					break
				}
				if !errors.Is(err, errKilled) {
					t.Fatalf("killed after %d calls: %v", last, err)
				}
				d.lock.Close() // as the system does, and d.Close is never called
				if held := read(t, folder)[Checkpoint]; held == "" && r.old[Checkpoint] != "" {
					t.Errorf("killed after %d calls, there is neither the old checkpoint nor the new one in its place", last)
				}

				again, err := Resume(folder)
				if errors.Is(err, ErrNothingToResume) { // the old run had no checkpoint: New brings the folder in order
					if again, err = New(folder, true); err == nil {
						err = again.Close()
					}
				} else if err == nil {
					err = again.Close()
				}
				if err != nil {
					t.Fatalf("killed after %d calls, the next start: %v", last, err)
				}
				if read(t, folder)[Checkpoint] == "new" {
					same(t, "rolled forward", folder, new)
					rolledForward++
				} else {
					same(t, "rolled back", folder, old)
					rolledBack++
				}
			}
			if rolledBack == 0 || rolledForward == 0 {
				t.Errorf("the old run was left %d times, and the new one was put in place %d times, want both", rolledBack, rolledForward)
			}
		})
	}
}

// TestKilledWhileRollingForward kills, after every third call, also those that finish what a killed run has begun.
func TestKilledWhileRollingForward(t *testing.T) {
	old := tree{Checkpoint: "old", Best: "old", Samples + "/epoch-0001.png": "old", Samples + "/epoch-0002.png": "old"}
	new := tree{Checkpoint: "new", Metrics: "new", Samples + "/epoch-0001.png": "new"}
	for first := 1; ; first++ {
		for second := first % 3; ; second += 3 {
			folder := filepath.Join(t.TempDir(), "run")
			put(t, folder, old)
			d := mustNew(t, folder, true)
			dies := func(last int) func() {
				return calls(t, func(n int, _ string) error {
					if n > last {
						return errKilled
					}
					return nil
				})
			}
			restore := dies(first)
			committed := save(t, d, new)
			restore()
			d.lock.Close()
			if committed == nil {
				return
			}
			restore = dies(second)
			again, err := Resume(folder)
			restore()
			if err == nil {
				again.Close()
				same(t, "rolled forward", folder, new)
				break
			}
			last, err := Resume(folder)
			if err != nil {
				t.Fatalf("killed after %d calls, and again after %d: %v", first, second, err)
			}
			last.Close()
			same(t, "rolled forward after all", folder, new)
		}
	}
}

// TestNewestWhileKilled checks that what takes the newest run finds a new run from the moment on at which it stands.
func TestNewestWhileKilled(t *testing.T) {
	for _, name := range []string{"a run of more epochs", "by one that was interrupted", "nothing"} {
		r := replacements[name]
		for last := 1; ; last++ { // the first call is what makes it stand
			t.Chdir(t.TempDir())
			folder := filepath.Join(runsDir, "vae")
			put(t, folder, r.old)
			d := mustNew(t, folder, true)
			restore := calls(t, func(n int, _ string) error {
				if n > last {
					return errKilled
				}
				return nil
			})
			err := save(t, d, r.new)
			restore()
			d.lock.Close()
			path, newestErr := NewestCheckpoint()
			content, readErr := os.ReadFile(path)
			if newestErr != nil || readErr != nil || string(content) != "new" {
				t.Errorf("%s, killed after %d calls: %s holds %q: %v, %v", name, last, path, content, newestErr, readErr)
			}
			again, resumeErr := Resume("")
			if resumeErr != nil {
				t.Fatal(resumeErr)
			}
			again.Close()
			if err == nil {
				break
			}
		}
	}
}

// TestCommitThatFails lets each call of Commit fail alone, as where a file belongs to another user, and checks that the old run
// is as it was, or else that the error says where the new one is, and that the next start puts it in place.
func TestCommitThatFails(t *testing.T) {
	untouched := 0
	for last := 1; ; last++ {
		folder := filepath.Join(t.TempDir(), "run")
		old := run("old", 2).with(foreign)
		put(t, folder, old)
		d := mustNew(t, folder, true)
		var failed string
		restore := calls(t, func(n int, what string) error {
			if n == last && !strings.HasPrefix(what, "mkdir") { // which fails as a rule, because the folder is there
				failed = what
				return syscall.EPERM
			}
			return nil
		})
		err := save(t, d, run("new", 1))
		restore()
		closeErr := d.Close()
		if closeErr != nil {
			t.Fatal(closeErr)
		}
		if failed == "" && last > 30 {
			break
		}
		if err == nil { // a rename that fails is done by a copy
			same(t, failed, folder, run("new", 1).with(foreign))
			continue
		}
		if !errors.Is(err, syscall.EPERM) {
			t.Fatalf("%s: error is %v", failed, err)
		}
		if strings.Contains(err.Error(), "the new run is whole in "+filepath.Join(folder, wholeFolder)) {
			again, err := Resume(folder)
			if err != nil {
				t.Fatal(err)
			}
			again.Close()
			same(t, failed, folder, run("new", 1).with(foreign))
		} else {
			same(t, failed, folder, old)
			untouched++
		}
	}
	// The first rename, which is then not made, and what comes before the first file is removed, after which it is undone.
	if untouched < 3 {
		t.Errorf("the old run was left as it was %d times, want 3 at least", untouched)
	}
}

// TestCommitSyncs checks in which order a run takes another's place, so that a power failure at any moment leaves what a kill does:
// nothing of the old run goes before the new one stands, nor the new checkpoint to its place before what it replaces is gone, nor
// the rest before the checkpoint.
func TestCommitSyncs(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	put(t, folder, tree{Checkpoint: "old", Best: "old", Samples + "/epoch-0001.png": "old"})
	d := mustNew(t, folder, true)
	var made []string
	calls(t, func(_ int, what string) error {
		call, path, _ := strings.Cut(what, " ")
		relative, err := filepath.Rel(folder, path)
		if call != "mkdir" {
			made = append(made, call+" "+filepath.ToSlash(relative))
		}
		return err
	})
	if err := save(t, d, tree{Checkpoint: "new", Best: "new"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rename .govae-new", "sync .",
		"remove samples/epoch-0001.png", "sync samples", "sync reconstructions", "sync .",
		"rename .govae-whole/checkpoint.safetensors", "sync .",
		"rename .govae-whole/best.safetensors", "sync samples", "sync reconstructions", "sync .",
		"remove .govae-whole/samples", "remove .govae-whole/reconstructions", "remove .govae-whole",
	}
	if !slices.Equal(made, want) {
		t.Errorf("the calls are\n%s, want\n%s", strings.Join(made, "\n"), strings.Join(want, "\n"))
	}
}

// TestFirstSaveThatFails checks that a run whose first files do not all get written costs the one that it was to replace nothing.
func TestFirstSaveThatFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	old := run("old", 2).with(foreign)
	put(t, folder, old)
	d := mustNew(t, folder, true)
	put(t, d.Path(""), run("new", 1).without(Checkpoint, Best).with(tree{"." + Best + ".tmp-WN4GKPIOSMZY2RNE2I7OBSP5UX": "half"}))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "after the failure", folder, old)

	d = mustNew(t, filepath.Join(folder, "new"), false)
	put(t, d.Path(""), run("new", 1).without(Checkpoint))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "after the failure of a new run", folder, old)
}

// TestObstacleThatComesLate checks that Commit finds out before it changes anything what has come in the way while the run was
// trained.
func TestObstacleThatComesLate(t *testing.T) {
	for _, name := range []string{Checkpoint, Metrics, Samples + "/epoch-0001.png"} {
		folder := filepath.Join(t.TempDir(), "run")
		put(t, folder, run("old", 2).without(name))
		d := mustNew(t, folder, true)
		put(t, folder, tree{name + "/in the way": ""})
		before := read(t, folder).without(stagingFolder + "/")
		if err := save(t, d, run("new", 1)); err == nil || !strings.Contains(err.Error(), filepath.Join(folder, filepath.FromSlash(name))+" is a folder") {
			t.Errorf("%s: error is %v", name, err)
		}
		d.Close()
		same(t, name, folder, before)
	}
}

// TestPicturesOnAnotherDisk checks that the folder of pictures may be one to which nothing can be renamed.
func TestPicturesOnAnotherDisk(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	put(t, folder, run("old", 2))
	d := mustNew(t, folder, true)
	t.Cleanup(func() { rename = os.Rename })
	rename = func(from, to string) error {
		if filepath.Base(filepath.Dir(to)) == Samples {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
		}
		return os.Rename(from, to)
	}
	if err := save(t, d, run("new", 1)); err != nil {
		t.Fatal(err)
	}
	same(t, "after Commit", folder, run("new", 1))
}

// TestAfterCommit checks that a run which has put its first files in place writes there from then on.
func TestAfterCommit(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	d := mustNew(t, folder, false)
	if err := save(t, d, run("first", 1)); err != nil {
		t.Fatal(err)
	}
	if got, want := d.Picture(Samples, 2), filepath.Join(folder, Samples, "epoch-0002.png"); got != want || d.Path(Best) != filepath.Join(folder, Best) {
		t.Errorf("pictures go to %s, want %s", got, want)
	}
	if err := errors.Join(save(t, d, run("second", 2)), d.Close()); err != nil {
		t.Fatal(err)
	}
	same(t, "after the run", folder, run("second", 2))
}

// TestLeftovers checks that what killed saves have left goes, and nothing else: at the start of a new run, of one that replaces
// another, and of one that is resumed.
func TestLeftovers(t *testing.T) {
	const random = ".tmp-WN4GKPIOSMZY2RNE2I7OBSP5UX"
	left := tree{
		"." + Checkpoint + random: "half", "." + Best + random: "half", "." + Metrics + random: "half", "." + Curves + random: "half",
		Samples + "/.epoch-0003.png" + random: "half", Reconstructions + "/.epoch-12345.png" + random: "half",
		".probe" + random: "", Samples + "/.probe" + random: "",
		stagingFolder + "/" + Metrics: "half", stagingFolder + "/" + Samples + "/.epoch-0001.png" + random: "half",
	}
	kept := tree{
		".notes.txt" + random: "foreign", "." + Checkpoint + ".tmp-1": "foreign", Checkpoint + random: "foreign", Samples + "/." + Best + random: "foreign",
		"more/." + Checkpoint + random: "foreign", ".epoch-0001.png" + random: "foreign", Samples + "/.epoch-1.png" + random: "foreign",
		"." + Curves + random + "/": "",
	}
	for name, start := range map[string]struct {
		held tree
		open func(string) (*Dir, error)
	}{
		"resume":   {run("old", 1), Resume},
		"new":      {tree{Samples + "/x": "", Reconstructions + "/x": ""}, func(name string) (*Dir, error) { return New(name, false) }},
		"replaced": {run("old", 1), func(name string) (*Dir, error) { return New(name, true) }},
	} {
		folder := filepath.Join(t.TempDir(), "run")
		put(t, folder, start.held.with(left.without("."+Curves+random)).with(kept))
		d, err := start.open(folder)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		same(t, name, folder, start.held.with(kept))
	}
}
