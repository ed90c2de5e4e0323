//go:build cuda

package driver

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"unsafe"

	"govae/cuda/kernels"
)

// The driver is loaded once in a process, and a kernel that fails ends the use of CUDA in it, so tests of that start this program
// again, with what it is to do in this variable.
const childVariable = "GOVAE_DRIVER_CHILD"

func TestMain(m *testing.M) {
	switch task := os.Getenv(childVariable); task {
	case "":
		os.Exit(m.Run())
	case "idle":
	case "fault":
		runFault()
	case "close":
		runAndClose()
	default:
		index, err := strconv.Atoi(task)
		if err != nil {
			panic(err)
		}
		openAndReport(index)
	}
}

// child runs this program with a task, and a folder of libraries before all others, and returns what it wrote.
func child(t *testing.T, task, libraries string) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+task, "LD_LIBRARY_PATH="+libraries)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", task, err, out)
	}
	return string(out)
}

// openAndReport opens a card and writes why it cannot be had, or what it is.
func openAndReport(index int) {
	d, err := Open(index)
	if err != nil {
		fmt.Printf("%v; %v\n", isUnavailable(err), err)
		return
	}
	fmt.Println(d.Name, d.Memory, d.Driver, d.Capability)
}

// open opens the first card, for kernels to be launched. Without one the test is skipped, unless GOVAE_CUDA is required.
func open(t *testing.T) *Device {
	t.Helper()
	d, err := Open(0)
	if err != nil && isUnavailable(err) && os.Getenv("GOVAE_CUDA") != "required" {
		t.Skipf("no card: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// bytesOf returns the memory of values, which share it. T must have no pointers.
func bytesOf[T any](values []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
}

// openWithKernels does what open does, and loads the kernels.
func openWithKernels(t *testing.T) *Device {
	t.Helper()
	d := open(t)
	image, err := kernels.Image(d.Capability)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(image); err != nil {
		t.Fatal(err)
	}
	return d
}

// place returns memory on the card with these values.
func place[T any](t *testing.T, d *Device, values []T) kernels.Ptr {
	t.Helper()
	p, err := d.Alloc(len(bytesOf(values)))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(p, bytesOf(values)); err != nil {
		t.Fatal(err)
	}
	return p
}

// fetch returns n values from the card.
func fetch[T any](t *testing.T, d *Device, p kernels.Ptr, n int) []T {
	t.Helper()
	values := make([]T, n)
	if err := d.Read(bytesOf(values), p); err != nil {
		t.Fatal(err)
	}
	return values
}

// structBytes returns the memory of a kernel's arguments.
func structBytes[T any](args T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&args)), unsafe.Sizeof(args))
}

// beginStep is a launch of begin_step.
func beginStep(control, table, scalars kernels.Ptr, columns int) Launch {
	args := kernels.BeginStepArgs{Control: control, Table: table, Scalars: scalars, Columns: int32(columns)}
	return Launch{Kernel: "begin_step", X: 1, Y: 1, Args: structBytes(args)}
}

// add is a launch of each that adds: y[n] = a[n] + b[n].
func add(y, a, b kernels.Ptr, n int) Launch {
	args := kernels.ListArgs{Count: 1}
	args.List[0] = kernels.Instruction{Op: kernels.Add, Y: y, A: a, B: b, N: int32(n)}
	return Launch{Kernel: "each", X: (n + kernels.Threads - 1) / kernels.Threads, Y: 1, Args: structBytes(args)}
}
