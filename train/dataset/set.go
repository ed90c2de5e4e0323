package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"govae/model"
)

// Set is a data set: what is trained on and what is tested on. Open reads one; a program that makes one in memory gives
// it a name, and Check says whether it can be used.
type Set struct {
	Name        string   // of the folder or file, or MNIST
	Dir         string   // the folder or file that it was read from; empty: it was made in memory
	Source      Source   // what Open was asked for; zero: it was made in memory
	Notes       []string // what a user should know of the reading: pictures that were left out, for one
	HeldOut     bool     // whether the test images are a share of what was read for training, since there were none
	Train, Test model.Images
}

// Check reports the first thing that is wrong: what is wrong with either split by itself, shapes that differ, or labels
// of one split alone.
func (s *Set) Check() error {
	if err := s.Train.Check(); err != nil {
		return fmt.Errorf("dataset: train: %w", err)
	}
	if err := s.Test.Check(); err != nil {
		return fmt.Errorf("dataset: test: %w", err)
	}
	if s.Train.Shape != s.Test.Shape {
		return fmt.Errorf("dataset: test.shape is %v, want %v, the shape of train", s.Test.Shape, s.Train.Shape)
	}
	if train, test := len(s.Train.Labels), len(s.Test.Labels); (train == 0) != (test == 0) {
		return fmt.Errorf("dataset: train has %d labels and test has %d, want them in both or in neither", train, test)
	}
	return nil
}

// Classes returns how many classes the labels of both splits tell apart: 1 + the largest label, or 0 without labels.
func (s *Set) Classes() int {
	classes := 0
	for _, labels := range [][]byte{s.Train.Labels, s.Test.Labels} {
		for _, label := range labels {
			classes = max(classes, 1+int(label))
		}
	}
	return classes
}

// Fingerprint returns a hash of all images and labels and their shapes: 16 hex digits, the start of a SHA-256. Checkpoints
// hold it, so it must stay what it is.
func (s *Set) Fingerprint() string {
	hash := sha256.New()
	for _, split := range []*model.Images{&s.Train, &s.Test} {
		fmt.Fprintf(hash, "%d×%d×%d×%d ", split.Len(), split.Shape.Height, split.Shape.Width, split.Shape.Channels)
		hash.Write(split.Values)
		hash.Write(split.Labels)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
