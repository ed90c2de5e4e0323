package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"govae/internal/files"
	"govae/internal/words"
)

// What the name of a picture's file ends in: of those that are read, and of others that are not, about which a note is due.
var (
	readEndings   = []string{".png", ".jpg", ".jpeg", ".gif"}
	unreadEndings = []string{".avif", ".bmp", ".dng", ".heic", ".heif", ".ico", ".jfif", ".jp2", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm",
		".psd", ".svg", ".tga", ".tif", ".tiff", ".webp"}
)

// testFolders are the names of a folder of test pictures. Of several, the first is read.
var testFolders = []string{"test", "val", "valid", "validation"}

// mostClasses is how many classes a label, which is a byte, tells apart.
const mostClasses = 256

// mostLinks is how many links to folders are followed. A folder behind several counts as often: where folders have links to one another,
// there are more ways through them than anybody could wait for.
const mostLinks = 1 << 14

// listing is what a folder holds of pictures, in an order that no file system decides.
type listing struct {
	train, test []pictureFile
	classes     []string // sorted; none: the pictures have no labels
	notes       []string
	newest      time.Time // when the one that was changed last was
	bytes       int64     // of all files
}

// pictureFile is a file that is a picture by its name.
type pictureFile struct {
	path    string
	class   string // name of the folder that it is a class of; empty: none
	size    int64
	changed time.Time
	err     error // why it cannot be read, as far as that is known
}

// listPictures finds the pictures in dir. The layouts it knows: pictures in dir itself; folders of pictures, each a class, as torchvision's
// ImageFolder has it; or folders train and test, or else val, valid or validation, of such layouts. A folder that holds nothing but one folder of
// these counts as that one. What is hidden is passed over.
func listPictures(ctx context.Context, dir string) (*listing, error) {
	l := &lister{ctx: ctx}
	root, err := l.read(dir, nil)
	if err != nil {
		return nil, err
	}
	for len(root.files) == 0 && len(root.folders) == 1 {
		root = root.folders[0]
	}
	list := new(listing)
	if l.unread > 0 {
		list.note("passed over %s of a kind that is not read, the first %s", words.Counted(l.unread, "picture"), words.Printable(l.firstUnread))
	}
	if root.empty() {
		return nil, fmt.Errorf("dataset: %w: no picture in %s: want files named %s%s", ErrNoData, words.Printable(dir),
			strings.Join(readEndings, ", "), strings.Join(append([]string{""}, list.notes...), "; "))
	}

	train, test := root.splits(list)
	trainLabelled, testLabelled := false, false
	if list.train, trainLabelled, err = train.classified(); err != nil {
		return nil, err
	}
	if test != nil {
		if list.test, testLabelled, err = test.classified(); err != nil {
			return nil, err
		}
	}
	if test != nil && trainLabelled != testLabelled {
		list.note("labels are left out: of %s and %s one alone has folders of classes", words.Printable(train.path), words.Printable(test.path))
	} else {
		list.findClasses()
	}
	for _, f := range slices.Concat(list.train, list.test) {
		list.bytes += f.size
		if f.changed.After(list.newest) {
			list.newest = f.changed
		}
	}
	return list, nil
}

func (l *listing) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// findClasses lists the classes of both splits. One alone tells nothing apart, and is none.
func (l *listing) findClasses() {
	classes := make(map[string]bool)
	for _, f := range slices.Concat(l.train, l.test) {
		classes[f.class] = true
	}
	switch {
	case len(classes) > mostClasses:
		l.note("labels are left out: %s are more than the %d that can be told apart", words.Counted(len(classes), "folder"), mostClasses)
	case len(classes) > 1:
		l.classes = slices.Sorted(maps.Keys(classes))
	}
}

// label returns the place of a file's class.
func (l *listing) label(f pictureFile) byte {
	place, _ := slices.BinarySearch(l.classes, f.class)
	return byte(place)
}

// folder is a folder with pictures somewhere below it.
type folder struct {
	path    string
	files   []pictureFile
	folders []*folder // that are not empty
}

func (f *folder) empty() bool { return len(f.files) == 0 && len(f.folders) == 0 }

