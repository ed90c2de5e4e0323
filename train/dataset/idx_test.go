package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// maxAlloc bounds what reading a file may allocate that has so many of the values that its header asks for, whatever
// that is. The state of gzip is about 40 KB. Each time that memory is taken it is at most four times as much as has been
// read, and at least four times as much as before: 4 · (1 + 1/4 + 1/16 + …) < 6.
func maxAlloc(values int) uint64 { return 1<<20 + 6*uint64(values) }

// measureIDX returns what readIDX returns, and how many bytes it has allocated meanwhile.
func measureIDX(file []byte, dimensions int) (sizes []int, values []byte, allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sizes, values, err = readIDX(bytes.NewReader(file), dimensions)
	runtime.ReadMemStats(&after)
	return sizes, values, after.TotalAlloc - before.TotalAlloc, err
}

func TestReadingAllocatesWhatIsThere(t *testing.T) {
	const size, odd = 10 << 20, 11 * 1023 * 1021
	tests := []struct {
		name string
		file []byte
		most uint64
	}{
		{"header asks for 1 GiB", images(1<<22, 16, 16, ramp(60)), maxAlloc(60)},
		{"header asks for 1 GiB and 10 MB are there", images(1<<22, 16, 16, make([]byte, size)), maxAlloc(size)},
		{"10 MB in 10 KB and header asks for 60 bytes", images(3, 4, 5, make([]byte, size)), maxAlloc(60)},
		// The values, and the third of them that was copied on the way. Their number is odd: no size on the way is want/4ⁱ.
		{"as it says", images(11, 1023, 1021, make([]byte, odd)), odd*4/3 + 1<<18},
	}
	for _, test := range tests {
		if _, _, allocated, _ := measureIDX(test.file, 3); allocated > test.most {
			t.Errorf("%s: allocated %d bytes, want at most %d", test.name, allocated, test.most)
		}
	}
}

