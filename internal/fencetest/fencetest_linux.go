// Package fencetest puts slices right beside memory that nobody may touch, in tests of code that goes by pointers: there a
// read outside a slice is found too, not only a write.
package fencetest

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Field is memory between two pages that end the program with a fault when they are touched.
type Field []byte

// New returns a field of at least size bytes, all 0, for the time of a test.
func New(t testing.TB, size int) Field {
	t.Helper()
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, page+size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("mapping memory: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Errorf("giving memory back: %v", err)
		}
	})
	for _, fence := range [][]byte{all[:page], all[page+size:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatalf("fencing memory: %v", err)
		}
	}
	return Field(all[page : page+size : page+size])
}

// Slice returns the first n elements of a field, or the last.
func Slice[E any](f Field, n int, last bool) []E {
	if n == 0 {
		return nil
	}
	var element E
	size := n * int(unsafe.Sizeof(element))
	if last {
		f = f[len(f)-size:]
	}
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(f[:size]))), n)
}
