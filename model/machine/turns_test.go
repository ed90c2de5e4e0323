package machine

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"govae/model"
)

// fake is a Machine that notices who is inside at the same time. Its results are marked with what it was given.
type fake struct {
	err     error
	inside  atomic.Int32
	overlap atomic.Bool
	closed  int
	during  func() // if not nil: runs in each call
}

func (f *fake) enter() func() {
	if f.inside.Add(1) != 1 {
		f.overlap.Store(true)
	}
	runtime.Gosched()
	if f.during != nil {
		f.during()
	}
	return func() { f.inside.Add(-1) }
}

func (f *fake) Train(indices []int) ([]Terms, error) {
	defer f.enter()()
	return []Terms{{float64(indices[0])}}, f.err
}

func (f *fake) Evaluate(indices []int) ([]Terms, error) {
	defer f.enter()()
	return []Terms{{-float64(indices[0])}}, f.err
}

func (f *fake) Forward(part model.Part, rows ...[]float32) ([][]float32, error) {
	defer f.enter()()
	return append(slices.Clone(rows), []float32{float32(len(part))}), f.err
}

func (f *fake) State() (State, error) {
	defer f.enter()()
	return State{Step: 3}, f.err
}

func (f *fake) Close() error {
	defer f.enter()()
	f.closed++
	return f.err
}

// calls makes each call once, and reports results that are not those of the fake, and errors that are not want.
func calls(t *testing.T, m Machine, want error) {
	t.Helper()
	train, trainErr := m.Train([]int{7})
	test, testErr := m.Evaluate([]int{8})
	out, outErr := m.Forward(model.Encode, []float32{1}, []float32{2})
	s, stateErr := m.State()
	for _, err := range []error{trainErr, testErr, outErr, stateErr} {
		if !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
	}
	if errors.Is(want, ErrClosed) {
		if train != nil || test != nil || out != nil || s.Step != 0 {
			t.Errorf("results of a closed machine: %v, %v, %v, %v", train, test, out, s)
		}
		return
	}
	if !same(train, []Terms{{7}}) || !same(test, []Terms{{-8}}) || s.Step != 3 ||
		!slices.EqualFunc(out, [][]float32{{1}, {2}, {6}}, slices.Equal) {
		t.Errorf("results are %v, %v, %v, %v", train, test, out, s)
	}
}

// TestInTurns checks that callers never meet, and that results and errors pass through, also both at once.
func TestInTurns(t *testing.T) {
	for _, want := range []error{nil, errors.New("a machine's own error")} {
		f := &fake{err: want}
		m := InTurns(f)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 20 {
					calls(t, m, want)
				}
			})
		}
		callers.Wait()
		if err := m.Close(); !errors.Is(err, want) {
			t.Errorf("Close returns %v, want %v", err, want)
		}
		if f.overlap.Load() {
			t.Error("two callers were inside at once")
		}
		calls(t, m, ErrClosed)
		if err := m.Close(); err != nil || f.closed != 1 {
			t.Errorf("a second Close returns %v, and the machine was closed %d times", err, f.closed)
		}
	}
}

// TestCloseWaits checks that a call under way comes to its end before the machine is closed.
func TestCloseWaits(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	f := &fake{}
	m := InTurns(f)
	f.during = func() {
		f.during = nil // for Close
		close(entered)
		<-release
	}
	var callers sync.WaitGroup
	callers.Go(func() {
		if steps, err := m.Train([]int{7}); err != nil || !same(steps, []Terms{{7}}) {
			t.Errorf("Train returns %v, %v", steps, err)
		}
	})
	<-entered
	callers.Go(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for range 1000 { // so that Close comes while Train is inside
		runtime.Gosched()
	}
	close(release)
	callers.Wait()
	if f.overlap.Load() || f.closed != 1 {
		t.Errorf("the machine was closed %d times, during a call: %v", f.closed, f.overlap.Load())
	}
}

// TestPanicLeavesTheTurn checks that a machine that panics does not keep others waiting for ever.
func TestPanicLeavesTheTurn(t *testing.T) {
	f := &fake{during: func() { panic("in the machine") }}
	m := InTurns(f)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = m.State()
	}()
	f.during = nil
	f.inside.Store(0)
	calls(t, m, nil)
}
