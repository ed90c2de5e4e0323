// What a kernel sees of the stand-in device: the CPU's versions of what dev.h allows. All threads of a block run on one thread of the
// system, so plain variables hold the position of the one that runs now.
#ifndef HOST_H
#define HOST_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __device__
#define __constant__ const
#define __forceinline__ inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 64")
#define INSIDE __attribute__((visibility("hidden"))) // not to be found by users of the library

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

extern INSIDE uint3 threadIdx, blockIdx;
extern INSIDE dim3 blockDim, gridDim;

namespace standin {

// A kernel of this library. Each adds itself to the list of all.
struct Kernel {
    const char *name;
    void (*call)(const void *arguments);
    unsigned size;    // of its arguments
    unsigned threads; // of a block
    Kernel *next;
    INSIDE static Kernel *first;

    Kernel(const char *name, void (*call)(const void *), unsigned size, unsigned threads)
        : name(name), call(call), size(size), threads(threads), next(first) {
        first = this;
    }
};

// A variable in shared memory. There is one for each declaration, as on a card; its value is NaN when a block starts.
struct SharedVariable {
    size_t size;
    uint64_t block = 0; // the last that used it, by the count of all
    void *at = nullptr; // where it lies

    explicit constexpr SharedVariable(size_t size) : size(size) {}
    INSIDE void *in_this_block();
};

// Where in a source a thread waits.
struct Place {
    const char *file;
    int line;
};

INSIDE void wait_for_block(Place);
INSIDE void wait_for_warp(Place);
// Gives value to the other lanes of the warp, and returns lane from's.
INSIDE uint64_t exchange(unsigned mask, uint64_t value, unsigned from, Place);
INSIDE int compare_and_swap(int *at, int compare, int value);
// Ends the launch with an error.
[[noreturn]] INSIDE void stop(int code, const char *why);
// 256 floats that the lanes of a warp share.
INSIDE float *warp_scratch();

inline unsigned lane() { return threadIdx.x & 31; }

template <class T> T shuffle(unsigned mask, T value, unsigned from, Place place) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle takes up to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, from, place);
    memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace standin

#define KERNEL(name, args)                                                                         \
    static void name(const args &a);                                                               \
    static void call_##name(const void *arguments) { name(*static_cast<const args *>(arguments)); } \
    static standin::Kernel kernel_##name(#name, call_##name, sizeof(args), THREADS);               \
    static void name(const args &a)

#define SHARED(T, name)                                  \
    static standin::SharedVariable place_of_##name(sizeof(T)); \
    T &name = *static_cast<T *>(place_of_##name.in_this_block())

// The default arguments are the caller's file and line.
#define CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(CALLER) { standin::wait_for_block({file, line}); }
inline void __syncwarp(CALLER) { standin::wait_for_warp({file, line}); }

template <class T> T __shfl_sync(unsigned mask, T value, int from, CALLER) {
    return standin::shuffle(mask, value, from & 31, {file, line});
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int bits, CALLER) {
    return standin::shuffle(mask, value, (standin::lane() ^ bits) & 31, {file, line});
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned by, CALLER) {
    const unsigned from = standin::lane() + by;
    return standin::shuffle(mask, value, from < 32 ? from : standin::lane(), {file, line});
}

inline int atomicCAS(int *at, int compare, int value) { return standin::compare_and_swap(at, compare, value); }

inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }

inline unsigned __float_as_uint(float f) {
    unsigned u;
    memcpy(&u, &f, sizeof u);
    return u;
}
inline float __uint_as_float(unsigned u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

inline void sincospif(float x, float *s, float *c) {
    const double angle = 3.14159265358979323846 * (double)x;
    *s = (float)sin(angle);
    *c = (float)cos(angle);
}

#include "wmma.h"

#undef CALLER
#endif
