package tapevm

import (
	"errors"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
)

// square returns the graph of x·x and its two nodes.
func square() (g *gorgonia.ExprGraph, x, y *gorgonia.Node) {
	g = gorgonia.NewGraph()
	x = gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("x"))
	return g, x, gorgonia.Must(gorgonia.Mul(x, x))
}

// TestRunAll checks that every run computes anew, as one of the machine's own does.
func TestRunAll(t *testing.T) {
	for name, run := range map[string]func(gorgonia.VM) error{"here": RunAll, "the machine's own": gorgonia.VM.RunAll} {
		g, x, y := square()
		m := gorgonia.NewTapeMachine(g)
		for _, v := range []float32{3, -5} {
			if err := errors.Join(gorgonia.Let(x, v), run(m)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := y.Value().Data().(float32); got != v*v {
				t.Errorf("%s: %v squared is %v", name, v, got)
			}
			m.Reset()
		}
		m.Close()
	}
}

// TestError checks that an instruction's error comes back, and that the machine can run again after it.
func TestError(t *testing.T) {
	g, x, y := square()
	m := gorgonia.NewTapeMachine(g)
	defer m.Close()
	err, own := RunAll(m), ""
	m.Reset()
	if e := m.RunAll(); e != nil {
		own = e.Error()
	}
	m.Reset()
	if err == nil || err.Error() != own || !strings.Contains(own, "No value bound") {
		t.Errorf("error is %v, want that of the machine's own run, %q", err, own)
	}
	if err := errors.Join(gorgonia.Let(x, float32(3)), RunAll(m)); err != nil || y.Value().Data().(float32) != 9 {
		t.Errorf("after an error: %v, and 3 squared is %v", err, y.Value())
	}
}

// failing is an operation that panics.
type failing struct{ gorgonia.Op }

func (failing) Do(...gorgonia.Value) (gorgonia.Value, error) { panic("in the operation") }

// TestPanicReachesTheCaller checks that the program runs on the goroutine that called for it: on another, a panic ends the process.
func TestPanicReachesTheCaller(t *testing.T) {
	g, x, y := square()
	gorgonia.Must(gorgonia.ApplyOp(failing{y.Op()}, y, y))
	m := gorgonia.NewTapeMachine(g)
	defer m.Close()
	if err := gorgonia.Let(x, float32(3)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := recover(); got != "in the operation" {
			t.Errorf("recovered %v", got)
		}
	}()
	t.Errorf("no panic, but the error %v", RunAll(m))
}

func TestOtherMachines(t *testing.T) {
	g, _, _ := square()
	defer func() {
		if got, want := recover(), "tapevm: RunAll of a *gorgonia.lispMachine, want a tape machine"; got != want {
			t.Errorf("recovered %v, want %q", got, want)
		}
	}()
	RunAll(gorgonia.NewLispMachine(g))
}
