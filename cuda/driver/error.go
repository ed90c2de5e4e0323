//go:build cuda

package driver

/*
#include "calls.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
)

var (
	// ErrUnavailable says that a card cannot be had.
	ErrUnavailable = errors.New("driver: no CUDA device")
	// ErrMemory says that the card has not that much memory left.
	ErrMemory = errors.New("driver: out of memory on the CUDA device")
	// ErrClosed says that the device was closed before.
	ErrClosed = errors.New("driver: the CUDA device is closed")
)

// Error is a call that failed.
type Error struct {
	Call string // cuMemAlloc
	Code int    // 2
	Name string // CUDA_ERROR_OUT_OF_MEMORY; empty where the driver has none
	Text string // out of memory; empty where the driver has none
}

func newError(call string, code C.CUresult) *Error {
	return &Error{Call: call, Code: int(code), Name: C.GoString(C.error_name(code)), Text: C.GoString(C.error_text(code))}
}

func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s: CUDA error %d", e.Call, e.Code)
	}
	return fmt.Sprintf("%s: %s (%s, %d)", e.Call, e.Text, e.Name, e.Code)
}

// Is makes the error of a lack of memory ErrMemory.
func (e *Error) Is(target error) bool {
	return target == ErrMemory && e.Code == C.CUDA_ERROR_OUT_OF_MEMORY
}

// failure returns the error of a call of cu, or nil. The errors of cu are numbers of a type that it does not export.
func failure(call string, err error) error {
	if err == nil {
		return nil
	}
	if number := reflect.ValueOf(err); number.CanInt() {
		return newError(call, C.CUresult(number.Int()))
	}
	return fmt.Errorf("%s: %w", call, err)
}

// check returns the error of a job, or nil.
func check(o C.outcome) error {
	if o.code == C.CUDA_SUCCESS {
		return nil
	}
	return newError(C.GoString(o.call), o.code)
}

// unavailable is ErrUnavailable with a reason, which is all of its text: it is shown where it is plain what is not available.
type unavailable struct{ reason error }

func (u unavailable) Error() string        { return u.reason.Error() }
func (u unavailable) Unwrap() error        { return u.reason }
func (u unavailable) Is(target error) bool { return target == ErrUnavailable }
