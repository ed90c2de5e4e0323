// The threads of a block, on one thread of the system. A thread is a plain call as long as it need not wait; when it must, it keeps the
// stack, and another goes on: one that may, or a fresh one on a fresh stack. So only threads that wait cost a stack and switches.
// The order of the threads is drawn anew at each start and each barrier.
#include "exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

// Kernels do not see namespaces.
uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

// switch_stacks keeps what the System V ABI wants a call to keep, and its stack pointer in *from, and goes on where the stack "to" was left.
extern "C" INSIDE void switch_stacks(void **from, void *to);
asm(R"(
.text
.globl switch_stacks
.hidden switch_stacks
.type switch_stacks, @function
switch_stacks:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    pop %rcx
    jmp *%rcx
)");

namespace standin {

Kernel *Kernel::first;
bool in_kernel;

extern const Launch *launch_at_hand;

namespace {

enum { STACK = 64 << 10, WARPS = THREADS_OF_A_BLOCK / LANES };

// A stack with a thread on it.
struct Fiber {
    void *stack_pointer;
    unsigned thread;
};

Fiber fibers[THREADS_OF_A_BLOCK];
unsigned fiber_count, current;
unsigned char *stacks; // each is a page that must not be touched, and STACK bytes
void *outside;         // the stack pointer of run_block

unsigned order[THREADS_OF_A_BLOCK]; // in which threads start
unsigned started, finished;

// Fibers that may go on, first in, first out. There are never more than fibers.
struct {
    unsigned fibers[THREADS_OF_A_BLOCK], head, tail;
    bool empty() const { return head == tail; }
    void put(unsigned f) { fibers[tail++ % THREADS_OF_A_BLOCK] = f; }
    unsigned take() { return fibers[head++ % THREADS_OF_A_BLOCK]; }
} ready;

// Those that wait, for all of a block or of a warp, at one place.
template <unsigned N> struct Gathering {
    unsigned fibers[N], count;
    Place place;
};
Gathering<THREADS_OF_A_BLOCK> barrier;
struct Warp {
    Gathering<LANES> waiting;
    unsigned exchanges;       // that are complete
    uint64_t values[2][LANES]; // of the exchange at hand and the last, which some have yet to read
    float scratch[256];
} warps[WARPS];

Random *draw;
Fault *fault;

// Shared variables lie at the ends of regions of their own, each with a page behind it that must not be touched.
enum { SHARED_LIMIT = 48 << 10, REGION = SHARED_LIMIT + PAGE, REGIONS = 64 };
unsigned char *regions;
SharedVariable *shared[REGIONS];
unsigned shared_count;
size_t shared_size; // of those that this block has used
uint64_t blocks;    // that were run, ever

// An order of n, which is a power of two: every value once, from first on, by steps.
struct Shuffle {
    unsigned at, step, n;
    Shuffle(unsigned n, uint32_t random) : at(random % n), step(random >> 16 | 1), n(n) {}
    unsigned next() { return at = (at + step) % n; }
};

// resume leaves the fiber at hand for another.
void resume(unsigned f) {
    const unsigned self = current;
    current = f;
    threadIdx.x = fibers[f].thread;
    if (f != self)
        switch_stacks(&fibers[self].stack_pointer, fibers[f].stack_pointer);
}

void threads_run();

// new_fiber makes a stack on which threads_run will run. The tops are staggered, or all would fall into the same lines of the cache.
unsigned new_fiber() {
    const unsigned f = fiber_count++;
    unsigned char *end = stacks + (f + 1) * (size_t)(PAGE + STACK) - f * 320 % PAGE / 64 * 64;
    void **top = reinterpret_cast<void **>(end);
    *--top = nullptr; // where a return address would be
    *--top = reinterpret_cast<void *>(threads_run);
    for (int i = 0; i < 6; i++)
        *--top = nullptr; // the registers
    fibers[f].stack_pointer = top;
    return f;
}

// go_on leaves the fiber at hand, which waits or is done, for one that may run.
void go_on() {
    const bool fresh = started < THREADS_OF_A_BLOCK;
    if (!ready.empty() && !(fresh && draw->next() % 4 == 0)) {
        resume(ready.take());
    } else if (fresh) {
        resume(new_fiber());
    } else {
        if (finished < THREADS_OF_A_BLOCK)
            record_fault(LAUNCH_FAILED, barrier.count ? "a barrier that some threads of the block never reach"
                                                      : "a warp operation that some lanes never reach");
        leave_block();
    }
}

// threads_run is what each fiber does: fresh threads, until there are none.
void threads_run() {
    while (started < THREADS_OF_A_BLOCK) {
        fibers[current].thread = threadIdx.x = order[started++];
        launch_at_hand->kernel->call(launch_at_hand->arguments);
        finished++;
        if (barrier.count)
            stop(LAUNCH_FAILED, "it returned while others of its block wait at a barrier");
    }
    for (;;)
        go_on();
}

// join adds the thread at hand to those that wait, and returns whether it is the last. Then all may go on.
template <unsigned N> bool join(Gathering<N> &g, Place place, const char *otherwise) {
    if (g.count && (g.place.line != place.line || (g.place.file != place.file && strcmp(g.place.file, place.file)))) {
        char text[512];
        snprintf(text, sizeof text, "%s: %s:%d and %s:%d", otherwise, g.place.file, g.place.line, place.file, place.line);
        stop(LAUNCH_FAILED, text);
    }
    g.place = place;
    g.fibers[g.count++] = current;
    if (g.count < N)
        return false;
    g.count = 0;
    Shuffle shuffle(N, draw->next());
    for (unsigned i = 0; i < N; i++)
        ready.put(g.fibers[shuffle.next()]);
    return true;
}

Warp &warp_at_hand() { return warps[threadIdx.x / LANES]; }

} // namespace

void wait_for_block(Place place) {
    if (join(barrier, place, "threads of a block wait at different barriers"))
        check_barrier();
    go_on();
}

// gather lets the lanes of a warp go on when all have come, and returns whether this one is the last.
static bool gather(Warp &w, Place place) {
    const bool last = join(w.waiting, place, "lanes of a warp wait at different places");
    if (last)
        w.exchanges++;
    return last;
}

void wait_for_warp(Place place) {
    Warp &w = warp_at_hand();
    if (gather(w, place))
        check_warp(&w - warps);
    go_on();
}

void converge(Place place) {
    gather(warp_at_hand(), place);
    go_on();
}

uint64_t exchange(unsigned mask, uint64_t value, unsigned from, Place place) {
    if (mask != ~0u)
        stop(LAUNCH_FAILED, "a shuffle without all 32 lanes, which kernels here must not use");
    Warp &w = warp_at_hand();
    uint64_t *values = w.values[w.exchanges % 2];
    values[lane()] = value;
    gather(w, place);
    go_on();
    return values[from];
}

float *warp_scratch() { return warp_at_hand().scratch; }

int compare_and_swap(int *at, int compare, int value) {
    check_atomic(at, __builtin_return_address(0));
    const int was = *at;
    if (was == compare)
        *at = value;
    return was;
}

void *SharedVariable::in_this_block() {
    const size_t padded = (size + 15) / 16 * 16;
    if (!at) {
        if (shared_count == REGIONS || padded > SHARED_LIMIT)
            stop(INVALID_VALUE, "too many or too large shared variables");
        shared[shared_count] = this;
        at = regions + ++shared_count * (size_t)REGION - PAGE - padded;
    }
    if (block != blocks) {
        block = blocks;
        shared_size += padded;
        if (shared_size > SHARED_LIMIT)
            stop(INVALID_VALUE, "more than 48 KiB of shared memory in a block");
        memset(at, 0xff, padded);
    }
    return at;
}

std::string describe_shared(uintptr_t address) {
    const uintptr_t offset = address - (uintptr_t)regions;
    if (!regions || offset >= (uintptr_t)REGIONS * REGION)
        return "";
    const unsigned region = offset / REGION;
    if (region >= shared_count)
        return "no shared variable";
    const long at = address - (uintptr_t)shared[region]->at, size = shared[region]->size;
    const std::string of = " a shared variable of " + std::to_string(size) + " bytes";
    if (at < 0)
        return std::to_string(-at) + " bytes before" + of;
    if (at >= size)
        return std::to_string(at - size) + " bytes past the end of" + of;
    return "byte " + std::to_string(at) + " of" + of;
}

bool bounds_of_shared(uintptr_t address, uintptr_t *begin, uintptr_t *end) {
    for (unsigned i = 0; i < shared_count; i++) {
        *begin = (uintptr_t)shared[i]->at;
        *end = *begin + shared[i]->size;
        if (address >= *begin && address < *end)
            return true;
    }
    return false;
}

bool in_stacks(uintptr_t address) {
    return address - (uintptr_t)stacks < THREADS_OF_A_BLOCK * (uintptr_t)(PAGE + STACK);
}

static unsigned char *map(size_t size) {
    void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("standin: mmap");
        abort();
    }
    return static_cast<unsigned char *>(p);
}

