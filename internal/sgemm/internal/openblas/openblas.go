//go:build openblas

// Package openblas is gonum's netlib with the system's OpenBLAS behind it, which it keeps to the thread that calls it.
// It is a package of its own because one with Go assembly, such as sgemm, cannot have cgo in it.
package openblas

/*
#cgo LDFLAGS: -lopenblas

// Declared here because there may be no header, or that of another BLAS, which lacks what is OpenBLAS's own.
void openblas_set_num_threads(int threads);
int openblas_get_num_threads(void);
int openblas_get_parallel(void);
char *openblas_get_config(void);
*/
import "C"

import "gonum.org/v1/netlib/blas/netlib"

// Implementation is a BLAS. Any number of goroutines may call it at once.
type Implementation = netlib.Implementation

// Config returns the version of OpenBLAS, how it was built, and the kind of processor that it has chosen its kernels for.
func Config() string { return C.GoString(C.openblas_get_config()) }

// Threads returns how many threads a call runs on.
func Threads() int { return int(C.openblas_get_num_threads()) }

// An OpenBLAS with OpenMP has a number of threads for each thread that calls it, and one without any threads is not always safe
// to call from several at once, so it must be the one with POSIX threads, which is the usual one.
func init() {
	const posix = 1
	if C.openblas_get_parallel() != posix {
		panic("openblas: this program needs an OpenBLAS built with POSIX threads (Debian: libopenblas0-pthread), and has found " +
			Config())
	}
	C.openblas_set_num_threads(1)
}
