// Package parallel spreads loops over the cores.
package parallel

import "runtime"

// For calls body once for every block of [0, n) of size grain (the last may be shorter), on as many cores as there
// are, and returns when all are done. The blocks depend on n and grain alone, never on the number of cores,
// so a sum kept per block has the same bits everywhere. A grain below 1 counts as 1.
//
// The caller begins with the first part of the blocks, and each goroutine of the pool with a part that is the same in every call, as
// long as there are as many cores and no fewer blocks. A loop over data that the last one was over, too, so finds most of it
// in the cores' own caches.
//
// The caller works too, helped by a pool of goroutines that all calls share. A call that finds the pool in use, as one
// made by a body does, runs its blocks by itself, in order. A panic in body stops the loop and reaches the caller
// with its value; blocks that had not begun are left out. body must not end its goroutine (runtime.Goexit, t.FailNow).
func For(n, grain int, body func(start, end int)) {
	if n <= 0 {
		return
	}
	j := newJob(n, grain, body)
	helpers := min(runtime.GOMAXPROCS(0), j.blocks, maxWorkers+1) - 1
	if helpers > 0 && shared.busy.CompareAndSwap(false, true) {
		shared.run(j, helpers)
		return
	}
	for block := range j.blocks {
		j.call(block)
	}
}

// job is a loop, split into blocks.
type job struct {
	n, grain, blocks int
	body             func(start, end int)
}

func newJob(n, grain int, body func(start, end int)) job {
	grain = max(grain, 1)
	return job{n, grain, (n-1)/grain + 1, body}
}

func (j *job) call(block int) {
	start := block * j.grain
	j.body(start, start+min(j.grain, j.n-start))
}
