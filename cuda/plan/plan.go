// Package plan turns an expression graph into what a GPU does: launches of kernels, in an order, over buffers in its memory. It knows
// graphs and package kernels, and no driver.
//
// compile.go goes through a graph, kinds.go says which kernel does an operation, fuse.go makes one launch of several, schedule.go
// puts them in order, and launches.go makes the launches of what stands around a graph: the filling of its inputs before it, and
// updates after it.
package plan

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"govae/cuda/kernels"
)

// Plan is a graph as launches over buffers.
type Plan struct {
	Buffers  []Buffer
	Launches []Launch
	Settings []string      // the model.Setting inputs' names: what the columns of the table hold after Rates
	Inputs   []kernels.Ptr // of a Forward, where the rows are written, in the order of the network's inputs
	Outputs  []kernels.Ptr // of a Forward, in the order of the network's outputs
}

// Buffer is a piece of the device's memory. A shared one has a name, under which all plans of a machine find the same memory; the
// others belong to the plan.
type Buffer struct {
	Name  string
	Bytes int     // of one that is the plan's
	Fill  float32 // what each value of one that is the plan's is at first
}

// The names of shared buffers. Besides them there are the parameters: the weights under their own names, and Adam's moments under
// the names with FirstMoment and SecondMoment before them.
const (
	Control      = "control" // a kernels.Control
	Table        = "table"   // [steps, columns], float32: the rates and the settings of each step of a stretch
	Scalars      = "scalars" // [columns], float32: a row of it
	Indices      = "indices" // [steps, batch], int32
	Terms        = "terms"   // [steps, terms], float32
	TrainPixels  = "training pixels"
	TrainLabels  = "training labels"
	TestPixels   = "test pixels"
	TestLabels   = "test labels"
	FirstMoment  = "adam.m."
	SecondMoment = "adam.v."
)

// Rates is how many columns of the table come before the settings: the two of kernels.AdamSettings.
const Rates = 2

// Launch is one launch of a kernel, with blocks of kernels.Threads.
type Launch struct {
	Kernel string
	X, Y   int      // blocks
	Args   any      // a pointer to the struct of package kernels that the kernel takes; its addresses are references to buffers
	Nodes  []string // what it computes
}

// offsetBits are those of a reference that hold an offset in bytes; those above hold the number of the buffer, from 1 on.
const offsetBits = 40

// reference returns what stands for the address of a buffer in a plan, to which an offset can be added.
func reference(buffer int) kernels.Ptr { return kernels.Ptr(buffer+1) << offsetBits }

// Address returns the address that a reference stands for. addresses has those of Plan.Buffers, in their order.
func Address(p kernels.Ptr, addresses []kernels.Ptr) kernels.Ptr {
	return addresses[p>>offsetBits-1] + p&(1<<offsetBits-1)
}

// Bind returns the memory of the arguments, with an address for each reference.
func (l Launch) Bind(addresses []kernels.Ptr) []byte {
	bound := reflect.New(reflect.TypeOf(l.Args).Elem())
	bound.Elem().Set(reflect.ValueOf(l.Args).Elem())
	bind(bound.Elem(), addresses)
	return unsafe.Slice((*byte)(bound.UnsafePointer()), bound.Elem().Type().Size())
}

// bind replaces the references in a struct, and in the structs and arrays in it.
func bind(v reflect.Value, addresses []kernels.Ptr) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			bind(v.Field(i), addresses)
		}
	case reflect.Array:
		for i := range v.Len() {
			bind(v.Index(i), addresses)
		}
	case reflect.Uint64:
		if p, ok := v.Interface().(kernels.Ptr); ok && p != 0 {
			v.SetUint(uint64(Address(p, addresses)))
		}
	}
}

// String lists the launches, one a line.
func (p *Plan) String() string {
	var b strings.Builder
	for _, l := range p.Launches {
		fmt.Fprintf(&b, "%-28s %4d×%-4d %s\n", l.Kernel, l.X, l.Y, strings.Join(l.Nodes, ", "))
	}
	return b.String()
}
