package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// npzFile returns a zip archive of files, name and content in turns.
func npzFile(t testing.TB, parts ...any) []byte {
	t.Helper()
	var file bytes.Buffer
	archive := zip.NewWriter(&file)
	for i := 0; i < len(parts); i += 2 {
		w, err := archive.Create(parts[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(parts[i+1].([]byte))
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The files were written by numpy, with the names of Keras' and of MedMNIST's.
func TestNumPysSets(t *testing.T) {
	for _, name := range []string{"keras.npz", "medmnist.npz"} {
		set := openFile(t, name, 0.1)
		if !bytes.Equal(set.Train.Values, ramp(60)) || !bytes.Equal(set.Train.Labels, []byte{7, 0, 255}) {
			t.Errorf("%s: training split is %v", name, set.Train)
		}
		if !bytes.Equal(set.Test.Values, ramp(40)) || !bytes.Equal(set.Test.Labels, []byte{1, 2}) {
			t.Errorf("%s: test split is %v", name, set.Test)
		}
		want := []string(nil)
		if name == "medmnist.npz" {
			want = []string{"not used: val_images, val_labels"}
		}
		if !slices.Equal(set.Notes, want) {
			t.Errorf("%s: notes are %q, want %q", name, set.Notes, want)
		}
	}

	// Of three images the first, the second or the third is held out, with its label.
	set := openFile(t, "positional.npz", 0.1)
	byLabel := map[byte][]byte{7: ramp(60)[:20], 0: ramp(60)[20:40], 255: ramp(60)[40:]}
	for i, label := range set.Train.Labels {
		if image := set.Train.Values[20*i:][:20]; !bytes.Equal(image, byLabel[label]) {
			t.Errorf("the image with label %d is %v, want %v", label, image, byLabel[label])
		}
	}
	if len(set.Train.Labels) != 2 || len(set.Test.Labels) != 1 || !bytes.Equal(set.Test.Values, byLabel[set.Test.Labels[0]]) {
		t.Errorf("labels are %v and %v, and the image held out is %v", set.Train.Labels, set.Test.Labels, set.Test.Values)
	}
}

// What is in a file beside its images, and what comes of it: an error, or labels or none with a note.
func TestNPZChoosesArrays(t *testing.T) {
	images := npyFile("|u1", false, []int{3, 4, 5}, ramp(60))
	colour := npyFile("|u1", false, []int{2, 4, 5, 3}, ramp(120))
	ints := func(descr string, order binary.AppendByteOrder, shape []int, values ...int16) []byte {
		var b []byte
		for _, v := range values {
			b = order.AppendUint16(b, uint16(v))
		}
		return npyFile(descr, false, shape, b)
	}
	good := ints(">i2", binary.BigEndian, []int{3}, 7, 0, 255)
	tests := []struct {
		name   string
		parts  []any
		labels []byte // of a set that is read
		note   string // or in place of it, where it is the only one
		err    string
	}{
		{"images", []any{"a.npy", images}, nil, "", ""},
		{"images and labels", []any{"b.npy", good, "a.npy", images}, []byte{7, 0, 255}, "", ""},
		{"images in a folder, and what is no array", []any{"a/b.npy", images, "readme.txt", []byte("x")}, nil, "", ""},
		{"labels in a column", []any{"a.npy", images, "b.npy", ints("<u2", binary.LittleEndian, []int{3, 1}, 1, 2, 3)}, []byte{1, 2, 3}, "", ""},
		{"capitals", []any{"X_train.npy", images, "Y_train.npy", good, "X_val.npy", images}, []byte{7, 0, 255}, "not used: X_val", ""},
		{"labels of other images", []any{"x_train.npy", images, "y_train.npy", ints("<i2", binary.LittleEndian, []int{2}, 1, 2)}, nil, "",
			"y_train: labels have the shape [2], want one for each of the 3 images of x_train"},
		{"more labels than images", []any{"x_train.npy", images, "y_train.npy", ints("<i2", binary.LittleEndian, []int{4}, 1, 2, 3, 4)}, nil, "",
			"y_train: labels have the shape [4], want one for each of the 3 images of x_train"},
		{"a label of -1", []any{"x_train.npy", images, "y_train.npy", ints("<i2", binary.LittleEndian, []int{3}, 1, -1, 2)}, nil,
			"the labels y_train are not used: that of image 1 is -1, want 0 to 255", ""},
		{"a label of 256", []any{"x_train.npy", images, "y_train.npy", ints("<u2", binary.LittleEndian, []int{3}, 1, 2, 256)}, nil,
			"the labels y_train are not used: that of image 2 is 256, want 0 to 255", ""},
		{"one-hot labels", []any{"x_train.npy", images, "y_train.npy", npyFile("|u1", false, []int{3, 10}, ramp(30))}, nil,
			"the labels y_train are not used: they have the shape [3, 10], want one for each image", ""},
		{"labels that are no whole numbers", []any{"x_train.npy", images, "y_train.npy", npyFile("<f4", false, []int{3}, make([]byte, 12))}, nil,
			"the labels y_train are not used: they are float32, want whole numbers", ""},
		{"labels that are words", []any{"x_train.npy", images, "y_train.npy", npyFile("<U5", false, []int{3}, make([]byte, 60))}, nil,
			"the labels y_train are not used: they are <U5, want whole numbers", ""},
		{"labels of a test set that is not there", []any{"x_train.npy", images, "y_test.npy", good}, nil, "not used: y_test", ""},
		{"labels that end early", []any{"x_train.npy", images, "y_train.npy", good[:len(good)-1]}, nil, "", "y_train: has 5 bytes of values, want 6 for int16 [3]"},
		{"images that end early", []any{"x_train.npy", images[:len(images)-1]}, nil, "", "x_train: has 59 bytes of values, want 60 for uint8 [3, 4, 5]"},
		{"images of 10¹² values", []any{"x_train.npy", npyFile("|u1", false, []int{1e6, 1e3, 1e3}, ramp(60))}, nil, "", "x_train: shape [1000000, 1000, 1000] asks for more than"},
		{"two kinds of images", []any{"a.npy", images, "b.npy", colour}, nil, "", "not clear what is what of a (uint8 [3, 4, 5]), b (uint8 [2, 4, 5, 3]): name them x_train"},
		{"two kinds of labels", []any{"a.npy", images, "b.npy", good, "c.npy", good}, nil, "", "b (int16 [3]), c (int16 [3])"},
		{"labels that may be others", []any{"a.npy", images, "b.npy", npyFile("<f4", false, []int{3}, make([]byte, 12))}, nil, "", "b (float32 [3])"},
		{"rows", []any{"a.npy", npyFile("|u1", false, []int{2, 784}, ramp(2*784)), "b.npy", good}, nil, "", "a (uint8 [2, 784])"},
		{"rows alone", []any{"a.npy", npyFile("|u1", false, []int{2, 784}, ramp(2*784))}, nil, "", "a: shape is [2, 784], one row for each image: x.reshape(-1, 28, 28)"},
		{"both names", []any{"x_train.npy", images, "train_images.npy", images}, nil, "", "not clear what is what of x_train"},
		{"a name twice", []any{"x_train.npy", images, "x_train.npy", images}, nil, "", "not clear what is what of x_train"},
		{"a test set of another shape", []any{"x_train.npy", images, "x_test.npy", colour}, nil, "", "x_test: images are 4×5×3, but those of x_train are 4×5×1"},
		{"labels of training alone", []any{"x_train.npy", images, "y_train.npy", good, "x_test.npy", images}, nil,
			"the images of x_train have labels and those of x_test have none: none are used", ""},
		{"no arrays", []any{"a.png", ramp(9)}, nil, "", "a zip archive without arrays: want files in it whose names end in .npy, or, of pictures, the folder that it unpacks to"},
		{"a name to mislead", []any{"\x1b[2J.npy", images, "b.npy", images}, nil, "", `"\x1b[2J" (uint8`},
		{"a damaged header", []any{"x_train.npy", images[:9]}, nil, "", "x_train: ends within its header"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "my.npz")
			if err := os.WriteFile(path, npzFile(t, test.parts...), 0o600); err != nil {
				t.Fatal(err)
			}
			if test.err != "" {
				checkError(t, path, path, test.err)
				return
			}
			set, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			labels := slices.Concat(set.Train.Labels, set.Test.Labels)
			if slices.Sort(labels); !slices.Equal(labels, slices.Sorted(slices.Values(test.labels))) {
				t.Errorf("labels are %v, want %v", labels, test.labels)
			}
			notes := slices.DeleteFunc(set.Notes, func(n string) bool { return strings.HasPrefix(n, "no test set: ") })
			if got := strings.Join(notes, "; "); got != test.note {
				t.Errorf("notes are %q, want %q", got, test.note)
			}
		})
	}
}

// What a file is, its first bytes say, whatever it is called.
func TestArraysOfAnyName(t *testing.T) {
	images := npyFile("|u1", false, []int{3, 4, 5}, ramp(60))
	for _, content := range [][]byte{images, npzFile(t, "images.npy", images)} {
		for _, name := range []string{"images", "images.bin", "images.npy"} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err != nil {
				t.Errorf("%q as %s: %v", content[:4], name, err)
			}
		}
	}
}

func TestNPZIsDamaged(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "keras.npz"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[bytes.Index(good, ramp(60))] ^= 1
	for want, content := range map[string][]byte{
		"damaged, or not a .npz file":              good[:len(good)-1],
		"x_train: damaged after 60 values: zip":    flipped,
		"damaged, or not a .npz file: zip: not":    nil,
		"damaged, or not a .npz file: zip: not a ": []byte("\x93NUMPY\x01\x00"),
	} {
		path := filepath.Join(t.TempDir(), "my.npz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		checkError(t, path, path, want)
	}

	var parts []any
	for i := range maxArrays + 1 {
		parts = append(parts, string(rune('a'+i))+".npy", npyFile("|u1", false, []int{3, 4, 5}, ramp(60)))
	}
	path := filepath.Join(t.TempDir(), "my.npz")
	if err := os.WriteFile(path, npzFile(t, parts...), 0o600); err != nil {
		t.Fatal(err)
	}
	checkError(t, path, path, "has more than 256 arrays")
}

// measureArrays reads bytes as a .npy or as a .npz file, and returns how many bytes that has allocated.
func measureArrays(t testing.TB, file []byte, npz bool) (set *Set, allocated uint64, err error) {
	read := DefaultSource().readNPY
	if npz {
		read = DefaultSource().readNPZ
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	set, err = read(t.Context(), bytes.NewReader(file), "my", int64(len(file)))
	runtime.ReadMemStats(&after)
	return set, after.TotalAlloc - before.TotalAlloc, err
}

// A file cannot have more memory taken than four times of what is in it, be it a header or an archive that lies.
func TestArraysTakeWhatIsThere(t *testing.T) {
	const size = 10 << 20
	claims := npzFile(t, "x_train.npy", npyFile("|u1", false, []int{1 << 10, 1 << 10, 1 << 10}, ramp(size)))
	header := len(npyFile("|u1", false, []int{1 << 10, 1 << 10, 1 << 10}, nil))
	directory := bytes.LastIndex(claims, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(claims[directory+24:], uint32(header+1<<30)) // the size that the entry claims
	tests := []struct {
		name string
		file []byte
		npz  bool
		most uint64
		want string
	}{
		{"a header that asks for 1 GiB", npyFile("|u1", false, []int{1 << 10, 1 << 10, 1 << 10}, ramp(60)), false, 1 << 18, "has 60 bytes of values"},
		{"a header that asks for 1 TiB", npyFile("<f8", false, []int{1 << 20, 1 << 10, 1 << 10}, ramp(60)), false, 1 << 18, "asks for more than"},
		{"an archive that claims 1 GiB and has 10 MB", claims, true, maxAlloc(size), "damaged after 10,"},
		{"10 MB in 10 KB where 60 are wanted", npzFile(t, "x_train.npy", npyFile("|u1", false, []int{3, 4, 5}, make([]byte, size))), true, 1 << 20, "has 10485760 bytes of values, want 60"},
	}
	for _, test := range tests {
		_, allocated, err := measureArrays(t, test.file, test.npz)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q in it", test.name, err, test.want)
		}
		if allocated > test.most {
			t.Errorf("%s: allocated %d bytes, want at most %d", test.name, allocated, test.most)
		}
	}
}

// FuzzArrays reads any bytes as a .npy file, as the only entry of a .npz file, and as a .npz file. What is accepted has as many values as
// its header asks for, and what is not takes no memory for what is not there.
func FuzzArrays(f *testing.F) {
	for _, name := range []string{"grey-uint8.npy", "rgb-last-fortran.npy", "grey-float32-big.npy", "grey-version-2.npy", "keras.npz", "medmnist.npz", "alone.npz"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(npyFile("|u1", false, []int{1e12, 28, 28}, ramp(60)))
	f.Add(npyFile("<f4", true, []int{2, -3, 1}, ramp(60)))
	f.Add(npyText("{'descr': [('a', '<f4')], 'shape': (3L, ), }\n", nil))
	f.Add([]byte("PK\x05\x06"))

	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range []struct {
			content []byte
			npz     bool
		}{{data, false}, {data, true}, {npzFile(t, "x_train.npy", data), true}} {
			set, allocated, err := measureArrays(t, file.content, file.npz)
			there, entries := contentOf(file.content)
			if most := maxAlloc(there) + 32*uint64(len(file.content)) + uint64(entries)<<18; allocated > most {
				t.Fatalf("reading %d bytes with %d in them allocated %d bytes, want at most %d", len(file.content), there, allocated, most)
			}
			if err != nil {
				continue
			}
			for _, images := range []int{len(set.Train.Values), len(set.Test.Values)} {
				if images > there {
					t.Fatalf("%d values were read where %d bytes are", images, there)
				}
			}
		}
	})
}

// contentOf returns how many bytes are in the entries of a zip archive, or how many a file has that is none, and how many entries it has.
func contentOf(file []byte) (bytesThere, entries int) {
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return len(file), 1
	}
	for _, entry := range archive.File {
		if r, err := entry.Open(); err == nil {
			n, _ := io.Copy(io.Discard, r)
			bytesThere += int(n)
		}
	}
	return bytesThere, len(archive.File)
}
