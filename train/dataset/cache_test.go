package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// aged makes all files in dir of the same age, whenever it is called.
func aged(t *testing.T, dir string) string {
	t.Helper()
	then := time.Date(2020, 2, 2, 2, 2, 2, 2, time.UTC)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, then, then))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func somePictures(t *testing.T) string {
	return aged(t, writeTree(t, map[string][]byte{
		"train/a/1.png": greyPNG(2, 3, 10), "train/b/2.png": greyPNG(2, 3, 20), "train/b/3.png": {1, 2, 3}, "train/b/4.webp": nil,
		"test/a/5.png": greyPNG(2, 3, 50),
	}))
}

// readThrough reads pictures with the cache, and reports whether any was decoded.
func (c cache) readThrough(t *testing.T, s Source, dir string) (set *Set, decoded bool) {
	t.Helper()
	set, err := s.readPicturesOnce(t.Context(), dir, func(int, int) { decoded = true }, c)
	if err != nil {
		t.Fatal(err)
	}
	return set, decoded
}

func TestCacheKeepsPictures(t *testing.T) {
	c := cache{dir: filepath.Join(t.TempDir(), "deep", "govae"), most: 1 << 20}
	s := Source{SkipBad: true}
	dir := somePictures(t)
	first, decoded := c.readThrough(t, s, dir)
	if !decoded || len(first.Notes) != 2 {
		t.Fatalf("decoded: %t, notes %q; want two, on 4.webp and on 3.png", decoded, first.Notes)
	}
	second, decoded := c.readThrough(t, s, dir)
	if decoded || !reflect.DeepEqual(first, second) {
		t.Errorf("decoded again: %t; %+v, want %+v", decoded, second, first)
	}

	flat := aged(t, writeTree(t, map[string][]byte{"1.png": greyPNG(1, 1, 9)})) // without labels, test images, or notes
	first, _ = c.readThrough(t, Source{}, flat)
	if second, decoded = c.readThrough(t, Source{}, flat); decoded || !reflect.DeepEqual(first, second) {
		t.Errorf("decoded again: %t; %+v, want %+v", decoded, second, first)
	}
}

func TestCacheSeesChanges(t *testing.T) {
	later := time.Now().Add(-time.Minute)
	changes := map[string]func(dir string) error{
		"another time": func(dir string) error { return os.Chtimes(filepath.Join(dir, "train/a/1.png"), later, later) },
		"another size": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "test/a/5.png"), greyPNG(2, 3, 128), 0o600), os.Truncate(filepath.Join(dir, "train/b/3.png"), 2))
		},
		"added": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "train/a/7.png"), greyPNG(2, 3, 7), 0o600)
		},
		"removed": func(dir string) error { return os.Remove(filepath.Join(dir, "train/a/1.png")) },
		"renamed": func(dir string) error {
			return os.Rename(filepath.Join(dir, "train/a/1.png"), filepath.Join(dir, "train/a/0.png"))
		},
		"another set": func(dir string) error {
			return os.Rename(filepath.Join(dir, "train/a/1.png"), filepath.Join(dir, "test/a/1.png"))
		},
		"a class": func(dir string) error { return os.Rename(filepath.Join(dir, "train/a"), filepath.Join(dir, "train/c")) },
	}
	for name, change := range changes {
		c := cache{dir: t.TempDir(), most: 1 << 20}
		dir := somePictures(t)
		c.readThrough(t, Source{SkipBad: true}, dir)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		if name != "another time" {
			aged(t, dir)
		}
		if set, decoded := c.readThrough(t, Source{SkipBad: true}, dir); !decoded && set.Train.Len() > 0 {
			t.Errorf("%s: not seen", name)
		}
	}
	c := cache{dir: t.TempDir(), most: 1 << 20}
	dir := somePictures(t)
	for _, s := range []Source{{SkipBad: true}, {SkipBad: true, Size: Size{1, 2}}, {SkipBad: true, Size: Size{2, 1}}, {SkipBad: true, Grey: true}} {
		if _, decoded := c.readThrough(t, s, dir); !decoded {
			t.Errorf("%+v: the pictures of another source are taken", s)
		}
		if _, decoded := c.readThrough(t, s, dir); decoded {
			t.Errorf("%+v: decoded again", s)
		}
	}
	if _, err := (Source{}).readPicturesOnce(t.Context(), dir, nil, c); !errors.Is(err, ErrBadPicture) {
		t.Errorf("without skipping: error is %v, want ErrBadPicture", err)
	}
}