void make_stacks() {
    if (stacks)
        return;
    stacks = map(THREADS_OF_A_BLOCK * (size_t)(PAGE + STACK));
    for (int i = 0; i < THREADS_OF_A_BLOCK; i++)
        mprotect(stacks + i * (size_t)(PAGE + STACK), PAGE, PROT_NONE);
    regions = map(REGIONS * (size_t)REGION);
    for (int i = 1; i <= REGIONS; i++)
        mprotect(regions + i * (size_t)REGION - PAGE, PAGE, PROT_NONE);
}

void record_fault(int code, const std::string &why) {
    if (fault->code)
        return;
    char where[256];
    snprintf(where, sizeof where, "kernel %s, block (%u,%u,%u), thread %u: ", launch_at_hand->kernel->name, blockIdx.x, blockIdx.y,
             blockIdx.z, threadIdx.x);
    fault->code = code;
    fault->text = where + why;
}

void leave_block() {
    void *nobody;
    switch_stacks(&nobody, outside);
    abort();
}

void stop(int code, const char *why) {
    record_fault(code, why);
    leave_block();
}

void run_block(Random &random, Fault &f) {
    draw = &random;
    fault = &f;
    blocks++;
    shared_size = 0;
    fiber_count = started = finished = ready.head = ready.tail = barrier.count = 0;
    for (Warp &w : warps)
        w.waiting.count = w.exchanges = 0;
    Shuffle shuffle(THREADS_OF_A_BLOCK, random.next());
    for (unsigned &o : order)
        o = shuffle.next();
    current = new_fiber();
    in_kernel = true;
    switch_stacks(&outside, fibers[current].stack_pointer);
    in_kernel = false;
}

} // namespace standin
