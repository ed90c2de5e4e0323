package parallel

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// idle is how long a worker spins for its next job before it parks. Waking a parked one takes the system
	// about as long as a whole matrix product, so it outlasts the pauses inside a training step.
	idle = 200 * time.Microsecond

	// nap is how long the caller sleeps at a time, after it has waited for idle.
	nap = 50 * time.Microsecond

	spinsPerClock = 32 // looks at the state between two looks at the clock

	maxWorkers = 1<<16 - 1 // what the fields of the state can count
)

// The state is one word, so that a worker joins a job in one atomic step or not at all:
//
//	generation of the job (32 bits) | places still open (16 bits) | workers inside (16 bits)
const (
	inside     uint64 = 1
	insideMask uint64 = 1<<16 - 1
	open       uint64 = 1 << 16
	openMask   uint64 = insideMask << 16
	generation uint64 = 1 << 32
)

// cacheLine keeps fields that different cores write apart; processors fetch lines of 64 bytes in pairs.
type cacheLine [128]byte

// pool hands one job at a time to its workers, and a deferred loop to those who find none. The caller never waits for
// a worker that has not joined, so a parked or descheduled worker can delay a job, but not hold it up.
type pool struct {
	busy    atomic.Bool // held by the call of For that uses the pool; guards workers and the job
	workers []*worker
	job     job    // written before the state opens it, read by those who joined
	parts   []part // of the job; the caller's first, then one for each worker that may join

	_     cacheLine
	state atomic.Uint64
	_     cacheLine

	deferred atomic.Pointer[Deferred] // the loop that workers run while they find no job
	_        cacheLine

	failure atomic.Pointer[failure] // first panic of a worker
}

// part is a share of a job's blocks. Whoever it is meant for takes them before any others, and so finds the data of a
// loop that is run again and again, or of one over the same data, where it left them: in the caches of its core.
type part struct {
	next atomic.Int64 // first block that nobody has taken
	end  int64
	_    cacheLine
}

// failure carries a panic from a worker to the caller.
type failure struct{ value any }

var shared pool

// run does j with the help of at most helpers workers. The caller holds p.busy, which run releases.
func (p *pool) run(j job, helpers int) {
	defer p.finish()
	p.job = j
	p.divide(helpers + 1)
	p.state.Store(p.state.Load()&^(openMask|insideMask) + generation + uint64(helpers)*open)
	for len(p.workers) < helpers {
		w := &worker{number: len(p.workers) + 1, wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		go w.loop(p)
	}
	for _, w := range p.workers[:helpers] {
		w.unpark()
	}
	p.takeBlocks(0)
}

// divide divides the job's blocks into n parts.
func (p *pool) divide(n int) {
	if n > cap(p.parts) {
		p.parts = make([]part, n)
	}
	p.parts = p.parts[:n]
	for i := range p.parts {
		p.parts[i].next.Store(int64(i * p.job.blocks / n))
		p.parts[i].end = int64((i + 1) * p.job.blocks / n)
	}
}

// leaveOut leaves no block to take.
func (p *pool) leaveOut() {
	for i := range p.parts {
		p.parts[i].next.Store(p.parts[i].end)
	}
}

// finish closes the job, waits for the workers that joined it, and passes their panic on.
// It runs deferred, so that a panic in the caller's own part leaves no worker behind.
func (p *pool) finish() {
	p.leaveOut()
	p.state.And(^openMask)
	await(&p.state, insideMask)
	p.job = job{}
	failed := p.failure.Swap(nil)
	p.busy.Store(false)
	if failed != nil {
		panic(failed.value)
	}
}

// await returns when the field of state under mask, which counts the workers inside a loop, is 0.
func await(state *atomic.Uint64, mask uint64) {
	for start := time.Now(); ; {
		for range spinsPerClock {
			if state.Load()&mask == 0 {
				return
			}
			pause()
		}
		// A worker may be waiting for this very core: at first for the goroutine to yield it, and if that
		// does not help, for the thread.
		if time.Since(start) < idle {
			runtime.Gosched()
		} else {
			time.Sleep(nap)
		}
	}
}

// takeBlocks runs the blocks of a part, and then what is left of the others.
func (p *pool) takeBlocks(number int) {
	for i := range p.parts {
		part := &p.parts[(number+i)%len(p.parts)]
		for part.next.Load() < part.end {
			if block := part.next.Add(1) - 1; block < part.end {
				p.job.call(int(block))
			}
		}
	}
}

// worker is one goroutine of the pool.
type worker struct {
	number int // of its part of a job
	parked atomic.Bool
	wake   chan struct{}
	seen   uint64 // generation of the last job joined
}

func (w *worker) loop(p *pool) {
	for {
		for worked := time.Now(); time.Since(worked) < idle; {
			for range spinsPerClock {
				if w.join(p) {
					w.help(p)
					worked = time.Now()
				} else if d := p.deferred.Load(); d != nil {
					d.runBlock()
				}
				pause()
			}
		}
		w.park(p)
	}
}

// canJoin reports whether state offers a place in a job that w has not been in.
func (w *worker) canJoin(state uint64) bool {
	return state&openMask != 0 && state/generation != w.seen
}

func (w *worker) join(p *pool) bool {
	for {
		state := p.state.Load()
		if !w.canJoin(state) {
			return false
		}
		if p.state.CompareAndSwap(state, state-open+inside) {
			w.seen = state / generation
			return true
		}
	}
}

// help works on the job that w has joined, and leaves it.
func (w *worker) help(p *pool) {
	defer func() {
		if value := recover(); value != nil {
			p.failure.CompareAndSwap(nil, &failure{value})
			p.leaveOut()
		}
		p.state.Add(^(inside - 1)) // minus inside
	}()
	p.takeBlocks(w.number)
}

// park blocks until unpark, unless a job has come up meanwhile.
func (w *worker) park(p *pool) {
	w.parked.Store(true)
	if w.canJoin(p.state.Load()) && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}

func (w *worker) unpark() {
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}
