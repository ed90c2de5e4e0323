package dataset

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/model"
)

// writeTree writes files, whose names may have folders in them, to a new folder.
func writeTree(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// under returns the files of a good set under other names: each is of a split, t10k or train, and images or labels.
func under(rename func(split, what string) string, pack func([]byte) []byte) map[string][]byte {
	files := map[string][]byte{}
	for name, content := range goodFiles() {
		split, what, _ := strings.Cut(strings.TrimSuffix(name, ".gz"), "-")
		files[rename(split, what)] = pack(content)
	}
	return files
}

// The names in use, by the sites and archives that use them.
func TestIDXNames(t *testing.T) {
	same := func(content []byte) []byte { return content }
	tests := []struct {
		names  string
		rename func(split, what string) string
		pack   func([]byte) []byte
	}{
		{"MNIST's site", func(s, w string) string { return s + "-" + w + ".gz" }, same},
		{"unpacked", func(s, w string) string { return s + "-" + w }, decompress},
		{"unpacked and named .gz all the same", func(s, w string) string { return s + "-" + w + ".gz" }, decompress},
		{"gzipped without the name", func(s, w string) string { return s + "-" + w }, same},
		{"a dot for a hyphen", func(s, w string) string { return s + "-" + strings.Replace(w, "-idx", ".idx", 1) }, decompress},
		{"a dot for a hyphen, .gz", func(s, w string) string { return s + "-" + strings.Replace(w, "-idx", ".idx", 1) + ".gz" }, same},
		{"Kaggle's folders", func(s, w string) string { return s + "-" + w + "/" + s + "-" + w }, decompress},
		{"Kaggle's folders, a dot for a hyphen", func(s, w string) string {
			name := s + "-" + strings.Replace(w, "-idx", ".idx", 1)
			return name + "/" + name
		}, decompress},
		{"test for t10k", func(s, w string) string { return strings.Replace(s, "t10k", "test", 1) + "-" + w + ".gz" }, same},
		{"a set's name", func(s, w string) string { return "kuzushiji-49-" + s + "-" + w + ".gz" }, same},
		{"QMNIST's", func(s, w string) string { return "qmnist-" + strings.Replace(s, "t10k", "test", 1) + "-" + w + ".gz" }, same},
	}
	want, err := Open(writeTree(t, goodFiles()))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		set, err := Open(writeTree(t, under(test.rename, test.pack)))
		if err != nil {
			t.Errorf("%s: %v", test.names, err)
			continue
		}
		if set.Fingerprint() != want.Fingerprint() || len(set.Notes) > 0 {
			t.Errorf("%s: fingerprint is %s, want %s; notes %q", test.names, set.Fingerprint(), want.Fingerprint(), set.Notes)
		}
	}

	for _, name := range []string{"train-images-idx3-ubyte.zip", "train-images-idx1-ubyte", "train-labels-idx3-ubyte", "images-idx3-ubyte",
		"xtrain-images-idx3-ubyte", "train-images-idx3-ubyte.gz.part", "valid-images-idx3-ubyte"} {
		if set, p, _, ok := parseIDXName(name); ok {
			t.Errorf("%s is taken for %v of the set %q", name, p, set)
		}
	}
}

