package parallel

import "sync/atomic"

// Deferred is a loop with time until it is waited for. From Start on, the pool's workers run its blocks in the moments
// in which they find no call of For to join, and would only spin. Wait runs what is left then.
// So it makes use of the gaps that the other loops leave, and takes next to nothing from them: it wakes no goroutine, and
// keeps none from joining a call of For for longer than a block takes. Blocks should be short, of a few microseconds.
//
// The zero value is ready for use, and after Wait it can be started again. It must not be copied while started. One loop at a
// time gets the pool's help, the first that was started; any others are run by their Wait.
type Deferred struct {
	job     job           // written while the state is 0, read by those who have taken a block
	state   atomic.Uint64 // see below
	failure atomic.Pointer[failure]
}

// The state of a Deferred is one word, so that a goroutine takes a block and is counted as inside in one atomic step:
//
//	blocks that nobody has taken (40 bits) | goroutines inside (24 bits)
//
// Nobody reads anything else of the Deferred before that step. So it does not matter how old the pointer is by which a
// goroutine has come: it gets a block of the loop that is under way, or none, and while it is inside, the state is not 0 and Wait
// does not return.
const (
	within     uint64 = 1
	withinMask uint64 = 1<<24 - 1
	untaken    uint64 = 1 << 24
	maxUntaken uint64 = 1<<40 - 1
)

// Start begins a loop over [0, n) in blocks of size grain, as For makes them. Its caller must call Wait before it uses what
// body makes or changes what body reads. It panics if d has been started and not been waited for, or if there are 2⁴⁰ blocks or more.
func (d *Deferred) Start(n, grain int, body func(start, end int)) {
	if d.job.body != nil {
		panic("parallel: Start of a Deferred that has not been waited for")
	}
	if n <= 0 {
		return
	}
	j := newJob(n, grain, body)
	if uint64(j.blocks) > maxUntaken {
		panic("parallel: Start with more blocks than can be counted")
	}
	d.job = j
	d.state.Store(uint64(j.blocks) * untaken)
	shared.deferred.CompareAndSwap(nil, d)
}

// Wait returns when all blocks are done, and at once if there are none. The caller runs those that nobody has taken.
// A panic in body stops the loop and reaches the caller of Wait with its value; blocks that had not begun are left out.
// body must not wait for its own loop, nor end its goroutine.
func (d *Deferred) Wait() {
	if d.job.body == nil {
		return
	}
	for d.runBlock() {
	}
	await(&d.state, withinMask)
	shared.deferred.CompareAndSwap(d, nil)
	d.job = job{}
	if failed := d.failure.Swap(nil); failed != nil {
		panic(failed.value)
	}
}

// runBlock runs the next block, and reports whether there was one.
func (d *Deferred) runBlock() bool {
	block, ok := d.take()
	if !ok {
		return false
	}
	defer func() {
		if value := recover(); value != nil {
			d.failure.CompareAndSwap(nil, &failure{value})
			d.state.And(withinMask) // leaves no block to take
		}
		d.state.Add(^(within - 1)) // minus within
	}()
	d.job.call(block)
	return true
}

// take takes the next block, if there is one, and counts the caller as inside.
func (d *Deferred) take() (block int, ok bool) {
	for {
		state := d.state.Load()
		if state < untaken {
			return 0, false
		}
		if d.state.CompareAndSwap(state, state-untaken+within) {
			return d.job.blocks - int(state/untaken), true
		}
	}
}
