package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"govae/internal/files"
	"govae/model"
)

// cacheFormat is the version of a kept set: of its file, and of what is made of pictures.
const cacheFormat = 1

const (
	cacheLeast = 4 << 20         // bytes of picture files; fewer are decoded as fast as they are found
	cacheMost  = 4 << 30         // bytes that all kept sets take
	cacheRacy  = 2 * time.Second // how coarse a file system's clock may be
	cacheAging = time.Hour       // after which what a killed process has left is no file that another is writing
	cacheName  = ".pictures"     // what the name of a kept set ends in
)

// cache keeps decoded pictures, so that they are decoded once. Whatever fails with it, pictures can be decoded without.
type cache struct {
	dir         string
	unavailable error // why there is none
	least, most int64
}

// userCache returns the cache in the user's folder for such files.
func userCache() cache {
	dir, err := os.UserCacheDir()
	return cache{filepath.Join(dir, "govae"), err, cacheLeast, cacheMost}
}

// kept is what is kept of a set, beside its values and labels.
type kept struct {
	Key    string      `json:"key"`
	Shape  model.Image `json:"shape"`
	Train  int         `json:"train"` // images
	Test   int         `json:"test"`
	Labels bool        `json:"labels"`
	Notes  []string    `json:"notes"`
}

// cacheKey returns what tells the set of these files apart from all others: 64 hex digits. A file is told by its path, of which its
// class is a part, its size, and when it was changed.
func (s Source) cacheKey(list *listing) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%d %v %t %t\n", cacheFormat, s.Size, s.Grey, s.SkipBad)
	for _, split := range [][]pictureFile{list.train, list.test} {
		fmt.Fprintln(hash, len(split), len(list.classes))
		for _, f := range split {
			path, err := filepath.Abs(f.path)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%q %d %d %v\n", path, f.size, f.changed.UnixNano(), f.err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// keeps reports whether the pictures of a folder that was listed from then on are worth being kept, and can be told from others: a change
// within one tick of the file system's clock shows in no time of change.
func (c cache) keeps(list *listing, then time.Time) bool {
	return list.bytes >= c.least && list.newest.Before(then.Add(-cacheRacy))
}

func (c cache) path(key string) string { return filepath.Join(c.dir, key+cacheName) }

// load returns the set that is kept under the key. What is damaged, or another's, is none.
func (c cache) load(key string) (*Set, bool) {
	if c.unavailable != nil {
		return nil, false
	}
	file, err := files.Open(c.path(key))
	if err != nil {
		return nil, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() > 3*maxBytes {
		return nil, false
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, false
	}
	set, err := unpack(data, key)
	if err != nil {
		return nil, false
	}
	now := time.Now()
	os.Chtimes(c.path(key), now, now) // so that it is not the first to go
	return set, true
}

// save keeps a set under the key, for which others may have to go.
func (c cache) save(key string, set *Set) error {
	if c.unavailable != nil {
		return c.unavailable
	}
	head, err := json.Marshal(kept{key, set.Train.Shape, set.Train.Len(), set.Test.Len(), set.Train.Labels != nil, set.Notes})
	if err != nil {
		return err
	}
	parts := [][]byte{append(head, '\n'), set.Train.Values, set.Test.Values, set.Train.Labels, set.Test.Labels}
	size := int64(sha256.Size)
	hash := sha256.New()
	for _, part := range parts {
		size += int64(len(part))
		hash.Write(part)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil { // as the XDG Base Directory Specification has it
		return err
	}
	if err := c.makeRoom(size); err != nil {
		return err
	}
	return files.Write(c.path(key), func(w io.Writer) error {
		for _, part := range slices.Insert(parts, 0, hash.Sum(nil)) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

// unpack returns the set in a file that save has written under the key. Values and labels are parts of data.
func unpack(data []byte, key string) (*Set, error) {
	if len(data) < sha256.Size {
		return nil, errors.New("too short")
	}
	sum, rest := data[:sha256.Size], data[sha256.Size:]
	if actual := sha256.Sum256(rest); !bytes.Equal(sum, actual[:]) {
		return nil, errors.New("damaged")
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	var head kept
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	take := func(n int) (part []byte) {
		if n > 0 && n <= len(rest) {
			part, rest = rest[:n:n], rest[n:]
		}
		return part
	}
	set := &Set{Notes: head.Notes}
	set.Train.Shape, set.Train.Values = head.Shape, take(head.Train*head.Shape.Pixels())
	if head.Test > 0 {
		set.Test.Shape, set.Test.Values = head.Shape, take(head.Test*head.Shape.Pixels())
	}
	if head.Labels {
		set.Train.Labels, set.Test.Labels = take(head.Train), take(head.Test)
	}
	if head.Key != key || len(rest) > 0 || set.Train.Len() != head.Train || set.Test.Len() != head.Test {
		return nil, errors.New("of other pictures")
	}
	return set, nil
}

// makeRoom removes files, the one not used for the longest time first, until there is room for size bytes more, and what killed
// processes have left.
func (c cache) makeRoom(size int64) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var infos []fs.FileInfo
	total := size
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() { // gone by now, or not ours
			continue
		}
		infos = append(infos, info)
		total += info.Size()
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range infos {
		left := !strings.HasSuffix(info.Name(), cacheName) && time.Since(info.ModTime()) > cacheAging
		if total <= c.most && !left {
			continue
		}
		if err := os.Remove(filepath.Join(c.dir, info.Name())); err == nil {
			total -= info.Size()
		}
	}
	if total > c.most {
		return fmt.Errorf("%s is full", c.dir)
	}
	return nil
}
