// Package dataset reads image data sets and checks them before they are trusted.
package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"govae/internal/philox"
	"govae/model"
)

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

// ErrNoFolder says that there is no folder to read a data set from: the one given is missing or is a file, or, where none
// was given, MNIST is not where Go keeps its modules.
var ErrNoFolder = errors.New("no data folder")

// Open reads the four gzipped IDX files in dir: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz,
// t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz. Images may have any shape up to 4096×4096.
// Without a dir it reads the MNIST files that the GoMNIST module carries, from the module cache.
//
// Every file is checked to its end. An error names the file and what is wrong with it. It is ErrNoFolder where there is no
// folder, and fs.ErrNotExist where the folder that was given, or a file in it, does not exist.
func Open(dir string) (*Set, error) {
	set := &Set{Name: "MNIST", Dir: dir}
	if dir == "" {
		found, err := findMNIST(sourceFolder())
		if err != nil {
			return nil, err
		}
		set.Dir = found
	} else {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", dir, err)
		}
		set.Name = filepath.Base(absolute)
	}
	if info, err := os.Stat(set.Dir); err != nil {
		return nil, fmt.Errorf("dataset: %w: %w", ErrNoFolder, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("dataset: %w: %s is a file", ErrNoFolder, set.Dir)
	}

	var err error
	if set.Train, err = readSplit(set.Dir, trainPrefix); err != nil {
		return nil, err
	}
	if set.Test, err = readSplit(set.Dir, testPrefix); err != nil {
		return nil, err
	}
	if train, test := set.Train.Shape, set.Test.Shape; train != test {
		return nil, fmt.Errorf("dataset: %s: images are %d×%d, but those of %s are %d×%d: want the same shape",
			filepath.Join(set.Dir, testPrefix+imagesSuffix), test.Height, test.Width,
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
