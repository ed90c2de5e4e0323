// The products of one group on tensor cores: factors are rounded to TF32, and the sums are float32. A fragment is 16 × 16 of the tile,
// for 8 k's; the group's two warps have half of the fragments each.
#ifndef TENSORCORES_CUH
#define TENSORCORES_CUH

#include "product.cuh"

#ifdef __CUDACC__
#include <mma.h>
#else
#include "wmma.h"
#endif

template <int BM, int BN> struct tensor_multiplier {
    enum { ACROSS = BN / 16, FRAGMENTS = (BM / 16) * ACROSS / 2, DEPTH = 8 };
    typedef nvcuda::wmma::precision::tf32 tf32;
    typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, DEPTH, float> accumulators;
    accumulators sums[FRAGMENTS];

    __device__ __forceinline__ static float rounded(float x) { return nvcuda::wmma::__float_to_tf32(x); }

    // The rows and columns of the tile at which fragment f of a thread's warp begins.
    __device__ __forceinline__ static int row(int thread, int f) { return (thread / 32 * FRAGMENTS + f) / ACROSS * 16; }
    __device__ __forceinline__ static int column(int thread, int f) { return (thread / 32 * FRAGMENTS + f) % ACROSS * 16; }

    __device__ __forceinline__ void clear() {
        UNROLL
        for (int f = 0; f < FRAGMENTS; f++)
            nvcuda::wmma::fill_fragment(sums[f], 0.f);
    }

    __device__ __forceinline__ void multiply(const float (*a)[PADDED(BM)], const float (*b)[PADDED(BN)], int thread) {
        UNROLL
        for (int k = 0; k < SLICE; k += DEPTH)
            UNROLL
            for (int f = 0; f < FRAGMENTS; f++) {
                nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, DEPTH, tf32, nvcuda::wmma::col_major> u;
                nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, DEPTH, tf32, nvcuda::wmma::row_major> v;
                nvcuda::wmma::load_matrix_sync(u, &a[k][row(thread, f)], PADDED(BM));
                nvcuda::wmma::load_matrix_sync(v, &b[k][column(thread, f)], PADDED(BN));
                nvcuda::wmma::mma_sync(sums[f], u, v, sums[f]);
            }
    }

    __device__ __forceinline__ void add(float (*to)[PADDED(BN)], int thread, bool first) const {
        UNROLL
        for (int f = 0; f < FRAGMENTS; f++) {
            float *at = &to[row(thread, f)][column(thread, f)];
            accumulators sum = sums[f];
            if (!first) {
                accumulators before;
                nvcuda::wmma::load_matrix_sync(before, at, PADDED(BN), nvcuda::wmma::mem_row_major);
                UNROLL
                for (int e = 0; e < accumulators::num_elements; e++)
                    sum.x[e] = before.x[e] + sum.x[e];
            }
            nvcuda::wmma::store_matrix_sync(at, sum, PADDED(BN), nvcuda::wmma::mem_row_major);
        }
    }
};

#endif