// What goes on without an end is read no further than to where it is certain that it is too long.
func TestReadingEnds(t *testing.T) {
	endless := readFunc(func(p []byte) (int, error) { return len(p), nil })
	if values, found, err := readValues(endless, 3); err != nil || len(values) != 3 || found != maxBytes+1 {
		t.Errorf("%d values of %d bytes are read, %v, want 3 of %d", len(values), found, err, maxBytes+1)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestReadingGrows reads files whose values fit the memory that is first taken, just or not, and are some times as many.
func TestReadingGrows(t *testing.T) {
	for _, n := range []int{1, firstBytes - 1, firstBytes, firstBytes + 1, 4 * firstBytes, 4*firstBytes + 1, 16*firstBytes + 3, 1 << 21} {
		sizes, values, err := readIDX(bytes.NewReader(labels(int32(n), ramp(n))), 1)
		if err != nil || !slices.Equal(sizes, []int{n}) || !bytes.Equal(values, ramp(n)) {
			t.Errorf("%d labels: %d of %v, %v", n, len(values), sizes, err)
		}
		if cap(values) > n {
			t.Errorf("%d labels take the memory of %d", n, cap(values))
		}
		if _, _, err := readIDX(bytes.NewReader(labels(int32(n), ramp(n+1))), 1); err == nil {
			t.Errorf("%d labels and one byte more are accepted", n)
		}
	}
}

// FuzzIDX reads any bytes as a file of images and as one of labels. compressed says that the bytes are to be
// compressed first, so that the fuzzer gets past the checksum. What is accepted must be what gzip finds in the file.
func FuzzIDX(f *testing.F) {
	plain := func(magic int32, sizes []int32, values []byte) { f.Add(idx(magic, sizes, values), true) }
	plain(2051, []int32{3, 4, 5}, ramp(60))
	plain(2051, []int32{3, 4, 5}, ramp(59))
	plain(2051, []int32{3, 4, 5}, ramp(61))
	plain(2051, []int32{-1, 4, 5}, ramp(60))
	plain(2051, []int32{1 << 22, 4096, 4096}, nil)
	plain(2051, []int32{1, 1, 1}, []byte{255})
	plain(2049, []int32{3}, []byte{0, 9, 255})
	plain(2049, []int32{1<<31 - 1}, nil)
	f.Add([]byte{}, true)
	f.Add([]byte{}, false)
	f.Add(images(3, 4, 5, ramp(60)), false)
	f.Add(labels(3, []byte{1, 2, 3}), false)
	f.Add(append(labels(3, []byte{1, 2, 3}), compress(nil)...), false)
	f.Add(append(append(labels(4, []byte{1, 2, 3}), compress([]byte{4})...), 0), false)
	f.Add(wide([][8]int32{{7, 4, 0, 0}, {255, 4, 0, 1}}), false)
	f.Add(wide([][8]int32{{7, 4, 0, 0}, {-1, 4, 0, 1}}), true)

	f.Fuzz(func(t *testing.T, data []byte, compressed bool) {
		if compressed {
			data = compress(data)
		}
		for _, dimensions := range []int{1, 3} {
			sizes, values, allocated, err := measureIDX(data, dimensions)
			content := decompress(data)
			if content == nil {
				content = data
			}
			if most := maxAlloc(len(content)); allocated > most {
				t.Fatalf("reading %d bytes with %d in them allocated %d bytes, want at most %d", len(data), len(content), allocated, most)
			}
			if err != nil {
				continue
			}
			want := 1
			for _, size := range sizes {
				want *= size
			}
			if content[2] == wideLabels>>8 {
				checkWide(t, content, sizes, values)
				continue
			}
			if header := 4 + 4*dimensions; len(sizes) != dimensions || len(values) != want || !bytes.Equal(values, content[header:]) {
				t.Fatalf("read %d bytes of %v, want the file's %d", len(values), sizes, len(content)-header)
			}
		}
	})
}

// wide returns a file of QMNIST's labels, not compressed.
func wide(rows [][8]int32) []byte {
	var file bytes.Buffer
	binary.Write(&file, binary.BigEndian, []int32{wideLabels, int32(len(rows)), 8})
	binary.Write(&file, binary.BigEndian, rows)
	return file.Bytes()
}

// checkWide compares the labels that were read with the first column of the file's rows.
func checkWide(t *testing.T, content []byte, sizes []int, values []byte) {
	t.Helper()
	n, columns := int(binary.BigEndian.Uint32(content[4:])), int(binary.BigEndian.Uint32(content[8:]))
	if !slices.Equal(sizes, []int{n}) || len(values) != n || len(content) != 12+4*n*columns {
		t.Fatalf("read %d labels of %v from %d bytes of [%d, %d]", len(values), sizes, len(content), n, columns)
	}
	for i, v := range values {
		if got := binary.BigEndian.Uint32(content[12+4*i*columns:]); got != uint32(v) {
			t.Fatalf("label %d is %d, want %d", i, v, got)
		}
	}
}

// QMNIST's labels: the class is the first of eight columns.
func TestWideLabels(t *testing.T) {
	good := wide([][8]int32{{7, 4, 1, 2, 3, 4, 5, 6}, {0, 4, 300, 2, 3, 4, 5, 6}, {255, 4, -1, 2, 3, 4, 5, 6}})
	for name, file := range map[string][]byte{"plain": good, "gzipped": compress(good)} {
		sizes, values, err := readIDX(bytes.NewReader(file), 1)
		if err != nil || !slices.Equal(sizes, []int{3}) || !bytes.Equal(values, []byte{7, 0, 255}) {
			t.Errorf("%s: %v of %v, %v", name, values, sizes, err)
		}
	}
	many := make([][8]int32, 20000) // more than are read at once
	for i := range many {
		many[i][0] = int32(i % 251)
	}
	_, values, err := readIDX(bytes.NewReader(compress(wide(many))), 1)
	if err != nil || len(values) != len(many) {
		t.Fatalf("%d labels, %v", len(values), err)
	}
	checkWide(t, wide(many), []int{len(many)}, values)

	columns := func(n int32) []byte {
		file := slices.Clone(good)
		binary.BigEndian.PutUint32(file[8:], uint32(n))
		return file
	}
	for want, file := range map[string][]byte{
		"label 1 is 256, want 0 to 255":                      wide([][8]int32{{7}, {256}}),
		"label 0 is -1, want 0 to 255":                       wide([][8]int32{{-1}}),
		"cannot be read, 2 values after the header: ends wi": good[:len(good)-1],
		"has 2 values after the header, want 3":              good[:len(good)-32],
		"has 4 values after the header, want 3":              append(slices.Clone(good), good[12:44]...),
		"no header of 12 bytes":                              good[:9],
		"each label has 0 columns, want 1 to 64":             columns(0),
		"each label has -8 columns, want 1 to 64":            columns(-8),
		"each label has 65 columns, want 1 to 64":            columns(65),
		"each label has 1073741824 columns, want 1 to 64":    columns(1 << 30),
	} {
		if _, _, err := readIDX(bytes.NewReader(file), 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, _, err := readIDX(bytes.NewReader(good), 3); err == nil || !strings.Contains(err.Error(), "magic number is 3074, want 2051") {
		t.Errorf("as images, the error is %v", err)
	}
}

// The members of a file go on one from the other, wherever they are cut, as bgzip and pigz write them; some are empty.
func TestGzipMembers(t *testing.T) {
	plain := idx(2049, []int32{300}, ramp(300))
	for _, size := range []int{1, 3, 8, 100, 307} {
		var file []byte
		for part := range slices.Chunk(plain, size) {
			file = append(append(file, compress(part)...), compress(nil)...)
		}
		if _, values, err := readIDX(bytes.NewReader(file), 1); err != nil || !bytes.Equal(values, ramp(300)) {
			t.Errorf("members of %d bytes: %d values, %v", size, len(values), err)
		}
		for _, cut := range []int{1, 9, 20} { // in the last members' trailer, header or data
			if _, _, err := readIDX(bytes.NewReader(file[:len(file)-cut]), 1); err == nil {
				t.Errorf("members of %d bytes without the last %d bytes are accepted", size, cut)
			}
		}
	}
}

// decompress returns what gzip finds in a file, up to its first fault, and nothing where the file is no gzip file.
func decompress(file []byte) []byte {
	stream, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	content, _ := io.ReadAll(stream)
	return content
}