// splits returns the folders of the training and of the test pictures, and notes which folders are neither. Where there are no
// folders of these names, f is that of the training pictures, and the other nil.
func (f *folder) splits(list *listing) (train, test *folder) {
	named := func(name string) *folder {
		if i := slices.IndexFunc(f.folders, func(sub *folder) bool { return strings.EqualFold(filepath.Base(sub.path), name) }); i >= 0 {
			return f.folders[i]
		}
		return nil
	}
	train = named("train")
	for _, name := range testFolders {
		if test == nil {
			test = named(name)
		}
	}
	if len(f.files) > 0 || train == nil || test == nil {
		return f, nil
	}
	for _, sub := range f.folders {
		if sub != train && sub != test {
			list.note("passed over %s, which is neither the training nor the test pictures", words.Printable(sub.path))
		}
	}
	return train, test
}

// classified returns the files of a split, each with its class where folders divide them into classes.
func (f *folder) classified() (all []pictureFile, labelled bool, err error) {
	if len(f.folders) == 0 {
		return f.files, false, nil
	}
	if len(f.files) > 0 {
		return nil, false, fmt.Errorf("dataset: %s has pictures (%s) beside folders of pictures (%s): want one or the other, since the folders are labels",
			words.Printable(f.path), words.Printable(filepath.Base(f.files[0].path)), words.Printable(filepath.Base(f.folders[0].path)))
	}
	for _, sub := range f.folders {
		for _, file := range sub.all() {
			file.class = filepath.Base(sub.path)
			all = append(all, file)
		}
	}
	return all, true, nil
}

// all returns the files in f and below it.
func (f *folder) all() []pictureFile {
	all := slices.Clone(f.files)
	for _, sub := range f.folders {
		all = append(all, sub.all()...)
	}
	return all
}

// lister reads folders.
type lister struct {
	ctx         context.Context
	links       int // to folders, followed so far
	unread      int // pictures of kinds that are not read
	firstUnread string
}

// read lists the folder at path, which stands below others. Links are followed, but for those to one of these.
func (l *lister) read(path string, above []fs.FileInfo) (*folder, error) {
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", words.Printable(path), files.Cause(err))
	}
	own, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", words.Printable(path), files.Cause(err))
	}
	if slices.ContainsFunc(above, func(info fs.FileInfo) bool { return os.SameFile(info, own) }) {
		return new(folder), nil
	}
	above = append(above[:len(above):len(above)], own)

	f := &folder{path: path}
	for _, entry := range entries {
		if l.ctx.Err() != nil {
			return nil, context.Cause(l.ctx)
		}
		if name := entry.Name(); strings.HasPrefix(name, ".") || name == "__MACOSX" {
			continue
		}
		if err := l.enter(f, filepath.Join(path, entry.Name()), entry.Type()&fs.ModeSymlink != 0, above); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// enter enters what is at path, in the folder f, there. It may be a link.
func (l *lister) enter(f *folder, path string, link bool, above []fs.FileInfo) error {
	ending := strings.ToLower(filepath.Ext(path))
	isPicture := slices.Contains(readEndings, ending)
	info, err := os.Stat(path)
	switch {
	case err != nil && isPicture:
		f.files = append(f.files, pictureFile{path: path, err: files.Cause(err)})
	case err != nil: // a link to nothing, for one, which is no picture by its name
	case info.IsDir() && !isPicture:
		if link {
			l.links++
		}
		if l.links > mostLinks {
			return fmt.Errorf("dataset: %s is one link to a folder too many: want at most %s, and folders behind several links count as often",
				words.Printable(path), words.Thousands(mostLinks))
		}
		sub, err := l.read(path, above)
		if err != nil {
			return err
		}
		if !sub.empty() {
			f.folders = append(f.folders, sub)
		}
	case isPicture && !info.Mode().IsRegular():
		f.files = append(f.files, pictureFile{path: path, err: fmt.Errorf("%w, but it is a folder, a pipe or a device", files.ErrNoFile)})
	case isPicture:
		f.files = append(f.files, pictureFile{path: path, size: info.Size(), changed: info.ModTime()})
	case slices.Contains(unreadEndings, ending):
		if l.unread++; l.unread == 1 {
			l.firstUnread = path
		}
	}
	return nil
}
