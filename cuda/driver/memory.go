//go:build cuda

package driver

/*
#include "calls.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"govae/cuda/kernels"
)

// Alloc returns new memory on the card, whose content is arbitrary. Its error is ErrMemory where there is not enough.
func (d *Device) Alloc(bytes int) (kernels.Ptr, error) {
	var p cu.DevicePtr
	err := d.do(func() error {
		return d.inContext(func() (err error) {
			if p, err = cu.MemAlloc(int64(bytes)); err != nil {
				return d.allocationError(bytes, failure("cuMemAlloc", err))
			}
			d.memory[p] = true
			return nil
		})
	})
	return kernels.Ptr(p), err
}

// allocationError says of an allocation that failed how large it was, and how much memory is free.
func (d *Device) allocationError(bytes int, failed error) error {
	free, _, err := cu.MemInfo()
	if err != nil {
		return fmt.Errorf("driver: %d bytes on %s: %w", bytes, d.Name, failed)
	}
	return fmt.Errorf("driver: %d bytes on %s, which has %d bytes free: %w", bytes, d.Name, free, failed)
}

// Free frees what Alloc returned, when all that uses it is done.
func (d *Device) Free(p kernels.Ptr) error {
	return d.do(func() error {
		if !d.memory[cu.DevicePtr(p)] {
			return fmt.Errorf("driver: no memory was allocated at %#x, or it was freed before", uint64(p))
		}
		if err := check(C.wait_for_stream(d.session)); err != nil {
			return err
		}
		delete(d.memory, cu.DevicePtr(p))
		return d.inContext(func() error { return failure("cuMemFree", cu.MemFree(cu.DevicePtr(p))) })
	})
}

// Write copies to the card, after all that is under way, and returns when it is done.
func (d *Device) Write(to kernels.Ptr, from []byte) error {
	return d.do(func() error {
		return check(C.write_memory(d.session, C.CUdeviceptr(to), (*C.uchar)(unsafe.SliceData(from)), C.size_t(len(from))))
	})
}

// Read copies from the card, after all that is under way, and returns when it is done.
func (d *Device) Read(to []byte, from kernels.Ptr) error {
	return d.do(func() error {
		return check(C.read_memory(d.session, (*C.uchar)(unsafe.SliceData(to)), C.CUdeviceptr(from), C.size_t(len(to))))
	})
}

// Wait returns when all that is under way on the card is done.
func (d *Device) Wait() error {
	return d.do(func() error { return check(C.wait_for_stream(d.session)) })
}