// TestMNISTUnderEachName reads the real MNIST under other names, unpacked, and finds what is published of it.
func TestMNISTUnderEachName(t *testing.T) {
	dir, err := mnist()
	if err != nil {
		t.Fatal(err)
	}
	unpacked := t.TempDir()
	for name := range goodFiles() {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.TrimSuffix(name, ".gz")
		folder := filepath.Join(unpacked, plain)
		if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, plain), decompress(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Open(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := set.Fingerprint(), "3883cf909600e585"; got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}
}

// Of several files for one part that one is read which MNIST's site would name so; the others, which are damaged here, are not.
func TestIDXFileTwice(t *testing.T) {
	bad := []byte("damaged")
	name := "train-images-idx3-ubyte"
	order := []string{name + ".gz", name, "train-images.idx3-ubyte.gz", "train-images.idx3-ubyte", name + ".gz/" + name + ".gz", name + "/" + name}
	for i, best := range order {
		files := goodFiles()
		content := files[order[0]]
		delete(files, order[0])
		for _, other := range order[i+1:] {
			if folder := path.Dir(other); folder != best && files[folder] == nil { // the name is not a file's already
				files[other] = bad
			}
		}
		files[best] = content
		if set, err := Open(writeTree(t, files)); err != nil || set.Train.Len() != 3 {
			t.Errorf("%s is there and %v are damaged: %v", best, order[i+1:], err)
		}
	}
}

// Of two test sets the one that MNIST's site has is read, and the other, which is damaged here, is not.
func TestTestSetTwice(t *testing.T) {
	files := goodFiles()
	files["test-images-idx3-ubyte.gz"], files["test-labels-idx1-ubyte.gz"] = []byte("damaged"), []byte("damaged")
	if set, err := Open(writeTree(t, files)); err != nil || set.Test.Len() != 2 {
		t.Errorf("t10k is there and test is damaged: %v", err)
	}
}

func TestSetsWithoutLabelsOrTest(t *testing.T) {
	without := func(names ...string) map[string][]byte {
		files := goodFiles()
		for _, name := range names {
			delete(files, name+"-ubyte.gz")
		}
		return files
	}
	tests := []struct {
		name              string
		files             map[string][]byte
		train, test       int
		trainLabels, note string
	}{
		{"all", without(), 3, 2, "\x07\x00\xff", ""},
		{"no labels", without("train-labels-idx1", "t10k-labels-idx1"), 3, 2, "", ""},
		{"no labels to train on", without("train-labels-idx1"), 3, 2, "",
			"the images of t10k-images-idx3-ubyte.gz have labels and those of train-images-idx3-ubyte.gz have none: none are used"},
		{"no labels to test on", without("t10k-labels-idx1"), 3, 2, "",
			"the images of train-images-idx3-ubyte.gz have labels and those of t10k-images-idx3-ubyte.gz have none: none are used"},
		{"no test set", without("t10k-images-idx3", "t10k-labels-idx1"), 2, 1, "?", "no test set: 1 of 3 images are tested on and not trained on"},
		{"training images alone", without("t10k-images-idx3", "t10k-labels-idx1", "train-labels-idx1"), 2, 1, "",
			"no test set: 1 of 3 images are tested on and not trained on"},
	}
	for _, test := range tests {
		set, err := Open(writeTree(t, test.files))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if err := set.Check(); err != nil || set.Train.Len() != test.train || set.Test.Len() != test.test {
			t.Errorf("%s: %d and %d images, want %d and %d; %v", test.name, set.Train.Len(), set.Test.Len(), test.train, test.test, err)
		}
		if test.trainLabels != "?" && string(set.Train.Labels) != test.trainLabels {
			t.Errorf("%s: labels are %v, want %v", test.name, set.Train.Labels, []byte(test.trainLabels))
		}
		if got := strings.Join(set.Notes, "; "); got != test.note {
			t.Errorf("%s: notes are %q, want %q", test.name, got, test.note)
		}
	}
}

// several returns the files of sets of one training image each, whose value is the set's place.
func several(names ...string) map[string][]byte {
	files := map[string][]byte{}
	for i, name := range names {
		files[name+"train-images-idx3-ubyte.gz"] = images(2, 1, 1, []byte{byte(i), byte(i)})
	}
	return files
}

// Of several sets in a folder a path names one; the folder itself is MNIST's, or an error that lists them.
func TestSeveralSets(t *testing.T) {
	dir := writeTree(t, several("emnist-letters-", "emnist-digits-", "emnist-balanced-", "fashion-"))
	checkError(t, dir, dir+" holds several sets, emnist-balanced, emnist-digits, emnist-letters, fashion: name one of them, as in "+filepath.Join(dir, "emnist-balanced"))
	checkError(t, filepath.Join(dir, "emnist"), "no data", filepath.Join(dir, "emnist")+": file does not exist", "emnist-letters")
	for i, name := range []string{"emnist-letters", "emnist-digits", "emnist-balanced", "fashion"} {
		named := filepath.Join(dir, name)
		set, err := Open(named + string(filepath.Separator))
		if err != nil || set.Name != name || set.Train.Values[0] != byte(i) {
			t.Errorf("%s: %v, %v", named, set, err)
		}
		if set, err = Open(named); err != nil || set.Dir != named {
			t.Errorf("%s: %v, %v", named, set, err)
		}
	}

	dir = writeTree(t, several("", "emnist-letters-"))
	set, err := Open(dir)
	if err != nil || set.Train.Values[0] != 0 || !strings.HasPrefix(set.Notes[0], dir+" also holds emnist-letters, which "+filepath.Join(dir, "emnist-letters")) {
		t.Errorf("with a set of no name: %v, %v", set, err)
	}
	checkError(t, filepath.Join(dir, "nothing"), "nothing: file does not exist")

	dir = writeTree(t, several("a\x1b[2J-", "b-"))
	checkError(t, dir, `"a\x1b[2J", b`)

	dir = writeTree(t, map[string][]byte{"emnist-digits-train-labels-idx1-ubyte.gz": labels(1, []byte{1})})
	checkError(t, dir, "a file is missing: "+filepath.Join(dir, "emnist-digits-train-images-idx3-ubyte"))
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want fs.ErrNotExist", err)
	}
}

// EMNIST's images lie in its files column by column. Nobody else's do.
func TestEMNISTIsSetUpright(t *testing.T) {
	const height, width = 3, 2 // of the images upright
	var upright, file []byte
	for i := range 4 {
		for y := range height {
			for x := range width {
				upright = append(upright, byte(100*i+10*y+x))
			}
		}
		for x := range width {
			for y := range height {
				file = append(file, byte(100*i+10*y+x))
			}
		}
	}
	for name, want := range map[string]struct {
		shape  model.Image
		values []byte
	}{
		"emnist-letters-": {model.Image{Height: height, Width: width, Channels: 1}, upright},
		"emnist-":         {model.Image{Height: height, Width: width, Channels: 1}, upright},
		"not-emnist-":     {model.Image{Height: width, Width: height, Channels: 1}, file},
		"":                {model.Image{Height: width, Width: height, Channels: 1}, file},
	} {
		content := images(4, width, height, file)
		set, err := Open(writeTree(t, map[string][]byte{name + "train-images-idx3-ubyte.gz": content, name + "test-images-idx3-ubyte.gz": content}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, split := range []*model.Images{&set.Train, &set.Test} {
			if split.Shape != want.shape || !bytes.Equal(split.Values, want.values) {
				t.Errorf("%s: images of %v are %v, want %v", name, split.Shape, split.Values, want.values)
			}
		}
	}
}

// A folder with a set's files is that set, whatever else is in it.
func TestIDXGoesBeforePictures(t *testing.T) {
	files := goodFiles()
	files["a.png"], files["cats/b.jpg"], files["c.npy"] = []byte("no picture"), nil, nil
	set, err := Open(writeTree(t, files))
	if err != nil || !slices.Equal(set.Train.Labels, []byte{7, 0, 255}) {
		t.Errorf("%v, %v", set, err)
	}
}
