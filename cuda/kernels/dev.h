// What a kernel may use, so that NVRTC compiles it for a card, and a C++ compiler, with the stand-in driver's host.h, for the CPU.
//
// Allowed are threadIdx, blockIdx, blockDim and gridDim, __syncthreads, __syncwarp, __shfl_{down_,xor_,}sync with all 32 lanes,
// atomicCAS of int, __umulhi, nvcuda::wmma, templates, and of <math.h> what host.h has. Not allowed are the standard library, float
// atomics, and a return before a barrier that others of the block come to.
#ifndef DEV_H
#define DEV_H

#ifdef __CUDACC__
#define KERNEL_FOR(blocks, name, args) extern "C" __global__ void __launch_bounds__(THREADS, blocks) name(const args a)
#define KERNEL(name, args) KERNEL_FOR(2, name, args)
#define SHARED(T, name) __shared__ T name
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")
#define PRAGMA(text) _Pragma(#text)
#define UNROLL_BY(n) PRAGMA(unroll n)
#else
#include "host.h"
#define KERNEL_FOR(blocks, name, args) KERNEL(name, args)
#define NO_UNROLL
#define UNROLL_BY(n)
#endif

// KERNEL_FOR takes how many blocks a multiprocessor is to hold at once as well, which bounds a thread's registers: to 128 by 2 of them.

// The threads of a block, in every kernel.
#define THREADS 256

#include "args.h"

#endif
