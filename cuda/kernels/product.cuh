// Products of matrices: one block makes a tile, BM × BN, of c[m, n] = Σ_k a(i, k)·b(k, j).
//
// The block's 256 threads are four groups of 64. The k's are cut into slices of 16; group g takes slices g, g + 4, g + 8, …: it
// brings a slice of both operands into shared memory, while the next is already on its way into registers, and adds the slice's
// products to sums that its threads keep in registers, for k ascending. At the end the four groups' sums are added in their order.
// So a product that makes few tiles still keeps four times as many warps busy, and the bits of a sum depend neither on the size of
// the tile nor on the card.
//
// fmaf_multiplier multiplies on the ordinary cores: a thread has TM × TN sums. tensor_multiplier multiplies in TF32.
#ifndef PRODUCT_CUH
#define PRODUCT_CUH

#include "dev.h"

#define GROUPS 4
#define GROUP_THREADS (THREADS / GROUPS)
#define SLICE 16

// The values of a row of a tile in shared memory are followed by four more, so that successive rows begin in other banks, eight of
// them before one repeats, and still at a multiple of 16 bytes.
#define PADDED(width) ((width) + 4)

// An operand, of which value (i, k) is at i·depth + k, where K_FIRST, and else at k·extent + i.
template <bool K_FIRST> struct operand {
    const float *values;
    int extent, depth;
};

// A slice of an operand on its way: WIDTH × SLICE values, of which each thread of a group has some, STEP apart, in i where K_FIRST and
// else in k, so that successive threads read what is successive in memory. Beyond the operand's ends it is 0.
template <bool K_FIRST, int WIDTH> struct slice {
    enum { EACH = WIDTH * SLICE / GROUP_THREADS, STEP = GROUP_THREADS / (K_FIRST ? SLICE : WIDTH) };
    float values[EACH];

    // The place in the slice of a thread's first value.
    __device__ __forceinline__ static int row(int thread) { return K_FIRST ? thread / SLICE : thread % WIDTH; }
    __device__ __forceinline__ static int depth(int thread) { return K_FIRST ? thread % SLICE : thread / WIDTH; }

    __device__ __forceinline__ void fetch(const operand<K_FIRST> &from, int thread, int i0, int k0) {
        const int i = i0 + row(thread), k = k0 + depth(thread);
        const bool starts_inside = i < from.extent && k < from.depth;
        const int inside = !starts_inside ? 0 : K_FIRST ? from.extent - i : from.depth - k;
        const size_t line = K_FIRST ? from.depth : from.extent;
        const float *at = from.values + (K_FIRST ? i * line + k : k * line + i);
        UNROLL
        for (int r = 0; r < EACH; r++, at += STEP * line)
            values[r] = r * STEP < inside ? *at : 0.f;
    }

    __device__ __forceinline__ void store(float (*to)[PADDED(WIDTH)], int thread) const {
        UNROLL
        for (int r = 0; r < EACH; r++)
            to[depth(thread) + (K_FIRST ? 0 : r * STEP)][row(thread) + (K_FIRST ? r * STEP : 0)] = values[r];
    }
};

template <int BM, int BN> struct operands {
    float a[GROUPS][SLICE][PADDED(BM)];
    float b[GROUPS][SLICE][PADDED(BN)];
};

// What is in shared memory: the groups' slices of the operands, and afterwards the sums.
template <int BM, int BN> struct alignas(32) tile {
    union {
        operands<BM, BN> of;
        float sums[BM][PADDED(BN)];
    };
    float row_sums[BM];
};

