package parallel

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// withProcs runs the test body under several values of GOMAXPROCS.
func withProcs(t *testing.T, test func(t *testing.T)) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, procs := range []int{1, 2, 4, 3} {
		runtime.GOMAXPROCS(procs)
		t.Run(fmt.Sprintf("GOMAXPROCS=%d", procs), test)
	}
}

func TestEveryIndexIsInOneBlock(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		for _, c := range []struct{ n, grain int }{
			{-1, 1}, {0, 1}, {1, 1}, {1, 8}, {8, 8}, {9, 8}, {1000, 7}, {1000, 1}, {5, 0}, {5, -3}, {3, 1 << 62},
		} {
			visits := make([]atomic.Int32, max(c.n, 0))
			For(c.n, c.grain, func(start, end int) {
				for i := start; i < end; i++ {
					visits[i].Add(1)
				}
			})
			for i := range visits {
				if v := visits[i].Load(); v != 1 {
					t.Fatalf("For(%d, %d): index %d was visited %d times", c.n, c.grain, i, v)
				}
			}
		}
	})
}

func TestBlocksDependOnSizeAndGrainAlone(t *testing.T) {
	want := [][2]int{{0, 4}, {4, 8}, {8, 10}}
	withProcs(t, func(t *testing.T) {
		for range 100 {
			var mu sync.Mutex
			var got [][2]int
			For(10, 4, func(start, end int) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, [2]int{start, end})
			})
			slices.SortFunc(got, func(a, b [2]int) int { return a[0] - b[0] })
			if !slices.Equal(got, want) {
				t.Fatalf("blocks %v, want %v", got, want)
			}
		}
	})
}

// meet runs a loop that ends only if n goroutines are inside at once.
func meet(n int) {
	var meeting sync.WaitGroup
	meeting.Add(n)
	For(n, 1, func(int, int) {
		meeting.Done()
		meeting.Wait()
	})
}

func TestWorkersShareOneLoop(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for range 10 {
		meet(3)
	}
}

func TestNoMoreGoroutinesThanAsked(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for range 50 {
		runtime.GOMAXPROCS(4)
		meet(4) // now three workers are awake
		runtime.GOMAXPROCS(2)
		var inside atomic.Int32
		For(64, 1, func(int, int) {
			if now := inside.Add(1); now > 2 {
				t.Errorf("%d blocks run at once", now)
			}
			for range 20 {
				runtime.Gosched()
			}
			inside.Add(-1)
		})
	}
}

func TestConcurrentAndNestedCalls(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for range 100 {
					For(10, 1, func(int, int) {
						For(20, 3, func(start, end int) { total.Add(int64(end - start)) })
					})
				}
			})
		}
		callers.Wait()
		if got, want := total.Load(), int64(4*100*10*20); got != want {
			t.Fatalf("%d indices were visited, want %d", got, want)
		}
	})
}

// recovered returns what a loop panics with.
func recovered(n, grain int, body func(start, end int)) (value any) {
	defer func() { value = recover() }()
	For(n, grain, body)
	return nil
}

func TestPanicReachesTheCaller(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		for bad := range 20 { // whoever takes the bad block, the caller gets its panic
			got := recovered(20, 1, func(start, _ int) {
				if start == bad {
					panic(fmt.Sprint("block ", start))
				}
			})
			if want := fmt.Sprint("block ", bad); got != want {
				t.Fatalf("recovered %v, want %q", got, want)
			}
		}
		if got := recovered(20, 1, func(int, int) {}); got != nil {
			t.Fatalf("a later loop panics with %v", got)
		}
	})
}

func TestPanicOfAWorkerReachesTheCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var entered sync.WaitGroup
	entered.Add(2)
	got := recovered(2, 1, func(int, int) {
		entered.Done()
		entered.Wait() // each goroutine holds one block
		if onWorker() {
			panic("in the worker")
		}
	})
	if got != "in the worker" {
		t.Fatalf("recovered %v", got)
	}
}

// onWorker reports whether it runs on a goroutine of the pool.
func onWorker() bool {
	stack := make([]byte, 16<<10)
	return bytes.Contains(stack[:runtime.Stack(stack, false)], []byte("(*worker).loop"))
}

func TestNoAllocations(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // testing.AllocsPerRun would use one core
	var sum atomic.Int64
	body := func(start, end int) { sum.Add(int64(end - start)) }
	For(100, 1, body)
	const calls = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		For(100, 1, body)
	}
	runtime.ReadMemStats(&after)
	if allocs := after.Mallocs - before.Mallocs; allocs > calls/10 { // the runtime itself makes a few
		t.Errorf("%d loops made %d allocations", calls, allocs)
	}
}

func TestIdleWorkersPark(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	For(2, 1, func(int, int) {})
	for !shared.workers[0].parked.Load() { // times out if it never parks
		runtime.Gosched()
	}
	For(2, 1, func(int, int) {})
}

// A worker begins with the blocks after the caller's.
func TestPartsStayWithTheirCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	putToSleep() // the first worker alone is woken
	for range 20 {
		var joined atomic.Bool
		For(4, 1, func(block, _ int) {
			if !onWorker() {
				for block == 0 && !joined.Load() { // times out if no worker comes
					runtime.Gosched()
				}
				return
			}
			if !joined.Swap(true) && block != 2 {
				t.Errorf("a worker begins with block %d of 4, want 2", block)
			}
		})
	}
}
