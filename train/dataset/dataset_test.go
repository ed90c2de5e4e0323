package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/model"
)

// idx returns an IDX file, not compressed: the magic number, the sizes, and the values.
func idx(magic int32, sizes []int32, values []byte) []byte {
	var file bytes.Buffer
	binary.Write(&file, binary.BigEndian, magic)
	binary.Write(&file, binary.BigEndian, sizes)
	file.Write(values)
	return file.Bytes()
}

func images(n, height, width int32, values []byte) []byte {
	return compress(idx(2051, []int32{n, height, width}, values))
}

func labels(n int32, values []byte) []byte {
	return compress(idx(2049, []int32{n}, values))
}

func compress(data []byte) []byte {
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	w.Write(data)
	w.Close()
	return file.Bytes()
}

// ramp returns n bytes, no two neighbours alike.
func ramp(n int) []byte {
	values := make([]byte, n)
	for i := range values {
		values[i] = byte(251 * i)
	}
	return values
}

// goodFiles returns a small data set without a fault: 3 and 2 images of 4×5 pixels.
func goodFiles() map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte.gz": images(3, 4, 5, ramp(60)),
		"train-labels-idx1-ubyte.gz": labels(3, []byte{7, 0, 255}),
		"t10k-images-idx3-ubyte.gz":  images(2, 4, 5, ramp(40)),
		"t10k-labels-idx1-ubyte.gz":  labels(2, []byte{1, 2}),
	}
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenReadsAnyShape(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fashion")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, goodFiles())
	set, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "fashion" || set.Dir != dir {
		t.Errorf("name %q of %q, want fashion of %q", set.Name, set.Dir, dir)
	}
	if err := set.Check(); err != nil {
		t.Error(err)
	}
	if want := (model.Image{Height: 4, Width: 5, Channels: 1}); set.Train.Shape != want || set.Test.Shape != want {
		t.Errorf("images of %v and %v, want %v", set.Train.Shape, set.Test.Shape, want)
	}
	if set.Train.Len() != 3 || !bytes.Equal(set.Train.Values, ramp(60)) || !bytes.Equal(set.Train.Labels, []byte{7, 0, 255}) {
		t.Errorf("training split is %v", set.Train)
	}
	if set.Test.Len() != 2 || !bytes.Equal(set.Test.Values, ramp(40)) || !bytes.Equal(set.Test.Labels, []byte{1, 2}) {
		t.Errorf("test split is %v", set.Test)
	}
}

