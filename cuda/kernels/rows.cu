// Sums over the columns of each row: a block for each row. A thread adds up every 256th value, then the threads of a warp are added
// in pairs, then the eight warps: the order is fixed, whatever the card.
#include "dev.h"

struct warp_sums {
    float of[THREADS / 32];
};

// block_sum returns the sum of v over the block's threads, to thread 0.
__device__ __forceinline__ float block_sum(float v, warp_sums &sums) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int distance = 16; distance > 0; distance /= 2)
        v += __shfl_down_sync(0xffffffffu, v, distance);
    if (lane == 0)
        sums.of[warp] = v;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int w = 1; w < THREADS / 32; w++)
            v += sums.of[w];
    return v;
}

// log p(x|z) of a Bernoulli's logits l: Σ x·l − max(l, 0) − log(1 + exp(−|l|)).
KERNEL(bernoulli_rows, rows_args) {
    SHARED(warp_sums, sums);
    float v = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS) {
        const float l = a.a[(size_t)blockIdx.x * a.cols + j], x = a.b[(size_t)blockIdx.x * a.cols + j];
        v += x * l - (l < 0.f ? 0.f : l) - log1pf(expf(-fabsf(l)));
    }
    v = block_sum(v, sums);
    if (threadIdx.x == 0)
        a.y[blockIdx.x] = v;
}

// KL(N(mean, exp(logVar)) ‖ N(0, I)): ½·Σ mean² + exp(logVar) − 1 − logVar.
KERNEL(kl_rows, rows_args) {
    SHARED(warp_sums, sums);
    float v = 0.f;
    for (int j = threadIdx.x; j < a.cols; j += THREADS) {
        const float mean = a.a[(size_t)blockIdx.x * a.cols + j], log_var = a.b[(size_t)blockIdx.x * a.cols + j];
        v += mean * mean + expf(log_var) - 1.f - log_var;
    }
    v = block_sum(v, sums);
    if (threadIdx.x == 0)
        a.y[blockIdx.x] = 0.5f * v;
}
