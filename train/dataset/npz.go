package dataset

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"govae/internal/words"
)

// maxArrays is how many arrays a .npz file may hold: each header is read before it is known which of them are images.
const maxArrays = 256

// roles says of each part of a set what it is. A set need not have all parts.
type roles[T any] struct{ trainImages, trainLabels, testImages, testLabels T }

// knownRoles are the names in use for a set's arrays. They are compared without regard to case.
var knownRoles = []roles[string]{
	{"x_train", "y_train", "x_test", "y_test"},                     // Keras
	{"train_images", "train_labels", "test_images", "test_labels"}, // MedMNIST, which has val_images too
}

// readNPZ reads a file of several arrays, which is a zip archive.
func (s Source) readNPZ(ctx context.Context, file io.ReaderAt, path string, size int64) (*Set, error) {
	arrays, err := listNPZ(file, path, size)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	chosen, notes, err := chooseArrays(arrays)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	train, notes, err := readPair(ctx, chosen.trainImages, chosen.trainLabels, notes)
	if err != nil {
		return nil, err
	}
	var test split
	if chosen.testImages != nil {
		if test, notes, err = readPair(ctx, chosen.testImages, chosen.testLabels, notes); err != nil {
			return nil, err
		}
	}
	return s.join(train, test, notes)
}

// listNPZ reads the headers of the arrays in a file.
func listNPZ(file io.ReaderAt, path string, size int64) ([]*array, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fmt.Errorf("damaged, or not a .npz file: %w", err)
	}
	var arrays []*array
	for _, entry := range archive.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			continue
		}
		if len(arrays) == maxArrays {
			return nil, fmt.Errorf("has more than %d arrays, want images and their labels alone", maxArrays)
		}
		a := &array{name: words.Printable(name), open: entry.Open}
		a.path = path + ": " + a.name
		if err := a.readNPZHeader(entry); err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		arrays = append(arrays, a)
	}
	if len(arrays) == 0 {
		return nil, errors.New("a zip archive without arrays: want files in it whose names end in .npy, or, of pictures, the folder that it unpacks to")
	}
	return arrays, nil
}

// readNPZHeader reads the header of the array in an entry. The length that the entry claims is what archive/zip lets nobody read beyond.
func (a *array) readNPZHeader(entry *zip.File) error {
	stream, err := entry.Open()
	if err != nil {
		return err
	}
	defer stream.Close()
	return a.readNPYHeader(bufio.NewReader(stream), int64(entry.UncompressedSize64))
}

// chooseArrays finds out which of the arrays are what: by their names where these are known, with a note on those that are left over, and
// else by their shapes, of which one alone must be that of images and at most one other that of labels.
func chooseArrays(arrays []*array) (chosen roles[*array], notes []string, err error) {
	byName := map[string]*array{}
	for _, a := range arrays {
		key := strings.ToLower(a.name)
		if byName[key] != nil {
			return chosen, nil, ambiguous(arrays)
		}
		byName[key] = a
	}
	found := 0
	for _, r := range knownRoles {
		if byName[r.trainImages] != nil {
			chosen = roles[*array]{byName[r.trainImages], byName[r.trainLabels], byName[r.testImages], byName[r.testLabels]}
			if chosen.testImages == nil {
				chosen.testLabels = nil
			}
			found++
		}
	}
	switch found {
	case 0:
		chosen, err = chooseByShape(arrays)
		return chosen, nil, err
	case 1:
		return chosen, leftOver(arrays, chosen), nil
	}
	return chosen, nil, ambiguous(arrays)
}

// leftOver notes which arrays are not used.
func leftOver(arrays []*array, chosen roles[*array]) []string {
	var names []string
	for _, a := range arrays {
		switch a {
		case chosen.trainImages, chosen.trainLabels, chosen.testImages, chosen.testLabels:
		default:
			names = append(names, a.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("not used: %s", strings.Join(names, ", "))}
}

// chooseByShape finds the only array of images and the only one of labels.
func chooseByShape(arrays []*array) (chosen roles[*array], err error) {
	for _, a := range arrays {
		place := &chosen.trainLabels
		if len(a.shape) > 2 || len(arrays) == 1 { // an only array will be told what is wrong with its shape
			place = &chosen.trainImages
		}
		if *place != nil {
			return chosen, ambiguous(arrays)
		}
		*place = a
	}
	if labels := chosen.trainLabels; chosen.trainImages == nil || labels != nil && !labels.mayBeLabels() {
		return chosen, ambiguous(arrays)
	}
	return chosen, nil
}

// mayBeLabels says whether an array without a known name is one of labels: whole numbers, [n] or [n, 1].
func (a *array) mayBeLabels() bool {
	return (a.kind == 'u' || a.kind == 'i') && (len(a.shape) == 1 || len(a.shape) == 2 && a.shape[1] == 1)
}

// ambiguous is the error of arrays of which it is not known what they are.
func ambiguous(arrays []*array) error {
	const most = 10
	var list []string
	for i, a := range arrays {
		if i == most {
			list = append(list, words.Counted(len(arrays)-most, "other"))
			break
		}
		list = append(list, fmt.Sprintf("%s (%v)", a.name, a))
	}
	return fmt.Errorf("it is not clear what is what of %s: name them x_train, y_train, x_test and y_test, of which x_train alone is needed",
		strings.Join(list, ", "))
}

// readPair reads images and, where there are any, their labels.
func readPair(ctx context.Context, images, labels *array, notes []string) (split, []string, error) {
	read, err := images.images(ctx)
	if err != nil || labels == nil {
		return read, notes, err
	}
	var note string
	if read.Labels, note, err = labels.labels(ctx, &read); note != "" {
		notes = append(notes, note)
	}
	return read, notes, err
}
