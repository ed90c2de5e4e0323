package dataset

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// maxCheckAlloc bounds what a check may allocate, whatever the file says: the state of gzip is about 40 KB.
const maxCheckAlloc = 1 << 20

// measureCheck returns what checkIDX returns, and how many bytes it has allocated meanwhile.
func measureCheck(file []byte, dimensions int) (sizes []int, allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sizes, err = checkIDX(bytes.NewReader(file), dimensions)
	runtime.ReadMemStats(&after)
	return sizes, after.TotalAlloc - before.TotalAlloc, err
}

func TestCheckAllocatesLittle(t *testing.T) {
	tests := map[string][]byte{
		"header asks for 1 GiB":      images(1<<22, 16, 16, ramp(60)),
		"10 MB of zeros in 10 KB":    images(3, 4, 5, make([]byte, 10<<20)),
		"10 MB of zeros, as it says": images(10, 1024, 1024, make([]byte, 10<<20)),
	}
	for name, file := range tests {
		if _, allocated, _ := measureCheck(file, 3); allocated > maxCheckAlloc {
			t.Errorf("%s: allocated %d bytes, want at most %d", name, allocated, maxCheckAlloc)
		}
	}
}

// FuzzIDX checks any bytes as a file of images and as one of labels. compressed says that the bytes are to be
// compressed first, so that the fuzzer gets past the checksum. What is accepted must be read as it is.
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

	path := filepath.Join(f.TempDir(), "fuzz.gz")
	f.Fuzz(func(t *testing.T, data []byte, compressed bool) {
		if compressed {
			data = compress(data)
		}
		for _, dimensions := range []int{1, 3} {
			sizes, allocated, err := measureCheck(data, dimensions)
			if allocated > maxCheckAlloc {
				t.Fatalf("check of %d bytes allocated %d bytes, want at most %d", len(data), allocated, maxCheckAlloc)
			}
			if err == nil {
				checkAccepted(t, path, data, sizes)
			}
		}
	})
}

// checkAccepted reads a file that was accepted with GoMNIST, and compares it with what gzip finds in it.
func checkAccepted(t *testing.T, path string, file []byte, sizes []int) {
	stream, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	want := content[4+4*len(sizes):]
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}

	var got []byte
	if len(sizes) == 1 {
		got, err = readLabels(path)
	} else {
		var height, width int
		height, width, got, err = readImages(path)
		if height != sizes[1] || width != sizes[2] || len(got) != sizes[0]*height*width {
			t.Fatalf("read %d bytes of %d×%d, want %v", len(got), height, width, sizes)
		}
	}
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes, %v; want the file's %d", len(got), err, len(want))
	}
}
