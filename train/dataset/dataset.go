// Package dataset reads image data sets and checks them before they are trusted.
package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"govae/internal/philox"
	"govae/model"
)

// ErrNoData says that there is nothing to read a data set from: the path given is missing, or nothing at it is known as images, or,
// where MNIST is wanted, it is not where Go keeps its modules.
var ErrNoData = errors.New("no data")

// open is Open for a source that is valid.
func (s Source) open(ctx context.Context, progress Progress) (*Set, error) {
	set, err := s.read(ctx, progress)
	if err != nil {
		return nil, err
	}
	set.Source = s
	if err := errors.Join(s.fit(&set.Train), s.fit(&set.Test)); err != nil {
		return nil, err
	}
	if set.Test.Len() == 0 {
		holdOut(set, s.Holdout)
	}
	return set, set.Check()
}

// read reads what is at the path, by the first way that takes it.
func (s Source) read(ctx context.Context, progress Progress) (*Set, error) {
	path, title := s.Path, ""
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && (path == "" || path == MNIST) {
		title = "MNIST"
		if path, err = findMNIST(sourceFolder()); err != nil {
			return nil, err
		}
	} else if title, err = name(path); err != nil {
		return nil, err
	}
	set, err := s.readAt(ctx, path, progress)
	if err != nil {
		return nil, err
	}
	set.Name, set.Dir = title, path
	return set, nil
}

func (s Source) readAt(ctx context.Context, path string, progress Progress) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w: %w", ErrNoData, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("dataset: %w: %s is a file", ErrNoData, path)
	}
	return readIDXFolder(path)
}

// holdOut makes a share of the training images the test images.
func holdOut(set *Set, share float64) {}

// The names that every data set in MNIST's form uses for its files: a split, then what of it the file holds.
const (
	trainPrefix  = "train"
	testPrefix   = "t10k"
	imagesSuffix = "-images-idx3-ubyte.gz"
	labelsSuffix = "-labels-idx1-ubyte.gz"
)

// FileNames lists the names of the four files that Open reads, for messages to people.
const FileNames = trainPrefix + imagesSuffix + ", " + trainPrefix + labelsSuffix + ", " +
	testPrefix + imagesSuffix + " and " + testPrefix + labelsSuffix

// readIDXFolder reads the four gzipped IDX files in dir.
func readIDXFolder(dir string) (*Set, error) {
	set := new(Set)
	var err error
	if set.Train, err = readSplit(dir, trainPrefix); err != nil {
		return nil, err
	}
	if set.Test, err = readSplit(dir, testPrefix); err != nil {
		return nil, err
	}
	if train, test := set.Train.Shape, set.Test.Shape; train != test {
		return nil, fmt.Errorf("dataset: %s: images are %d×%d, but those of %s are %d×%d: want the same shape",
			filepath.Join(dir, testPrefix+imagesSuffix), test.Height, test.Width,
			trainPrefix+imagesSuffix, train.Height, train.Width)
	}
	return set, nil
}

// readSplit reads the images and the labels of a split.
func readSplit(dir, prefix string) (model.Images, error) {
	imagesPath := filepath.Join(dir, prefix+imagesSuffix)
	labelsPath := filepath.Join(dir, prefix+labelsSuffix)
	sizes, values, err := readFile(imagesPath, 3)
	if err != nil {
		return model.Images{}, err
	}
	_, labels, err := readFile(labelsPath, 1)
	if err != nil {
		return model.Images{}, err
	}
	if len(labels) != sizes[0] {
		return model.Images{}, fmt.Errorf("dataset: %s: has %d labels, want %d: one for every image of %s",
			labelsPath, len(labels), sizes[0], filepath.Base(imagesPath))
	}
	return model.Images{
		Shape:  model.Image{Height: sizes[1], Width: sizes[2], Channels: 1},
		Values: values,
		Labels: labels,
	}, nil
}

// Order returns the numbers 0 to n−1 in an order that (seed, epoch) fixes, every order equally likely:
// the shuffle of Fisher and Yates in Durstenfeld's form (Algorithm 235, CACM 1964).
func Order(n int, seed uint64, epoch int) []int {
	order := Sequence(n)
	random := philox.New(seed, philox.Shuffle, uint64(epoch))
	for i := n - 1; i > 0; i-- {
		j := random.Below(uint32(i + 1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// Sequence returns the numbers 0 to n−1 from the first to the last.
func Sequence(n int) []int {
	sequence := make([]int, n)
	for i := range sequence {
		sequence[i] = i
	}
	return sequence
}
