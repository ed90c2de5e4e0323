// What a kernel may use, so that NVRTC compiles it for a card, and a C++ compiler, with the stand-in driver's host.h, for the CPU.
//
// Allowed are threadIdx, blockIdx, blockDim and gridDim, __syncthreads, __syncwarp, __shfl_{down_,xor_,}sync with all 32 lanes,
// atomicCAS of int, __umulhi, nvcuda::wmma, templates, and of <math.h> what host.h has. Not allowed are the standard library, float
// atomics, and a return before a barrier that others of the block come to.
#ifndef DEV_H
#define DEV_H

#ifdef __CUDACC__
#define KERNEL(name, args) extern "C" __global__ void __launch_bounds__(THREADS) name(const args a)
#define SHARED(T, name) __shared__ T name
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")
#else
#include "host.h"
#define NO_UNROLL
#endif

// The threads of a block, in every kernel.
#define THREADS 256

#include "args.h"

#endif
