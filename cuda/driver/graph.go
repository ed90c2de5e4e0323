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

// Launch is one launch of a kernel.
type Launch struct {
	Kernel string
	X, Y   int    // the grid, in blocks of kernels.Threads threads
	Args   []byte // the struct that the kernel takes
}

// Graph is a list of launches that the card does in one go.
type Graph struct {
	device *Device
	exec   C.CUgraphExec // nil: freed
}

// Load loads an image, a cubin or PTX. Its kernels can then be launched by their names.
func (d *Device) Load(image []byte) error {
	return d.do(func() error {
		return d.inContext(func() error {
			m, err := cu.LoadData(string(image))
			if err != nil {
				return fmt.Errorf("driver: an image of %d bytes for %s: %w", len(image), d.Name, failure("cuModuleLoadData", err))
			}
			d.modules = append(d.modules, m)
			return nil
		})
	})
}

// function returns the kernel of that name in the images, the first that has it.
func (d *Device) function(name string) (cu.Function, error) {
	if f, ok := d.functions[name]; ok {
		return f, nil
	}
	var found cu.Function
	err := d.inContext(func() error {
		for _, m := range d.modules {
			f, err := m.Function(name)
			if err == nil {
				found = f
				return nil
			}
			if err != cu.NotFound {
				return failure("cuModuleGetFunction", err)
			}
		}
		return fmt.Errorf("none of the %d images loaded has it", len(d.modules))
	})
	if err != nil {
		return cu.Function{}, fmt.Errorf("driver: kernel %s: %w", name, err)
	}
	d.functions[name] = found
	return found, nil
}

// Capture makes a graph of launches, which are done in their order. Nothing is launched yet. The arguments are copied. An error
// names the kernel.
func (d *Device) Capture(launches []Launch) (*Graph, error) {
	g := &Graph{device: d}
	err := d.do(func() error {
		list := make([]C.launch, len(launches))
		var arguments []byte
		for i, l := range launches {
			f, err := d.function(l.Kernel)
			if err != nil {
				return err
			}
			list[i] = C.launch{
				function:  *(*C.CUfunction)(unsafe.Pointer(&f)),
				x:         C.uint(l.X),
				y:         C.uint(l.Y),
				arguments: C.size_t(len(arguments)),
				size:      C.size_t(len(l.Args)),
			}
			arguments = append(arguments, l.Args...)
		}
		o := C.capture(d.session, unsafe.SliceData(list), C.int(len(list)), kernels.Threads,
			(*C.uchar)(unsafe.SliceData(arguments)), &g.exec)
		if err := check(o); err != nil {
			if o.launch < 0 {
				return fmt.Errorf("driver: a graph of %d launches: %w", len(launches), err)
			}
			l := launches[o.launch]
			return fmt.Errorf("driver: launch %d, of %s with a grid of %d × %d and %d bytes of arguments: %w",
				o.launch, l.Kernel, l.X, l.Y, len(l.Args), err)
		}
		d.graphs[g] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Run has the card do a graph of this device a number of times, and does not wait for it.
func (d *Device) Run(g *Graph, times int) error {
	return d.do(func() error {
		if g.device != d || g.exec == nil {
			return fmt.Errorf("driver: this graph is not one of %s, or it was freed", d.Name)
		}
		return check(C.run_graph(d.session, g.exec, C.int(times)))
	})
}

// Free frees the graph. Freeing it again, or after its device was closed, does nothing.
func (g *Graph) Free() error {
	g.device.mu.Lock()
	defer g.device.mu.Unlock()
	return g.free()
}

func (g *Graph) free() error {
	if g.exec == nil {
		return nil
	}
	exec := g.exec
	g.exec = nil
	delete(g.device.graphs, g)
	return check(C.free_graph(g.device.session, exec))
}
