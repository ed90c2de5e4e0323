package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"govae/internal/words"
	"govae/model"
)

// idxName takes apart the names that sets in MNIST's format use for their files: the set's own name, which MNIST leaves out, the split,
// and what of it the file holds. Examples: t10k-images-idx3-ubyte.gz, emnist-letters-train-labels.idx1-ubyte, qmnist-test-labels-idx2-int.
var idxName = regexp.MustCompile(`^(?:(.+)-)?(train|t10k|test)-(?:(images)([-.])idx3-ubyte|(labels)([-.])(?:idx1-ubyte|idx2-int))(\.gz)?$`)

// part is what a file holds of a set.
type part struct{ split, what string }

// testSplits are the names of the split that is tested on. Of two, the first is read.
var testSplits = []string{"t10k", "test"}

// idxFile is a file that holds a part of a set.
type idxFile struct {
	path string
	rank int // of several files for a part, that of the lowest rank is read
}

// What makes a name's rank: the names of old come first, as MNIST's site has them.
const (
	rankPlain  = 1 << iota // not named .gz
	rankDot                // images.idx3 in place of images-idx3
	rankFolder             // in a folder of its own
	rankNoFile             // a folder that does not hold it
)

// parseIDXName returns what a name says: the set, what part of it the file holds, and the name's rank.
func parseIDXName(name string) (set string, p part, rank int, ok bool) {
	if !strings.Contains(name, "idx") { // most names of most folders
		return "", part{}, 0, false
	}
	m := idxName.FindStringSubmatch(name)
	if m == nil {
		return "", part{}, 0, false
	}
	if m[4]+m[6] == "." {
		rank |= rankDot
	}
	if m[7] == "" {
		rank |= rankPlain
	}
	return m[1], part{m[2], m[3] + m[5]}, rank, true
}

// idxSets are the sets in a folder: by their names, the files of their parts.
type idxSets map[string]map[part]idxFile

// findIDX looks for sets in a folder.
func findIDX(dir string) (idxSets, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	sets := idxSets{}
	for _, entry := range entries {
		set, p, rank, ok := parseIDXName(entry.Name())
		if !ok {
			continue
		}
		file := idxFile{filepath.Join(dir, entry.Name()), rank}
		if info, err := os.Stat(file.path); err == nil && info.IsDir() {
			file = insideFolder(file, set, p)
		}
		if sets[set] == nil {
			sets[set] = map[part]idxFile{}
		}
		if other, ok := sets[set][p]; !ok || file.rank < other.rank {
			sets[set][p] = file
		}
	}
	return sets, nil
}

// insideFolder returns the file for a part of a set that a folder named as such a file holds: so Kaggle unpacks archives. Where there is
// none, it returns the folder, and to read that will say so.
func insideFolder(folder idxFile, set string, p part) idxFile {
	entries, _ := os.ReadDir(folder.path)
	best := idxFile{folder.path, folder.rank | rankNoFile}
	for _, entry := range entries {
		s, q, rank, ok := parseIDXName(entry.Name())
		if rank |= rankFolder; ok && s == set && q == p && rank < best.rank {
			best = idxFile{filepath.Join(folder.path, entry.Name()), rank}
		}
	}
	return best
}

// choose returns the name of the set in dir to read: the only one, or, of several, the one without a name, with a note on the others.
func (sets idxSets) choose(dir string) (set string, notes []string, err error) {
	names := slices.Sorted(maps.Keys(sets))
	if len(names) == 1 {
		return names[0], nil, nil
	}
	named := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	var shown []string
	for _, n := range named {
		shown = append(shown, words.Printable(n))
	}
	list, example := strings.Join(shown, ", "), words.Printable(filepath.Join(dir, named[0]))
	if len(named) == len(names) {
		return "", nil, fmt.Errorf("dataset: %s holds several sets, %s: name one of them, as in %s", dir, list, example)
	}
	return "", []string{fmt.Sprintf("%s also holds %s, which %s would name", dir, list, example)}, nil
}

// readIDXSet reads the set of that name from its files in dir.
func (s Source) readIDXSet(ctx context.Context, dir, set string, parts map[part]idxFile, notes []string) (*Set, error) {
	train, err := readIDXSplit(ctx, dir, set, "train", parts)
	if err != nil {
		return nil, err
	}
	if train.Len() == 0 {
		return nil, missing(dir, set, part{"train", "images"})
	}
	var test split
	for _, name := range testSplits {
		if test, err = readIDXSplit(ctx, dir, set, name, parts); err != nil {
			return nil, err
		}
		if test.Len() > 0 {
			break
		}
	}
	return s.join(train, test, notes)
}

// readIDXSplit reads the images of a split and, where there is a file of them, its labels. It returns none where there is neither.
func readIDXSplit(ctx context.Context, dir, set, name string, parts map[part]idxFile) (split, error) {
	imagesFile, hasImages := parts[part{name, "images"}]
	labelsFile, hasLabels := parts[part{name, "labels"}]
	if !hasImages {
		if hasLabels {
			return split{}, missing(dir, set, part{name, "images"})
		}
		return split{}, nil
	}
	sizes, values, err := readIDXFile(ctx, imagesFile.path, 3)
	if err != nil {
		return split{}, err
	}
	read := split{name: filepath.Base(imagesFile.path), path: imagesFile.path}
	read.Shape = model.Image{Height: sizes[1], Width: sizes[2], Channels: 1}
	read.Values = values
	if set == "emnist" || strings.HasPrefix(set, "emnist-") {
		turn(&read.Images) // EMNIST's files hold each image column by column
	}
	if !hasLabels {
		return read, nil
	}
	if _, read.Labels, err = readIDXFile(ctx, labelsFile.path, 1); err != nil {
		return split{}, err
	}
	if labels, n := len(read.Labels), read.Len(); labels != n {
		return split{}, fmt.Errorf("dataset: %s: has %d labels, want %d: one for every image of %s", labelsFile.path, labels, n, read.name)
	}
	return read, nil
}

// missing is the error of a file without which others in dir are of no use.
func missing(dir, set string, p part) error {
	name := p.split + "-" + p.what + "-idx3-ubyte"
	if set != "" {
		name = set + "-" + name
	}
	return fmt.Errorf("dataset: a file is missing: %s, with .gz or without: %w", words.Printable(filepath.Join(dir, name)), fs.ErrNotExist)
}

// readNamedSet reads the set that a path names which is no file or folder: FOLDER/emnist-letters, of the several in FOLDER.
func (s Source) readNamedSet(ctx context.Context, path string) (*Set, error) {
	path = filepath.Clean(path)
	dir, set := filepath.Dir(path), filepath.Base(path)
	nothing := fmt.Errorf("dataset: %w: there is no file or folder %s: %w", ErrNoData, path, fs.ErrNotExist)
	if target, err := os.Readlink(path); err == nil {
		return nil, fmt.Errorf("dataset: %w: %s is a link to %s, which is not there: %w", ErrNoData, path, words.Printable(target), fs.ErrNotExist)
	}
	sets, err := findIDX(dir)
	if errors.Is(err, fs.ErrNotExist) || len(sets) == 0 {
		return nil, nothing
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if parts, ok := sets[set]; ok {
		return s.readIDXSet(ctx, dir, set, parts, nil)
	}
	if _, _, err := sets.choose(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", nothing, err)
	}
	return nil, nothing
}