func TestOpenNamesTheFileAndTheFault(t *testing.T) {
	const (
		trainImages = "train-images-idx3-ubyte.gz"
		trainLabels = "train-labels-idx1-ubyte.gz"
		testImages  = "t10k-images-idx3-ubyte.gz"
		testLabels  = "t10k-labels-idx1-ubyte.gz"
	)
	good := images(3, 4, 5, ramp(60))
	wrongChecksum := slices.Clone(good)
	wrongChecksum[len(wrongChecksum)-8] ^= 1 // the trailer is CRC-32 and length, four bytes each

	tests := []struct {
		fault   string
		file    string
		content []byte
		want    string
	}{
		{"labels for images", trainImages, labels(60, ramp(60)), "magic number is 2049, want 2051"},
		{"images for labels", testLabels, images(2, 4, 5, ramp(40)), "magic number is 2051, want 2049"},
		{"another element type", testImages, compress(idx(0x0D03, []int32{2, 4, 5}, ramp(40))), "magic number is 3331, want 2051"},
		{"negative count", trainImages, images(-1, 4, 5, ramp(60)), "count is -1, want 1 to 4194304"},
		{"negative label count", trainLabels, labels(-3, []byte{1, 2, 3}), "count is -3, want 1 to 4194304"},
		{"count of zero", testImages, images(0, 4, 5, nil), "count is 0, want 1 to 4194304"},
		{"huge count", trainImages, images(1<<31-1, 4, 5, ramp(60)), "count is 2147483647, want 1 to 4194304"},
		{"huge label count", trainLabels, labels(1<<30, []byte{1, 2, 3}), "count is 1073741824, want 1 to 4194304"},
		{"height of zero", trainImages, images(3, 0, 5, nil), "image height is 0, want 1 to 4096"},
		{"width of zero", testImages, images(2, 4, 0, nil), "image width is 0, want 1 to 4096"},
		{"negative width", testImages, images(2, 4, -5, nil), "image width is -5, want 1 to 4096"},
		{"huge height", trainImages, images(3, 4097, 5, ramp(60)), "image height is 4097, want 1 to 4096"},
		{"huge product", trainImages, images(1<<22, 4096, 4096, ramp(60)), "asks for 70368744177664 bytes, want at most 1073741824"},
		{"a product just too large", trainImages, images(1<<18+1, 64, 64, ramp(60)), "asks for 1073745920 bytes, want at most 1073741824"},
		{"images end early", trainImages, images(3, 4, 5, ramp(59)), "has 59 values after the header, want 60 for [3 4 5]"},
		{"labels end early", testLabels, labels(2, []byte{1}), "has 1 value after the header, want 2 for [2]"},
		{"bytes after the images", testImages, images(2, 4, 5, ramp(41)), "has 41 values after the header, want 40 for [2 4 5]"},
		{"bytes after the labels", trainLabels, labels(3, ramp(4)), "has 4 values after the header, want 3 for [3]"},
		{"no values", trainLabels, labels(3, nil), "has 0 values after the header, want 3"},
		{"header ends early", trainImages, compress(idx(2051, []int32{3, 4}, nil)), "no header of 16 bytes: unexpected EOF"},
		{"empty inside", trainLabels, compress(nil), "no header of 8 bytes: EOF"},
		{"empty file", testLabels, nil, "no header of 8 bytes: EOF"},
		{"neither IDX nor gzip", trainImages, []byte("not what it should be"), "magic number is 1852797984, want 2051"},
		{"not compressed and ends early", trainImages, idx(2051, []int32{3, 4, 5}, ramp(59)), "has 59 values after the header, want 60 for [3 4 5]"},
		{"not compressed and goes on", testImages, idx(2051, []int32{2, 4, 5}, ramp(41)), "has 41 values after the header, want 40 for [2 4 5]"},
		{"gzip header ends early", trainLabels, good[:5], "damaged gzip data: unexpected EOF"},
		{"compressed data ends early", trainImages, good[:len(good)-9], "damaged gzip data"},
		{"checksum is missing", trainImages, good[:len(good)-8], "damaged gzip data, 60 values after the header: unexpected EOF"},
		{"wrong checksum", trainImages, wrongChecksum, "damaged gzip data, 60 values after the header: gzip: invalid checksum"},
		{"bytes after the gzip data", trainImages, append(slices.Clone(good), 0), "has bytes after the end of its gzip data, want none"},
		{"zeros after the gzip data", trainLabels, append(labels(3, ramp(3)), make([]byte, 512)...), "has bytes after the end of its gzip data, want none"},
		{"values after the gzip member of the last", trainLabels, append(labels(3, ramp(3)), compress([]byte{1})...), "has 4 values after the header, want 3 for [3]"},
		{"rubbish after a second member", trainLabels, append(append(labels(3, ramp(3)), compress(nil)...), 7), "has bytes after the end of its gzip data, want none"},
		{"second member is cut", trainLabels, append(labels(3, ramp(3)), compress(nil)[:12]...), "damaged gzip data, 3 values after the header: unexpected EOF"},
		{"second member's header is cut", trainLabels, append(labels(3, ramp(3)), compress(nil)[:2]...), "damaged gzip data, 3 values after the header: unexpected EOF"},
		{"fewer labels", trainLabels, labels(2, []byte{1, 2}), "has 2 labels, want 3: one for every image of train-images-idx3-ubyte.gz"},
		{"more labels", testLabels, labels(3, []byte{1, 2, 3}), "has 3 labels, want 2: one for every image of t10k-images-idx3-ubyte.gz"},
		{"wider test images", testImages, images(2, 4, 6, ramp(48)), "images are 4×6×1, but those of train-images-idx3-ubyte.gz are 4×5×1"},
		{"higher test images", testImages, images(2, 6, 5, ramp(60)), "images are 6×5×1, but those of train-images-idx3-ubyte.gz are 4×5×1"},
		{"transposed test images", testImages, images(2, 5, 4, ramp(40)), "images are 5×4×1, but those of train-images-idx3-ubyte.gz are 4×5×1"},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			dir := t.TempDir()
			files := goodFiles()
			files[test.file] = test.content
			writeFiles(t, dir, files)
			checkError(t, dir, filepath.Join(dir, test.file), test.want)
		})
	}
}

// checkError opens dir and looks for each of want in the error.
func checkError(t *testing.T, dir string, want ...string) {
	t.Helper()
	_, err := Open(dir)
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	if strings.Contains(err.Error(), "-data") {
		t.Errorf("error %q speaks of a command's flag", err)
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error is %q, want %q in it", err, part)
		}
	}
}

// Images without labels, and training images alone, are a set; anything else without its images is an error.
func TestOpenNamesMissingFiles(t *testing.T) {
	for _, name := range []string{"train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := goodFiles()
			delete(files, name)
			writeFiles(t, dir, files)
			checkError(t, dir, filepath.Join(dir, strings.TrimSuffix(name, ".gz")), "a file is missing", "with .gz or without")
		})
	}
}

func TestOpensErrorsTellWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	files := goodFiles()
	delete(files, "t10k-images-idx3-ubyte.gz")
	files["notes.txt"] = []byte("no data")
	writeFiles(t, dir, files)
	empty := t.TempDir()
	link := filepath.Join(empty, "link")
	if err := os.Symlink("\x1b[31mnowhere", link); err != nil {
		link = filepath.Join(empty, "nowhere") // no links here
	}
	for _, test := range []struct {
		path             string
		noData, notExist bool
		want             string
	}{
		{filepath.Join(dir, "nowhere"), true, true, filepath.Join(dir, "nowhere") + ": file does not exist"},
		{filepath.Join(empty, "of", "nothing"), true, true, "nothing: file does not exist"},
		{link, true, true, "nowhere"},
		{filepath.Join(dir, "train-labels-idx1-ubyte.gz"), true, false, "is a file of a set in MNIST's format: name its folder"},
		{filepath.Join(dir, "notes.txt"), true, false, "notes.txt is a file of another kind"},
		{filepath.Join(dir, "notes.txt", "x"), true, false, "no data: " + filepath.Join(dir, "notes.txt", "x") + ": "},
		{dir, false, true, "a file is missing"},
	} {
		_, err := Open(test.path)
		if errors.Is(err, ErrNoData) != test.noData || errors.Is(err, fs.ErrNotExist) != test.notExist {
			t.Errorf("%s: error is %v; want ErrNoData: %t, fs.ErrNotExist: %t", test.path, err, test.noData, test.notExist)
		}
		if err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("%s: error is %q, want %q in it, and no escape sequence", test.path, err, test.want)
		}
	}
}

// A folder in which nothing is known is told by what it holds, and none of that reaches a terminal raw.
func TestOpenSaysWhatAFolderHolds(t *testing.T) {
	dir := t.TempDir()
	checkError(t, dir, "no data", dir, "the folder is empty")
	writeFiles(t, dir, map[string][]byte{"a.csv": nil, "b\x1b[2J.txt": nil})
	checkError(t, dir, "the folder holds a.csv, \"b\\x1b[2J.txt\"")
	writeFiles(t, dir, map[string][]byte{"c": nil, "d": nil, "e": nil, "f": nil})
	checkError(t, dir, "c, d, e, f)")
	writeFiles(t, dir, map[string][]byte{"g": nil})
	checkError(t, dir, "c, d, e and 2 more")
}

// A set's file that is no file is named, whatever it is instead. (What a pipe is, package files tests.)
func TestOpenNamesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, goodFiles())
	path := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	checkError(t, dir, path+" is a folder", "want a file")
	if err := errors.Join(os.Remove(path), os.Symlink("nothing", path)); err != nil {
		t.Skip(err)
	}
	checkError(t, dir, path+" is a link to nothing")
}

// A reading that is called off ends with what called it off, and not with what that did to the reading.
func TestOpenIsCalledOff(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, goodFiles())
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	source := DefaultSource()
	for _, path := range []string{dir, filepath.Join("testdata", "grey-uint8.npy"), filepath.Join("testdata", "keras.npz")} {
		source.Path = path
		if _, err := source.Open(ctx, nil); err != reason {
			t.Errorf("%s: error is %v, want the reason alone", path, err)
		}
		if _, err := source.read(ctx, nil); !errors.Is(err, reason) {
			t.Errorf("%s is read to its end: %v", path, err)
		}
	}
	if _, err := (cancelled{ctx, strings.NewReader("more")}).Read(make([]byte, 4)); err != reason {
		t.Errorf("a reading that is called off goes on: %v", err)
	}
}

// The expected values are what Yann LeCun, Corinna Cortes and Christopher Burges publish about MNIST.
func TestOpenFindsMNIST(t *testing.T) {
	set, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "MNIST" {
		t.Errorf("name is %q, want MNIST", set.Name)
	}

	tests := []struct {
		split      *model.Images
		n          int
		firstLabel byte
		histogram  []int
		sha256     string // of the images' IDX file, not compressed
	}{
		{&set.Train, 60000, 5, []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949},
			"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{&set.Test, 10000, 7, []int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009},
			"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
	}
	for _, test := range tests {
		s := test.split
		if s.Len() != test.n || s.Shape != (model.Image{Height: 28, Width: 28, Channels: 1}) {
			t.Fatalf("%d images of %v, want %d of 28×28×1", s.Len(), s.Shape, test.n)
		}
		if s.Labels[0] != test.firstLabel {
			t.Errorf("first label is %d, want %d", s.Labels[0], test.firstLabel)
		}
		histogram := make([]int, 10)
		for _, label := range s.Labels {
			histogram[label]++
		}
		if !slices.Equal(histogram, test.histogram) {
			t.Errorf("labels occur %v times, want %v", histogram, test.histogram)
		}
		file := sha256.Sum256(idx(2051, []int32{int32(test.n), 28, 28}, s.Values))
		if got := hex.EncodeToString(file[:]); got != test.sha256 {
			t.Errorf("images have SHA-256 %s, want %s", got, test.sha256)
		}
	}
	checkMNISTFile(t, filepath.Join(set.Dir, "train-images-idx3-ubyte.gz"))
	if n := set.Classes(); n != 10 {
		t.Errorf("%d classes, want 10", n)
	}
	// Checkpoints hold it: with another they could not be resumed.
	if got, want := set.Fingerprint(), "3883cf909600e585"; got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}
}

// checkMNISTFile compares the checksum that is published for the compressed file.
func checkMNISTFile(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
	sum := sha256.Sum256(content)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("%s has SHA-256 %s, want %s", path, got, want)
	}
}
