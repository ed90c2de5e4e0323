// The blocks of a launch, in an order that the seed decides, and what the system reports while they run: a read or write where there is
// no memory. The handlers of signals are ours only meanwhile: Go has its own.
#include "exec.h"
#include "memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

namespace standin {

const Launch *launch_at_hand;

namespace {

pthread_t executor;
struct sigaction before_segv, before_bus, before_ill;

// What the handler saw. The text is made later, outside the handler.
struct {
    int signal = 0;
    uintptr_t address;
    bool write;
} seen;

alignas(16) unsigned char leaving_stack[16 << 10];

// on_signal opens memory that a kernel touches for the first time, or ends the kernel: when it returns, the thread goes on in leave_block.
// If the fault is not a kernel's, it is handled as before.
void on_signal(int signal, siginfo_t *info, void *context) {
    if (!in_kernel || !pthread_equal(executor, pthread_self())) {
        const struct sigaction *before = signal == SIGSEGV ? &before_segv : signal == SIGBUS ? &before_bus : &before_ill;
        if (before->sa_flags & SA_SIGINFO)
            before->sa_sigaction(signal, info, context);
        else
            sigaction(signal, before, nullptr); // and the fault comes again
        return;
    }
    if (open_memory((uintptr_t)info->si_addr))
        return; // to the same instruction
    auto registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
    seen.signal = signal;
    seen.address = (uintptr_t)info->si_addr;
    seen.write = registers[REG_ERR] & 2;
    registers[REG_RSP] = (greg_t)(leaving_stack + sizeof leaving_stack - 8); // the thread's own may be full
    registers[REG_RIP] = (greg_t)leave_block;
}

// Signals go to on_signal while this lives.
class Handlers {
    stack_t before;
    bool own_stack;
    static unsigned char stack[64 << 10];

  public:
    Handlers() {
        executor = pthread_self();
        sigaltstack(nullptr, &before);
        own_stack = before.ss_flags & SS_DISABLE; // a thread of Go has one
        if (own_stack) {
            stack_t own = {};
            own.ss_sp = stack;
            own.ss_size = sizeof stack;
            sigaltstack(&own, nullptr);
        }
        struct sigaction action = {};
        action.sa_sigaction = on_signal;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigaction(SIGSEGV, &action, &before_segv);
        sigaction(SIGBUS, &action, &before_bus);
        sigaction(SIGILL, &action, &before_ill);
    }
    ~Handlers() {
        sigaction(SIGSEGV, &before_segv, nullptr);
        sigaction(SIGBUS, &before_bus, nullptr);
        sigaction(SIGILL, &before_ill, nullptr);
        if (own_stack)
            sigaltstack(&before, nullptr);
    }
};
unsigned char Handlers::stack[64 << 10];

// report_signal makes the fault of what the handler saw.
void report_signal() {
    if (seen.signal == SIGILL) { // where the compiler put a trap
        record_fault(MISALIGNED_ADDRESS, "a misaligned address");
        return;
    }
    std::string what = describe_shared(seen.address);
    if (in_stacks(seen.address))
        what = "the thread's stack is full";
    else if (what.empty())
        what = describe_memory(seen.address);
    char text[400];
    snprintf(text, sizeof text, "an illegal %s at %#lx: %s", seen.write ? "write" : "read", (unsigned long)seen.address, what.c_str());
    record_fault(ILLEGAL_ADDRESS, text);
}

// A step by which each of n blocks comes up once: one, or a prime that does not divide n.
uint64_t step_through(uint64_t n, uint32_t random) {
    static const uint64_t primes[] = {7919, 104729, 1299709};
    const uint64_t p = primes[random % 3];
    return n % p == 0 ? 1 : p;
}

} // namespace

bool in_arguments(uintptr_t address) {
    return address - (uintptr_t)launch_at_hand->arguments < sizeof launch_at_hand->arguments;
}

Fault execute(const Launch &launch, uint64_t seed) {
    make_stacks();
    Handlers handlers;
    Fault fault;
    Random random;
    random.seed(seed);
    launch_at_hand = &launch;
    gridDim = {launch.grid[0], launch.grid[1], launch.grid[2]};
    blockDim = {THREADS_OF_A_BLOCK, 1, 1};
    threadIdx = {0, 0, 0};
    check_launch();
    const uint64_t plane = (uint64_t)gridDim.x * gridDim.y, n = plane * gridDim.z, step = step_through(n, random.next());
    uint64_t block = random.next() % n;
    for (uint64_t i = 0; i < n && !fault.code; i++, block = (block + step) % n) {
        blockIdx = {unsigned(block % gridDim.x), unsigned(block / gridDim.x % gridDim.y), unsigned(block / plane)};
        check_block(block);
        run_block(random, fault);
        if (seen.signal) {
            in_kernel = false;
            report_signal();
            seen.signal = 0;
        }
    }
    return fault;
}

} // namespace standin
