package parallel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// rouse makes a worker look for blocks: it wakes it if it is parked.
func rouse() { For(2, 1, func(int, int) {}) }

// putToSleep returns when all workers there are have parked.
func putToSleep() {
	for _, w := range shared.workers {
		for !w.parked.Load() { // times out if it never parks
			runtime.Gosched()
		}
	}
}

// recoveredWait returns what Wait panics with.
func recoveredWait(d *Deferred) (value any) {
	defer func() { value = recover() }()
	d.Wait()
	return nil
}

func TestWaitNeedsNoWorker(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	rouse() // or there may be no worker yet
	putToSleep()
	var d Deferred
	var got []int // by the caller alone, or -race finds it
	d.Start(10, 4, func(start, end int) {
		if onWorker() {
			t.Error("a worker was woken")
		}
		got = append(got, start, end)
	})
	for range 1000 {
		runtime.Gosched()
	}
	for _, w := range shared.workers {
		if !w.parked.Load() {
			t.Error("a worker has left its place")
		}
	}
	if got != nil {
		t.Errorf("before Wait, blocks %v are done", got)
	}
	d.Wait()
	if want := []int{0, 4, 4, 8, 8, 10}; !slices.Equal(got, want) {
		t.Errorf("blocks %v, want %v", got, want)
	}
}

func TestEveryDeferredIndexIsInOneBlock(t *testing.T) {
	var d Deferred // started again and again
	withProcs(t, func(t *testing.T) {
		for _, c := range []struct{ n, grain int }{
			{-1, 1}, {0, 1}, {1, 1}, {1, 8}, {8, 8}, {9, 8}, {1000, 7}, {1000, 1}, {5, 0}, {5, -3}, {3, 1 << 62},
		} {
			for loops := range 4 { // of For, meanwhile
				visits := make([]int, max(c.n, 0)) // not atomic: no index is visited by two, and Wait comes after all
				d.Start(c.n, c.grain, func(start, end int) {
					for i := start; i < end; i++ {
						visits[i]++
					}
				})
				for range loops {
					rouse()
				}
				d.Wait()
				for i, v := range visits {
					if v != 1 {
						t.Fatalf("%d, %d: index %d was visited %d times", c.n, c.grain, i, v)
					}
				}
			}
		}
	})
}

func TestDeferredBlocksDependOnSizeAndGrainAlone(t *testing.T) {
	want := [][2]int{{0, 4}, {4, 8}, {8, 10}}
	withProcs(t, func(t *testing.T) {
		var d Deferred
		for range 100 {
			var mu sync.Mutex
			var got [][2]int
			rouse()
			d.Start(10, 4, func(start, end int) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, [2]int{start, end})
			})
			d.Wait()
			slices.SortFunc(got, func(a, b [2]int) int { return a[0] - b[0] })
			if !slices.Equal(got, want) {
				t.Fatalf("blocks %v, want %v", got, want)
			}
		}
	})
}

func TestWorkersRunDeferredBlocks(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var d Deferred
	var done atomic.Int32
	d.Start(100, 1, func(int, int) {
		if !onWorker() {
			t.Error("a block is run by the caller, before Wait")
		}
		done.Add(1)
	})
	for done.Load() < 100 { // times out if nobody runs them
		rouse()
		runtime.Gosched()
	}
	d.Wait()
}

func TestWaitAwaitsTheBlocksInProgress(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var d Deferred
	for range 20 {
		var entered atomic.Bool
		done := 0
		d.Start(1, 1, func(int, int) {
			entered.Store(true)
			for range 100 {
				runtime.Gosched()
			}
			done++
		})
		for !entered.Load() {
			rouse()
		}
		d.Wait()
		if done != 1 {
			t.Fatal("Wait has returned while a worker was inside")
		}
	}
}

// A worker that finds a job of For joins it, however many deferred blocks there are.
func TestForComesFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	const meetings = 100
	putToSleep() // the workers that are not called stay out of it
	var d Deferred
	var late atomic.Int32 // blocks begun while a job was open
	d.Start(1<<30, 1, func(int, int) {
		if shared.state.Load()&openMask != 0 && late.Add(1) > meetings {
			panic("late")
		}
	})
	for range meetings {
		meet(2) // a job may open just after a worker has looked for one, so a single block may be late
	}
	d.state.And(withinMask)
	if got := recoveredWait(&d); got != nil {
		t.Errorf("%v: in %d loops, a worker began more than %d blocks with a job open", got, meetings, meetings)
	}
}

