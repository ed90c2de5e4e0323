//go:build cuda

// Package driver is what the CUDA machine needs of NVIDIA's driver: a card, its memory, the kernels of an image, and lists of
// launches as graphs. Devices, contexts, modules and memory go through gorgonia.org/cu; what that lacks is in calls.c. The driver's
// library is loaded by the first call of Cards or Open, and not before: see library.c.
//
// A Device may be used by any number of goroutines. Its calls are done one after the other, and on the card everything is done in
// the order of the calls. What fails there, such as a kernel that reads where there is no memory, is reported by a later call, and
// by all after that: nothing of the device can be used any more but Close.
package driver

/*
#cgo CFLAGS: -I${SRCDIR}/../../.cuda/include -Wall -Wextra
#cgo LDFLAGS: -ldl
#include "calls.h"
#include "library.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	_ "govae/cuda/setup" // so that a build without the set-up says what to do
)

const (
	oldestDriver     = 12000 // 12.0: what the images of kernels are made for
	oldestCapability = 70
	stagingSize      = 4 << 20
)

// Device is an open card, and all that was made on it.
type Device struct {
	Name            string
	Memory          int64 // in bytes, of all of the card
	Driver          int   // the CUDA version of the driver, such as 12040 for 12.4
	Capability      int   // the compute capability, such as 80 for 8.0
	Multiprocessors int

	mu      sync.Mutex
	closed  bool
	card    cu.Device
	context cu.CUContext // the card's primary context, which other users of CUDA in this process share
	stream  cu.Stream
	session C.session // context and stream for calls.c, and the memory that copies go through

	modules   []cu.Module
	functions map[string]cu.Function // those that were looked up
	memory    map[cu.DevicePtr]bool
	graphs    map[*Graph]bool
}

// openLibrary loads and initializes the driver, once for the process.
var openLibrary = sync.OnceValue(func() error {
	whyNot := (*C.char)(C.calloc(1, 512))
	defer C.free(unsafe.Pointer(whyNot))
	code := C.CUresult(C.open_library(whyNot, 512))
	switch {
	case C.GoString(whyNot) != "":
		return fmt.Errorf("no NVIDIA driver: %s", C.GoString(whyNot))
	case code == C.CUDA_ERROR_NO_DEVICE:
		return errors.New("no card: the NVIDIA driver finds none")
	case code != C.CUDA_SUCCESS:
		return newError("cuInit", code)
	}
	return nil
})

// Cards returns how many cards there are, at least one, or why none can be had: an error that is ErrUnavailable.
func Cards() (int, error) {
	if err := openLibrary(); err != nil {
		return 0, unavailable{err}
	}
	if v := cu.Version(); v < oldestDriver {
		return 0, unavailable{fmt.Errorf("the NVIDIA driver is for CUDA %s, older than %s", version(v), version(oldestDriver))}
	}
	n, err := cu.NumDevices()
	if err != nil {
		return 0, unavailable{failure("cuDeviceGetCount", err)}
	}
	if n == 0 {
		return 0, unavailable{errors.New("no card: the NVIDIA driver finds none")}
	}
	return n, nil
}

// version returns a CUDA version in words: 12.4 for 12040.
func version(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// Open opens a card, one of 0, …, Cards() − 1. Where it cannot be had, the error is ErrUnavailable, and says why.
func Open(index int) (*Device, error) {
	cards, err := Cards()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= cards {
		return nil, unavailable{fmt.Errorf("no card %d: the last is card %d", index, cards-1)}
	}
	d := &Device{
		Driver:    cu.Version(),
		functions: map[string]cu.Function{},
		memory:    map[cu.DevicePtr]bool{},
		graphs:    map[*Graph]bool{},
	}
	if err := d.describe(index); err != nil {
		return nil, unavailable{fmt.Errorf("card %d: %w", index, err)}
	}
	if d.Capability < oldestCapability {
		return nil, unavailable{fmt.Errorf("card %d, %s, has compute capability %d.%d, less than %d.%d",
			index, d.Name, d.Capability/10, d.Capability%10, oldestCapability/10, oldestCapability%10)}
	}
	if err := d.start(); err != nil {
		return nil, unavailable{fmt.Errorf("card %d, %s: %w", index, d.Name, err)}
	}
	return d, nil
}

// describe asks for the card and what it is.
func (d *Device) describe(index int) (err error) {
	if d.card, err = cu.GetDevice(index); err != nil {
		return failure("cuDeviceGet", err)
	}
	if d.Name, err = d.card.Name(); err != nil {
		return failure("cuDeviceGetName", err)
	}
	if d.Memory, err = d.card.TotalMem(); err != nil {
		return failure("cuDeviceTotalMem", err)
	}
	if d.Multiprocessors, err = d.card.Attribute(cu.MultiprocessorCount); err != nil {
		return failure("cuDeviceGetAttribute", err)
	}
	major, err := d.card.Attribute(cu.ComputeCapabilityMajor)
	if err != nil {
		return failure("cuDeviceGetAttribute", err)
	}
	minor, err := d.card.Attribute(cu.ComputeCapabilityMinor)
	if err != nil {
		return failure("cuDeviceGetAttribute", err)
	}
	d.Capability = 10*major + minor
	return nil
}

// start makes what the device works with: context, stream and staging memory, or nothing of them.
func (d *Device) start() (err error) {
	if d.context, err = d.card.RetainPrimaryCtx(); err != nil {
		return failure("cuDevicePrimaryCtxRetain", err)
	}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	d.session.context = *(*C.CUcontext)(unsafe.Pointer(&d.context)) // cu has no way to its handles; its structs hold nothing else
	err = d.inContext(func() (err error) {
		d.stream, err = cu.MakeStream(cu.NonBlocking)
		return failure("cuStreamCreate", err)
	})
	if err != nil {
		return err
	}
	d.session.stream = *(*C.CUstream)(unsafe.Pointer(&d.stream))
	d.session.staging_size = stagingSize
	return check(C.make_staging(&d.session))
}

// inContext calls a function, which calls cu, with the context current: that is a property of a thread.
func (d *Device) inContext(call func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return failure("cuCtxSetCurrent", err)
	}
	return call()
}

// do calls a function while no other call is under way, unless the device is closed.
func (d *Device) do(call func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	return call()
}

// Close waits for all that is under way and frees all that is left: graphs, memory, images and the card itself. It returns the
// first error. Closing again does nothing.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	first := check(C.wait_for_stream(d.session))
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for g := range d.graphs {
		note(g.free())
	}
	note(d.inContext(func() error {
		for p := range d.memory {
			note(failure("cuMemFree", cu.MemFree(p)))
		}
		for _, m := range d.modules {
			note(failure("cuModuleUnload", m.Unload()))
		}
		return nil
	}))
	note(d.stop())
	return first
}

// stop undoes start. It returns the first error.
func (d *Device) stop() error {
	var errs []error
	if d.session.staging != nil {
		errs = append(errs, check(C.free_staging(d.session)))
		d.session.staging = nil
	}
	if d.session.stream != nil {
		errs = append(errs, d.inContext(func() error { return failure("cuStreamDestroy", d.stream.Destroy()) }))
		d.session.stream = nil
	}
	errs = append(errs, failure("cuDevicePrimaryCtxRelease", d.card.ReleasePrimaryCtx()))
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
