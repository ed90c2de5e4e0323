// Package dataset reads image data sets and checks them before they are trusted.
//
// A Source says where images are and what is made of them; Open reads them all into memory, as a Set of 8-bit images of one shape, grey or
// RGB, to train on and to test on. It takes
//
//   - files in MNIST's format (IDX), gzipped or not, in a folder: MNIST, Fashion-MNIST, KMNIST, EMNIST, QMNIST. Of several sets in a folder
//     FOLDER/NAME is one, where the names of its files begin with NAME. The images of EMNIST, which lie on their side, are set upright;
//   - a .npy file, or a .npz file that holds images alone, images and labels, or both for training and for testing;
//   - a folder of PNG, JPEG and GIF files;
//   - MNIST itself, which the GoMNIST module carries.
//
// Labels are optional. Where there are no test images, a share of the others is held out.
//
// No file can make it take memory for what is not there, nor more than 1 GiB for the values of a split.
//
// source.go says what may be asked for, and this file finds out what is at the path. From there: names.go finds the files of a set in
// MNIST's format, mnist.go those of MNIST itself, and idx.go and gunzip.go read them; arrays.go makes images of arrays, which npy.go and
// npz.go read; folder.go finds pictures, pictures.go decodes them, and cache.go keeps them. values.go reads the values of IDX files and
// arrays, layout.go puts them in order, and split.go holds out test images. set.go is what comes out.
package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"govae/internal/words"
)

// ErrNoData says that there is nothing to read a data set from: the path given is missing, or nothing at it is known as images, or,
// where MNIST is wanted, it is not where Go keeps its modules.
var ErrNoData = errors.New("no data")

// Wanted tells people what a Source's path may be.
const Wanted = "a folder of PNG, JPEG or GIF files, with or without subfolders for their classes; a folder with the files of MNIST, " +
	"or of another set in its format, such as train-images-idx3-ubyte.gz; or a .npy or .npz file"

// open is Open for a source that is valid.
func (s Source) open(ctx context.Context, progress Progress) (*Set, error) {
	set, err := s.read(ctx, progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // whatever the reading says of it
	}
	if err != nil {
		return nil, err
	}
	set.Source = s
	if set.Test.Len() == 0 {
		if err := holdOut(set, s.Holdout); err != nil {
			return nil, err
		}
	}
	return set, set.Check()
}

// read reads what is at the path, or MNIST where that is wanted.
func (s Source) read(ctx context.Context, progress Progress) (*Set, error) {
	path, title := s.Path, "MNIST"
	_, err := os.Lstat(path) // a link to nothing is none to MNIST
	if errors.Is(err, fs.ErrNotExist) && (path == "" || strings.EqualFold(path, MNIST)) {
		path, err = mnist()
	} else {
		title, err = name(path)
	}
	if err != nil {
		return nil, err
	}
	set, err := s.readAt(ctx, path, progress)
	if err != nil {
		return nil, err
	}
	set.Name, set.Dir = title, path
	return set, nil
}

// readAt reads what is at a path by what it is.
func (s Source) readAt(ctx context.Context, path string, progress Progress) (*Set, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.readNamedSet(ctx, path)
	case err != nil:
		return nil, fmt.Errorf("dataset: %w: %s: %w", ErrNoData, path, errors.Unwrap(err)) // without the name of a system call
	case info.IsDir():
		return s.readFolder(ctx, path, progress)
	}
	return s.readArrays(ctx, path)
}

// readFolder reads a folder: files in MNIST's format where it has any, and else pictures.
func (s Source) readFolder(ctx context.Context, dir string, progress Progress) (*Set, error) {
	sets, err := findIDX(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if len(sets) > 0 {
		name, notes, err := sets.choose(dir)
		if err != nil {
			return nil, err
		}
		return s.readIDXSet(ctx, dir, name, sets[name], notes)
	}
	set, err := s.readPictures(ctx, dir, progress)
	if errors.Is(err, ErrNoData) {
		return nil, fmt.Errorf("%w (%s)", err, holds(dir))
	}
	return set, err
}

// holds says shortly what a folder holds.
func holds(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "the folder is empty"
	}
	const most = 5
	var names []string
	for i, entry := range entries {
		if i == most && len(entries) > most+1 {
			return fmt.Sprintf("the folder holds %s and %s more", strings.Join(names, ", "), words.Thousands(len(entries)-most))
		}
		name := words.Printable(entry.Name())
		if entry.IsDir() {
			name += string(filepath.Separator)
		}
		names = append(names, name)
	}
	return "the folder holds " + strings.Join(names, ", ")
}
