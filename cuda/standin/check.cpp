// The checked build: what the kernels' -fsanitize=thread calls report, each load and store with its address. Looked for are accesses
// outside of memory, to the byte, and races: two accesses of one place, at least one a write, that nothing orders. Ordered are launches,
// what a barrier of the block lies between, and within a warp what a __syncwarp lies between. Shuffles and wmma order no memory.
//
// All blocks run one after the other, so time is one number: the interval, which each block begins anew, and each barrier. For each word
// of memory the last write is remembered, and a read or two, by their marks.
#include "exec.h"
#include "memory.h"
#include "source.h"

#include <stdio.h>
#include <string.h>

#include <memory>
#include <unordered_map>
#include <vector>

extern "C" INSIDE char __ehdr_start, _end; // of this library, by the linker

namespace standin {

namespace {

enum Accessors : uint8_t { ONE, OF_A_WARP, OF_A_BLOCK };

struct Mark {
    uint32_t interval; // 0: none yet
    uint32_t code;     // the address, in this library
    uint16_t epoch;    // of the warp
    uint16_t thread, second; // second: of several, another
    uint8_t bytes;     // of the word, as bits
    Accessors accessors;
};

struct Word {
    Mark write, read;
};

// A page of memory. It is of one allocation or shared variable alone, [begin, end).
struct Page {
    uintptr_t begin, end;
    bool shared;
    Word words[PAGE / 4];
};
std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages; // by address/PAGE
enum : size_t { CACHED = 256, PAGES_KEPT = 8192 };
struct {
    uintptr_t number;
    Page *page;
} cache[CACHED]; // the last pages used

uint32_t interval, first_of_launch, first_of_block;
uint16_t epochs[THREADS_OF_A_BLOCK / LANES];
struct BlockStart {
    uint32_t interval;
    unsigned block;
};
std::vector<BlockStart> starts; // of this launch

struct Access {
    uintptr_t address;
    size_t size;
    bool write;
    uintptr_t code;
};

// Where a place is, in words.
void describe(uintptr_t address, char *text, size_t size) {
    std::string what = describe_shared(address);
    if (what.empty())
        what = describe_memory(address);
    snprintf(text, size, "%s", what.c_str());
}

// No frame of these two is left by an exception or a return, so they hold no strings.
[[noreturn]] __attribute__((noinline)) void stop_outside(const Access &a, uintptr_t address) {
    char what[200], line[200], text[512];
    describe(address, what, sizeof what);
    source_line(a.code, line, sizeof line);
    snprintf(text, sizeof text, "an illegal %s of %zu bytes at %s: %s", a.write ? "write" : "read", a.size, line, what);
    stop(ILLEGAL_ADDRESS, text);
}

[[noreturn]] __attribute__((noinline)) void stop_race(const Access &a, const Mark &m, bool mark_is_write, uintptr_t address) {
    char what[200], line[200], other[200], block[48] = "", text[900];
    describe(address, what, sizeof what);
    source_line(a.code, line, sizeof line);
    source_line(m.code + (uintptr_t)&__ehdr_start, other, sizeof other);
    for (const BlockStart &s : starts)
        if (s.interval <= m.interval && m.interval < first_of_block)
            snprintf(block, sizeof block, " of block number %u", s.block);
    const unsigned thread = m.thread == threadIdx.x && m.accessors != ONE && !*block ? m.second : m.thread;
    snprintf(text, sizeof text, "a race: it %s at %s what thread %u%s %s at %s, with %s between: %s", a.write ? "writes" : "reads", line, thread,
             block, mark_is_write ? "wrote" : "read", other, *block ? "no order of blocks" : "no barrier", what);
    stop(LAUNCH_FAILED, text);
}

bool is_own_memory(uintptr_t address) {
    return (address >= (uintptr_t)&__ehdr_start && address < (uintptr_t)&_end) || in_stacks(address) || in_arguments(address);
}

// page_of returns the page of an address, or nullptr if it is a thread's own, as its variables are.
Page *page_of(const Access &a, uintptr_t address) {
    const uintptr_t number = address / PAGE;
    auto &cached = cache[number % CACHED];
    if (cached.number == number)
        return cached.page;
    if (is_own_memory(address))
        return nullptr;
    auto &page = pages[number];
    if (!page) {
        uintptr_t begin, end;
        bool shared = bounds_of_shared(address, &begin, &end);
        if (!shared) {
            const Allocation *allocation = allocation_at(address, 0);
            if (!allocation)
                stop_outside(a, address);
            begin = allocation->begin;
            end = allocation->end;
        }
        page.reset(new Page());
        page->begin = begin;
        page->end = end;
        page->shared = shared;
    }
    cached = {number, page.get()};
    return page.get();
}

// are_ordered returns whether what a mark tells of comes before the access at hand for certain, or is the same thread's.
bool are_ordered(const Mark &m, const Mark &now, bool shared) {
    if (!(m.bytes & now.bytes))
        return true;
    if (m.interval != interval) // another block's shared variable is another variable
        return shared || m.interval >= first_of_block || m.interval < first_of_launch;
    if (m.accessors == ONE && m.thread == now.thread)
        return true;
    return m.accessors != OF_A_BLOCK && m.thread / LANES == now.thread / LANES && m.epoch != now.epoch;
}

// add_reader makes the mark that of the read at hand too.
void add_reader(Mark &m, const Mark &now, bool shared) {
    const bool other_block = !shared && m.interval >= first_of_launch && m.interval < first_of_block;
    if (other_block) { // no write of this block may come, whoever else reads
        m.bytes |= now.bytes;
        return;
    }
    const bool same_warp = m.thread / LANES == now.thread / LANES;
    if (m.interval != interval || (m.accessors == ONE && m.thread == now.thread) ||
        (m.accessors != OF_A_BLOCK && same_warp && m.epoch != now.epoch)) {
        const uint8_t bytes = m.interval == interval ? m.bytes : 0;
        m = now;
        m.bytes |= bytes;
        return;
    }
    m.bytes |= now.bytes;
    if (m.thread != now.thread)
        m.second = now.thread;
    if (!same_warp)
        m.accessors = OF_A_BLOCK;
    else if (m.accessors == ONE)
        m.accessors = OF_A_WARP;
}

void check_word(const Access &a, Page *page, uintptr_t word, Mark &now) {
    const uintptr_t from = word < a.address ? a.address : word, end = a.address + a.size, to = end < word + 4 ? end : word + 4;
    now.bytes = ((1u << (to - from)) - 1) << (from - word);
    Word &w = page->words[word % PAGE / 4];
    if (!are_ordered(w.write, now, page->shared))
        stop_race(a, w.write, true, from);
    if (!a.write) {
        add_reader(w.read, now, page->shared);
        return;
    }
    if (!are_ordered(w.read, now, page->shared))
        stop_race(a, w.read, false, from);
    w.write = now;
}

void check_bounds(const Access &a, const Page *page) {
    if (a.address < page->begin)
        stop_outside(a, a.address);
    if (a.address + a.size > page->end)
        stop_outside(a, a.address > page->end ? a.address : page->end);
}

void check(const Access &a) {
    if (!in_kernel)
        return;
    Page *page = page_of(a, a.address);
    if (!page)
        return;
    check_bounds(a, page);
    const uint16_t thread = threadIdx.x;
    Mark now = {interval, uint32_t(a.code - (uintptr_t)&__ehdr_start), epochs[thread / LANES], thread, thread, 0, ONE};
    for (uintptr_t word = a.address / 4 * 4; word < a.address + a.size; word += 4) {
        if (word % PAGE == 0)
            page = page_of(a, word);
        check_word(a, page, word, now);
    }
}

} // namespace

// What earlier launches did is ordered, so what is known of it may go.
void check_launch() {
    starts.clear();
    first_of_launch = interval + 1;
    if (pages.size() > PAGES_KEPT) {
        pages.clear();
        memset(cache, 0, sizeof cache);
    }
}

void check_block(unsigned number) {
    first_of_block = ++interval;
    starts.push_back({interval, number});
    memset(epochs, 0, sizeof epochs);
}

void check_barrier() { interval++; }

void check_warp(unsigned warp) { epochs[warp]++; }

// Atomics race with nothing: a kernel that reads what others change at once must not mind which value it gets.
void check_atomic(const void *at, void *caller) {
    const Access a = {(uintptr_t)at, 4, true, (uintptr_t)caller - 1};
    if (const Page *page = page_of(a, a.address))
        check_bounds(a, page);
}

} // namespace standin

// What the compiler calls before each access.
#define REPORT(name, size, write)                                                                                  \
    extern "C" INSIDE void __tsan_##name(void *at) {                                                               \
        standin::check({(uintptr_t)at, size, write, (uintptr_t)__builtin_return_address(0) - 1});                  \
    }
#define REPORTS(size)                       \
    REPORT(read##size, size, false)         \
    REPORT(write##size, size, true)         \
    REPORT(unaligned_read##size, size, false) \
    REPORT(unaligned_write##size, size, true)
REPORTS(1)
REPORTS(2)
REPORTS(4)
REPORTS(8)
REPORTS(16)

#define REPORT_RANGE(name, write)                                                                                  \
    extern "C" INSIDE void __tsan_##name##_range(void *at, size_t size) {                                          \
        standin::check({(uintptr_t)at, size, write, (uintptr_t)__builtin_return_address(0) - 1});                  \
    }
REPORT_RANGE(read, false)
REPORT_RANGE(write, true)

extern "C" INSIDE void __tsan_func_entry(void *) {}
extern "C" INSIDE void __tsan_func_exit() {}
extern "C" INSIDE void __tsan_init() {}