func TestWorkersParkThoughALoopIsPending(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, n := range []int{1, 1 << 30} { // soon done, and never
		var d Deferred
		d.Start(n, 1, func(int, int) {})
		rouse()
		putToSleep()
		d.state.And(withinMask)
		d.Wait()
	}
}

func TestDeferredPanicReachesTheCaller(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var d Deferred
		for bad := range 20 { // whoever takes the bad block
			rouse()
			d.Start(20, 1, func(start, _ int) {
				if start == bad {
					panic(fmt.Sprint("block ", start))
				}
			})
			if got, want := recoveredWait(&d), fmt.Sprint("block ", bad); got != want {
				t.Fatalf("recovered %v, want %q", got, want)
			}
		}
		d.Start(20, 1, func(int, int) {})
		if got := recoveredWait(&d); got != nil {
			t.Fatalf("a later loop panics with %v", got)
		}
	})
}

func TestDeferredPanicOfAWorkerStopsTheLoop(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	putToSleep() // one is roused
	var d Deferred
	var begun atomic.Int32
	d.Start(20, 1, func(int, int) {
		begun.Add(1)
		panic("in the worker")
	})
	for d.failure.Load() == nil {
		rouse()
	}
	if got := recoveredWait(&d); got != "in the worker" {
		t.Errorf("recovered %v", got)
	}
	if n := begun.Load(); n != 1 {
		t.Errorf("%d blocks were begun, want 1", n)
	}
}

func TestConcurrentAndNestedDeferred(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		add := func(start, end int) { total.Add(int64(end - start)) }
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				var d Deferred
				for range 50 {
					d.Start(10, 2, func(int, int) {
						For(20, 3, add)
						var inner Deferred
						inner.Start(20, 3, add)
						inner.Wait()
					})
					For(10, 1, func(int, int) {
						var inner Deferred
						inner.Start(20, 3, add)
						For(20, 3, add)
						inner.Wait()
					})
					d.Wait()
				}
			})
		}
		callers.Wait()
		if got, want := total.Load(), int64(4*50*(5*40+10*40)); got != want {
			t.Fatalf("%d indices were visited, want %d", got, want)
		}
		if shared.deferred.Load() != nil {
			t.Error("a loop is still pending")
		}
	})
}

// TestDeferredIsOftenRestarted tries to make a worker that has come late for one loop mistake the next for it.
func TestDeferredIsOftenRestarted(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var d Deferred
		visits := make([]int, 5)
		for round := range 10000 {
			n := 1 + round%len(visits)
			d.Start(n, 1, func(start, _ int) { visits[start] += n })
			if round%64 == 0 {
				rouse()
			}
			d.Wait()
			for i := range n {
				if visits[i] != n {
					t.Fatalf("round %d: block %d counts %d, want %d", round, i, visits[i], n)
				}
				visits[i] = 0
			}
		}
	})
}

func TestDeferredIsWaitedForOnce(t *testing.T) {
	var d Deferred
	d.Wait() // nothing was started
	d.Start(3, 1, func(int, int) {})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a second Start does not panic")
			}
		}()
		d.Start(3, 1, func(int, int) {})
	}()
	d.Wait()
	d.Wait()
}

func TestTooManyBlocksPanic(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("no int is too large")
	}
	defer func() {
		if recover() == nil {
			t.Error("a loop whose blocks cannot be counted is started")
		}
	}()
	var d Deferred
	d.Start(math.MaxInt, 1, func(int, int) {})
}

func TestDeferredDoesNotAllocate(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // testing.AllocsPerRun would use one core
	var d Deferred
	var sum atomic.Int64
	body := func(start, end int) { sum.Add(int64(end - start)) }
	For(100, 1, body)
	const loops = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range loops {
		d.Start(100, 1, body)
		For(100, 1, body)
		d.Wait()
	}
	runtime.ReadMemStats(&after)
	if allocs := after.Mallocs - before.Mallocs; allocs > loops/10 { // the runtime itself makes a few
		t.Errorf("%d loops made %d allocations", loops, allocs)
	}
}