// A file that is changed again in the tick of its last change has the time and, it may be, the size that it had.
func TestCacheDoesNotTrustTheLastMoment(t *testing.T) {
	for _, age := range []time.Duration{-time.Hour, 0, time.Second} { // a clock may be ahead, too
		c := cache{dir: t.TempDir(), most: 1 << 20}
		dir := somePictures(t)
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, "test/a/5.png"), then, then); err != nil {
			t.Fatal(err)
		}
		c.readThrough(t, Source{SkipBad: true}, dir)
		if entries, _ := os.ReadDir(c.dir); len(entries) > 0 {
			t.Errorf("pictures changed %v ago are kept", age)
		}
	}
}

// A picture that could not be opened may be readable the next time, and nothing about its file says so.
func TestCacheDoesNotKeepWhatFailedToOpen(t *testing.T) {
	pictures := make(map[string][]byte)
	for i := range runtime.GOMAXPROCS(0) + 3 {
		pictures[fmt.Sprintf("%03d.png", i)] = greyPNG(1, 1, 1)
	}
	pictures["last.png"] = greyPNG(1, 1, 1)
	dir := aged(t, writeTree(t, pictures))
	c := cache{dir: t.TempDir(), most: 1 << 20}
	set, err := Source{SkipBad: true}.readPicturesOnce(t.Context(), dir, func(done, _ int) {
		if done == 1 { // each core waits until its first is counted, so none has come to the last
			if err := os.Remove(filepath.Join(dir, "last.png")); err != nil {
				t.Error(err)
			}
		}
	}, c)
	if err != nil || set.Train.Len() != len(pictures)-1 || len(set.Notes) != 1 {
		t.Fatalf("error %v, set %+v; want all but the last, and a note on it", err, set)
	}
	if kept := keptFiles(t, c); len(kept) > 0 {
		t.Errorf("%v is kept", kept)
	}
}

func TestCacheBelievesNothingDamaged(t *testing.T) {
	c := cache{dir: t.TempDir(), most: 1 << 20}
	s, dir := Source{SkipBad: true}, somePictures(t)
	want, _ := c.readThrough(t, s, dir)
	path := keptFiles(t, c)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{"empty": nil, "cut": whole[:len(whole)-1], "longer": append(slices.Clone(whole), 0)}
	for at := 0; at < len(whole); at += 7 {
		flipped := slices.Clone(whole)
		flipped[at] ^= 1
		damages[fmt.Sprintf("flipped at %d", at)] = flipped
	}
	for name, content := range damages {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		set, decoded := c.readThrough(t, s, dir)
		if !decoded || !reflect.DeepEqual(set, want) {
			t.Errorf("%s: decoded anew: %t", name, decoded)
		}
		if again, err := os.ReadFile(path); err != nil || !slices.Equal(again, whole) {
			t.Errorf("%s: not mended", name)
		}
	}

	// Another set's file under this name.
	other := somePictures(t)
	c.readThrough(t, s, other)
	for _, p := range keptFiles(t, c) {
		if p != path {
			if err := os.Rename(p, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, decoded := c.readThrough(t, s, dir); !decoded {
		t.Error("another set's file is believed")
	}
}

func keptFiles(t *testing.T, c cache) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(c.dir, e.Name()))
	}
	return paths
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int, age time.Duration) {
		t.Helper()
		path, then := filepath.Join(dir, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, make([]byte, size), 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	write("new"+cacheName, 400, time.Minute)
	write("old"+cacheName, 400, 3*time.Hour)
	write("older"+cacheName, 100, 30*time.Hour)
	write(".x.tmp-killed", 10, 2*time.Hour)
	write(".y.tmp-underway", 10, time.Minute)
	folder, then := filepath.Join(dir, "folder"), time.Now().Add(-30*time.Hour) // which is not the cache's
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Chtimes(folder, then, then)); err != nil {
		t.Fatal(err)
	}
	c := cache{dir: dir, most: 1000}
	names := func() (names []string) {
		for _, p := range keptFiles(t, c) {
			names = append(names, strings.TrimSuffix(filepath.Base(p), cacheName))
		}
		return names
	}
	for _, test := range []struct {
		size int64
		want []string
	}{
		{0, []string{".y.tmp-underway", "folder", "new", "old", "older"}},
		{150, []string{".y.tmp-underway", "folder", "new", "old"}},
		{500, []string{".y.tmp-underway", "folder", "new"}},
		{900, []string{".y.tmp-underway", "folder"}},
		{999, []string{"folder"}}, // the file that another process writes is the last to go
	} {
		if err := c.makeRoom(test.size); err != nil {
			t.Fatal(err)
		}
		if got := names(); !slices.Equal(got, test.want) {
			t.Errorf("with %d bytes more: %v, want %v", test.size, got, test.want)
		}
	}
	if err := c.makeRoom(1001); err == nil {
		t.Error("there is room for more than there is")
	}
}

