// The execution of a launch, without the driver's interface. launch.cpp takes the blocks one after the other, block.cpp the threads of a
// block.
#ifndef EXEC_H
#define EXEC_H

#include "host.h"

#include <string>

namespace standin {

enum { THREADS_OF_A_BLOCK = 256, LANES = 32, PAGE = 4096 };

// Codes of CUresult that a kernel can end with.
enum { INVALID_VALUE = 1, ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719 };

struct Launch {
    const Kernel *kernel;
    unsigned grid[3];
    alignas(16) unsigned char arguments[4096];
};

// Why a launch failed, if code is not 0.
struct Fault {
    int code = 0;
    std::string text; // names the kernel, the block and the thread
};

// Random numbers, by xorshift.
class Random {
    uint64_t state = 1;

  public:
    void seed(uint64_t s) {
        state = s * 0x9E3779B97F4A7C15u | 1;
        next();
    }
    uint32_t next() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state >> 32;
    }
};

// Does a launch, to its end or its first fault. The seed decides the order of blocks and threads.
Fault execute(const Launch &, uint64_t seed);

// Of block.cpp, for launch.cpp.
void make_stacks();
void run_block(Random &, Fault &);
[[noreturn]] void leave_block(); // from within a thread
void record_fault(int code, const std::string &why);
bool in_stacks(uintptr_t);
std::string describe_shared(uintptr_t); // empty if it is not in the memory that shared variables lie in
extern bool in_kernel;

// Of launch.cpp, for check.cpp.
bool in_arguments(uintptr_t);

// What check.cpp is told, in the checked build.
#ifdef CHECKED
void check_launch();
void check_block(unsigned number);
void check_barrier();
void check_warp(unsigned warp);
void check_atomic(const void *at, void *caller);
#else
inline void check_launch() {}
inline void check_block(unsigned) {}
inline void check_barrier() {}
inline void check_warp(unsigned) {}
inline void check_atomic(const void *, void *) {}
#endif

} // namespace standin

#endif
