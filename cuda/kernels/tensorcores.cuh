// The products of one group on tensor cores: factors are rounded to TF32, and the sums are float32. A fragment is 16 × 16 of the tile,
// for 8 k's; the group's two warps have half of the tile's rows each.
//
// Factors are rounded in their fragments, not on the way into shared memory: what else is made of an operand there, as the gradient of a
// bias is, stays float32.
#ifndef TENSORCORES_CUH
#define TENSORCORES_CUH

#include "product.cuh"

#ifdef __CUDACC__
#include <mma.h>
#else
#include "wmma.h"
#endif

template <int BM, int BN> struct tensor_multiplier {
    enum { DOWN = BM / 16 / 2, ACROSS = BN / 16, DEPTH = 8 };
    typedef nvcuda::wmma::precision::tf32 tf32;
    typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, DEPTH, float> accumulators;
    accumulators sums[DOWN][ACROSS];

    // The row of the tile at which the fragments number i of a thread's warp begin.
    __device__ __forceinline__ static int row(int thread, int i) { return (thread / 32 * DOWN + i) * 16; }

    template <class FRAGMENT> __device__ __forceinline__ static void round(FRAGMENT &f) {
        UNROLL
        for (int e = 0; e < FRAGMENT::num_elements; e++)
            f.x[e] = nvcuda::wmma::__float_to_tf32(f.x[e]);
    }

    __device__ __forceinline__ void clear() {
        UNROLL
        for (int i = 0; i < DOWN; i++)
            UNROLL
            for (int j = 0; j < ACROSS; j++)
                nvcuda::wmma::fill_fragment(sums[i][j], 0.f);
    }

    __device__ __forceinline__ void multiply(const float (*a)[PADDED(BM)], const float (*b)[PADDED(BN)], int thread) {
        NO_UNROLL
        for (int k = 0; k < SLICE; k += DEPTH) {
            nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, DEPTH, tf32, nvcuda::wmma::col_major> u[DOWN];
            UNROLL
            for (int i = 0; i < DOWN; i++) {
                nvcuda::wmma::load_matrix_sync(u[i], &a[k][row(thread, i)], PADDED(BM));
                round(u[i]);
            }
            UNROLL
            for (int j = 0; j < ACROSS; j++) {
                nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, DEPTH, tf32, nvcuda::wmma::row_major> v;
                nvcuda::wmma::load_matrix_sync(v, &b[k][j * 16], PADDED(BN));
                round(v);
                UNROLL
                for (int i = 0; i < DOWN; i++)
                    nvcuda::wmma::mma_sync(sums[i][j], u[i], v, sums[i][j]);
            }
        }
    }

    __device__ __forceinline__ void add(float (*to)[PADDED(BN)], int thread, bool first) const {
        UNROLL
        for (int i = 0; i < DOWN; i++)
            UNROLL
            for (int j = 0; j < ACROSS; j++) {
                float *at = &to[row(thread, i)][j * 16];
                accumulators sum = sums[i][j];
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
