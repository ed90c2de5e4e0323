package dataset

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"slices"
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

	f.Fuzz(func(t *testing.T, data []byte, compressed bool) {
		if compressed {
			data = compress(data)
		}
		for _, dimensions := range []int{1, 3} {
			sizes, values, allocated, err := measureIDX(data, dimensions)
			content := decompress(data)
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
			if header := 4 + 4*dimensions; len(sizes) != dimensions || len(values) != want || !bytes.Equal(values, content[header:]) {
				t.Fatalf("read %d bytes of %v, want the file's %d", len(values), sizes, len(content)-header)
			}
		}
	})
}

// decompress returns what gzip finds in a file, up to its first fault.
func decompress(file []byte) []byte {
	stream, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	content, _ := io.ReadAll(stream)
	return content
}