// The one that was used last stays, although it is the older one.
func TestCacheCountsUse(t *testing.T) {
	c := cache{dir: t.TempDir(), most: 1 << 20}
	s, used, unused := Source{SkipBad: true}, somePictures(t), somePictures(t)
	c.readThrough(t, s, used)
	aged(t, c.dir)
	c.readThrough(t, s, unused)
	anHourAgo, size := time.Now().Add(-time.Hour), int64(0)
	for _, p := range keptFiles(t, c) {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if size = info.Size(); info.ModTime().After(anHourAgo) {
			if err := os.Chtimes(p, anHourAgo, anHourAgo); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.readThrough(t, s, used)
	c.most = 2*size + size/2
	c.readThrough(t, s, somePictures(t))
	if _, decoded := c.readThrough(t, s, used); decoded {
		t.Error("the set that was used last is gone")
	}
	if _, decoded := c.readThrough(t, s, unused); !decoded {
		t.Error("the set that was not used stays")
	}
}

func TestPicturesAreReadWithoutACache(t *testing.T) {
	file := filepath.Join(writeTree(t, named("file")), "file")
	for name, c := range map[string]cache{
		"no home":       {unavailable: errors.New("neither is defined"), most: 1 << 20},
		"no folder":     {dir: filepath.Join(file, "govae"), most: 1 << 20},
		"full":          {dir: t.TempDir(), most: 100},
		"a folder, too": {dir: t.TempDir(), most: 1 << 20},
	} {
		dir := somePictures(t)
		if name == "a folder, too" {
			list, _ := listPictures(t.Context(), dir)
			key, _ := Source{SkipBad: true}.cacheKey(list)
			if err := os.Mkdir(c.path(key), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		set, _ := c.readThrough(t, Source{SkipBad: true}, dir)
		if last := set.Notes[len(set.Notes)-1]; set.Train.Len() != 2 || !strings.Contains(last, "cannot be kept: ") {
			t.Errorf("%s: %d training images, notes %q", name, set.Train.Len(), set.Notes)
		}
	}
}

func TestUserCache(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData", "home"} {
		t.Setenv(name, home)
	}
	c := userCache()
	if c.unavailable != nil || !strings.HasPrefix(c.dir, home) || filepath.Base(c.dir) != "govae" {
		t.Errorf("the cache is in %s (%v), want it in the user's folder for such files", c.dir, c.unavailable)
	}

	// So few are decoded at once: nothing is kept of them.
	if _, err := DefaultSource().readPictures(t.Context(), aged(t, writeTree(t, map[string][]byte{"1.png": greyPNG(1, 1, 1)})), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.dir); err == nil {
		t.Error("a small set is kept")
	}
	c.least = 0
	c.readThrough(t, Source{SkipBad: true}, somePictures(t))
	if info, err := os.Stat(c.dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (%v), want one for its owner alone", info, err)
	}
	if runtime.GOOS == "linux" {
		t.Setenv("HOME", "")
		t.Setenv("XDG_CACHE_HOME", "")
		if userCache().unavailable == nil {
			t.Error("there is a cache without a home")
		}
	}
}