// The products of one group, on the ordinary cores.
template <int BM, int BN, int TM, int TN> struct fmaf_multiplier {
    float sums[TM][TN];

    // The places of a thread's T values among B: in runs of four, so that the threads of a warp read successive runs.
    template <int B, int T> __device__ __forceinline__ static int place(int thread, int i) {
        return T <= 4 ? thread * T + i : i / 4 * (B / (T / 4 > 0 ? T / 4 : 1)) + thread * 4 + i % 4;
    }

    __device__ __forceinline__ void clear() {
        UNROLL
        for (int i = 0; i < TM; i++)
            UNROLL
            for (int j = 0; j < TN; j++)
                sums[i][j] = 0.f;
    }

    __device__ __forceinline__ void multiply(const float (*a)[PADDED(BM)], const float (*b)[PADDED(BN)], int thread) {
        const int down = thread / (BN / TN), across = thread % (BN / TN);
        UNROLL_BY(TM * TN <= 16 ? SLICE : 2) // further, a thread of a large tile takes more than 128 registers
        for (int k = 0; k < SLICE; k++) {
            float u[TM], v[TN];
            UNROLL
            for (int i = 0; i < TM; i++)
                u[i] = a[k][place<BM, TM>(down, i)];
            UNROLL
            for (int j = 0; j < TN; j++)
                v[j] = b[k][place<BN, TN>(across, j)];
            UNROLL
            for (int i = 0; i < TM; i++)
                UNROLL
                for (int j = 0; j < TN; j++)
                    sums[i][j] = fmaf(u[i], v[j], sums[i][j]);
        }
    }

    // add puts the sums into to, or adds them to what is there.
    __device__ __forceinline__ void add(float (*to)[PADDED(BN)], int thread, bool first) const {
        const int down = thread / (BN / TN), across = thread % (BN / TN);
        UNROLL
        for (int i = 0; i < TM; i++)
            UNROLL
            for (int j = 0; j < TN; j++) {
                float &sum = to[place<BM, TM>(down, i)][place<BN, TN>(across, j)];
                sum = first ? sums[i][j] : sum + sums[i][j];
            }
    }
};

// product makes the block's tile, and calls done(i, j, c(i, j)) for what is within m × n. With ROW_SUMS the blocks of the first column
// call done_row(i, Σ_k a(i, k)) as well.
template <int BM, int BN, class MULTIPLIER, bool ROW_SUMS, bool A_K_FIRST, bool B_K_FIRST, class DONE, class DONE_ROW>
__device__ __forceinline__ void product(const operand<A_K_FIRST> &a, const operand<B_K_FIRST> &b, DONE done, DONE_ROW done_row) {
    typedef tile<BM, BN> tile_type;
    SHARED(tile_type, t);
    const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
    const int i0 = blockIdx.y * BM, j0 = blockIdx.x * BN;
    const bool sums_rows = ROW_SUMS && blockIdx.x == 0 && thread < BM;
    slice<A_K_FIRST, BM> next_a;
    slice<B_K_FIRST, BN> next_b;
    MULTIPLIER multiplier;
    multiplier.clear();
    float row_sum = 0.f;

    next_a.fetch(a, thread, i0, group * SLICE);
    next_b.fetch(b, thread, j0, group * SLICE);
    NO_UNROLL
    for (int k0 = group * SLICE; k0 - group * SLICE < a.depth; k0 += GROUPS * SLICE) { // as often in every group
        next_a.store(t.of.a[group], thread);
        next_b.store(t.of.b[group], thread);
        __syncthreads();
        next_a.fetch(a, thread, i0, k0 + GROUPS * SLICE);
        next_b.fetch(b, thread, j0, k0 + GROUPS * SLICE);
        multiplier.multiply(t.of.a[group], t.of.b[group], thread);
        if (sums_rows)
            for (int k = 0; k < SLICE; k++)
                row_sum += t.of.a[group][k][thread];
        __syncthreads();
    }
    NO_UNROLL
    for (int g = 0; g < GROUPS; g++) {
        if (group == g) {
            multiplier.add(t.sums, thread, g == 0);
            if (sums_rows)
                t.row_sums[thread] = g == 0 ? row_sum : t.row_sums[thread] + row_sum;
        }
        __syncthreads();
    }
    NO_UNROLL
    for (int e = threadIdx.x; e < BM * BN; e += THREADS) {
        const int i = i0 + e / BN, j = j0 + e % BN;
        if (i < a.extent && j < b.extent)
            done(i, j, t.sums[e / BN][e % BN]);
    }
    if (ROW_SUMS && blockIdx.x == 0)
        for (int r = threadIdx.x; r < BM; r += THREADS)
            if (i0 + r < a.extent)
                done_row(i0 + r, t.row_sums[r]);
}

#endif
